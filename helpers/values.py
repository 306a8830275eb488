"""What a parameter may be: kinds of values, each with its check, and the base of all parameters."""

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field

from helpers.errors import choice_problem
from helpers.lists import read_number, read_numbers
from helpers.paths import path_problem


def choice_of(choices: Collection[str]) -> AfterValidator:
    """Return a validator that looks the choices up when it is used, so that later registrations count."""

    def check(value: str) -> str:
        if problem := choice_problem(value, choices):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _check_path(value: str) -> str:
    if problem := path_problem(value):
        raise ValueError(problem)
    return value


def _check_epsilons(value: tuple[float, ...]) -> tuple[float, ...]:
    if value[0] < 0 or not 0 < value[-1] <= 1 or any(b <= a for a, b in pairwise(value)):
        raise ValueError(
            'expected L∞ radii on pixels in [0, 1], at most 1, strictly increasing, such as "1/255, 2/255", '
            f"got {list(value)}"
        )
    return value


Epsilons = Annotated[tuple[float, ...], BeforeValidator(read_numbers), AfterValidator(_check_epsilons)]
PathText = Annotated[str, AfterValidator(_check_path)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
PositiveFraction = Annotated[float, BeforeValidator(read_number), Field(gt=0)]  # a number, or text such as "1/4"
Share = Annotated[float, Field(gt=0, le=1)]


class Parameters(pydantic.BaseModel):
    """What all parts share: frozen, unknown names refused, no infinity, no NaN, and no boolean for a number."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @pydantic.field_validator("*", mode="wrap")
    @classmethod
    def _refuse_booleans_as_numbers(cls, value: Any, validate: pydantic.ValidatorFunctionWrapHandler) -> Any:
        checked = validate(value)
        if isinstance(value, bool) and not isinstance(checked, bool):  # pydantic takes True for 1
            raise ValueError(f"expected a number, got {value}")
        return checked
