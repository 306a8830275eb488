"""The configuration of a model: all parameters together, checked and frozen."""

from collections.abc import Mapping, Set
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import Field

from helpers.errors import StudyError, check_choice
from helpers.parameters import AttackParameters, ImageParameters, TrainingParameters
from helpers.tasks import TASKS, Task
from helpers.values import Parameters, PathText

Checked = TypeVar("Checked", bound=Parameters)


class Config(ImageParameters, TrainingParameters, AttackParameters):
    """Every parameter of one model, from images to robust accuracy."""

    profile: str  # a name in params/, or the path of a YAML file
    runs_dir: PathText = "runs"

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
    return check_parameters(Config, parameters)


def check_parameters(kind: type[Checked], parameters: Mapping[str, Any]) -> Checked:
    """Return parameters of a kind such as `Config`, checked.

    Raises:
        StudyError: one error that lists everything that is wrong.
    """
    for name in parameters:
        check_choice("parameter", name, kind.model_fields)
    try:
        return kind(**parameters)
    except pydantic.ValidationError as error:
        raise StudyError("; ".join(map(_explain, error.errors()))) from None


def check_values(**parameters: Any) -> dict[str, Any]:
    """Return the values of some parameters of `Config`, each checked by itself, and of its properties as they are.

    Raises:
        StudyError: one error that lists all that are no such value.
    """
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in Config.model_fields.items()}
    chosen = {name: fields[name] for name in parameters if name in fields}
    kind = pydantic.create_model("Values", __base__=Parameters, **chosen)
    return {**parameters, **check_parameters(kind, {name: parameters[name] for name in chosen}).model_dump()}


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return a whole number, given as such or as text, that is at least `least`.

    Raises:
        StudyError: it is something else; the message starts with the parameter's `name`.
    """
    fields: dict[str, Any] = {name: (Annotated[int, Field(ge=least)], ...)}
    kind = pydantic.create_model("Count", __base__=Parameters, **fields)
    return getattr(check_parameters(kind, {name: value}), name)


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
