"""The study's helpers. What other code may rely on is listed in __init__.pyi; TensorFlow loads when first needed."""

from typing import Any

import lazy_loader

from helpers.errors import choice_problem

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if problem := choice_problem(name, __all__):
        raise AttributeError(f"module 'helpers': {problem}")
    return _load(name)
