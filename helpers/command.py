"""One step for one model, from the command line: what the workflow runs between notebooks.

python -m helpers.command pretrain --profile quick --backbone resnet50
python -m helpers.command attack --profile quick --task skin_lesion --backbone resnet50 --attention soft
python -m helpers.command explain --profile quick --task skin_lesion --backbone resnet50 --attention soft
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from helpers.errors import StudyError
from helpers.gpus import one_gpu
from helpers.profile_files import MODEL_KEYS, name_job
from helpers.profiles import read_config
from helpers.progress import LINES, print_place
from helpers.signals import exit_on_signals


def _pretrain(**model: Any) -> None:
    from helpers.training.pretrain import pretrain

    pretrain(read_config(**model))


def _attack(**model: Any) -> None:
    from helpers.attacks.evaluate import evaluate
    from helpers.datasets.manifest import read_model_config

    evaluate(read_model_config(**model))


def _explain(**model: Any) -> None:
    from helpers.datasets.manifest import read_model_config
    from helpers.explain.explanation import explain_model

    explain_model(read_model_config(**model))


STEPS: dict[str, Callable[..., None]] = {"pretrain": _pretrain, "attack": _attack, "explain": _explain}


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line and run the step; an error that the user can fix ends it with one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--profile", required=True, help="name in params/, or path of a YAML file")
    parser.add_argument("--runs-dir", help="where runs are kept; default: the profile's")
    for name in MODEL_KEYS:
        parser.add_argument(
            f"--{name}",
            type=int if name == "seed" else str,
            help="default: as in the profile's first model that has the others",
        )
    arguments = vars(parser.parse_args(words))
    os.environ.setdefault(LINES, "1")
    step = arguments.pop("step")
    place = name_job(step, arguments)
    try:
        with exit_on_signals(place), one_gpu():
            print_place(place)
            STEPS[step](**arguments)
    except StudyError as error:
        sys.exit(f"error: {place}: {error}")


if __name__ == "__main__":
    main()
