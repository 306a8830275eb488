"""Python imports this at start-up if this folder is on PYTHONPATH: so child processes know the tiny backbones."""

import tiny_backbones

tiny_backbones.register()
