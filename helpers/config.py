"""The configuration of a model: all parameters together, checked and frozen."""

from collections.abc import Mapping, Set
from typing import Any

import pydantic

from helpers.errors import StudyError, check_choice
from helpers.parameters import AttackParameters, ImageParameters, Parameters, TrainingParameters
from helpers.tasks import TASKS, Task


class Config(ImageParameters, TrainingParameters, AttackParameters):
    """Every parameter of one model, from images to robust accuracy."""

    profile: str  # a name in params/, or the path of a YAML file
    runs_dir: str = "runs"

    @property
    def task_record(self) -> Task:
        """Return what the study knows of the task."""
        return TASKS[self.task]

    def part(self, part: type[Parameters], *, without: Set[str] = frozenset()) -> dict[str, Any]:
        """Return the parameters of one part, by name, but for those named in `without`."""
        return self.model_dump(include=set(part.model_fields) - set(without))

    def replace(self, **changes: Any) -> "Config":
        """Return a copy with some parameters changed, checked again."""
        return make_config({**self.model_dump(), **changes})


def make_config(parameters: Mapping[str, Any]) -> Config:
    """Return a checked configuration.

    Raises:
        StudyError: one error that lists everything that is wrong.
    """
    for name in parameters:
        check_choice("parameter", name, Config.model_fields)
    try:
        return Config(**parameters)
    except pydantic.ValidationError as error:
        raise StudyError("; ".join(map(_explain, error.errors()))) from None


def _explain(error: Mapping[str, Any]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    if error["type"] == "missing":
        return f"{error['loc'][0]}: expected a value, found none; give it in the profile or to the notebook"
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "value_error":
        return f"{name}: {message}"
    return f"{name}: {message[0].lower()}{message[1:]}, got {error['input']!r}"
