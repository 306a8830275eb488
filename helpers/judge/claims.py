"""The claims of the paper, as data: what each compares, and what would support or contradict it.

They stand in results/claims.yaml, and are fixed before the reference run. `helpers.judge.ledger` decides.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml
from pydantic import AfterValidator, Field

from helpers.backbones import BACKBONES
from helpers.errors import StudyError, choice_problem
from helpers.judge.comparison import Comparison
from helpers.judge.measures import MEASURES, Measure
from helpers.judge.testable import CLAIMS
from helpers.tasks import TASKS
from helpers.values import choice_of

# Measures of one kind of model, or of a task, alone
LEVEL_MEASURES = ("accuracy", "share of accuracy lost", "ratio of radii between tasks")
ROBUSTNESS_MEASURES = ("ratio of radii", "difference of accuracies", "ratio of accuracies")
# Names of thresholds, the smaller one of each pair first
SMALLER_FIRST = (("supports_above", "contradicts_below"), ("contradicts_above", "supports_below"))
TASK_BACKBONES = "expected task/backbone, such as skin_lesion/resnet50"


def _check_cell(value: str) -> str:
    task, _, backbone = value.partition("/")
    for name, choices in ((task, TASKS), (backbone, BACKBONES)):
        if problem := choice_problem(name, choices):
            raise ValueError(f"{TASK_BACKBONES}: {problem}")
    return value


Cell = Annotated[str, AfterValidator(_check_cell)]


class Claim(Comparison):
    """A sentence of the paper as a test.

    The measure is compared with thresholds, on its own scale. A claim that something is larger has `supports_above` and
    `contradicts_below`; the second is larger than the first where an effect has to matter: an effect that is surely
    smaller than that contradicts the claim. A claim that something is smaller has `supports_below` and
    `contradicts_above`. A claim that there is no difference has `within`.
    """

    id: str
    section: str  # of the paper; "ours": a question that the paper does not ask
    says: str  # in our words
    gives: str = ""  # the paper's own number, as printed
    reading: str = ""  # what is an inference of ours
    cells: tuple[Cell, ...] = ()
    measure: Annotated[str, choice_of(MEASURES)] | None = None
    supports_above: float | Literal["chance"] | None = None
    contradicts_below: float | Literal["chance"] | None = None
    supports_below: float | Literal["chance"] | None = None
    contradicts_above: float | Literal["chance"] | None = None
    within: tuple[float, float] | None = None
    at_least: int | None = None  # of the cells must support it; None: all
    seeds: Annotated[int, Field(ge=1)] = 1  # trainings that it takes
    primary: bool = False  # the primary endpoint; all others are secondary
    not_testable: str = ""  # why no run of this study can decide it

    @pydantic.model_validator(mode="after")
    def _check_claim(self) -> Self:
        if self.not_testable:
            if self.measure is not None:
                raise ValueError(f"not_testable: expected no measure beside it, got {self.measure!r}")
            return self
        if self.measure is None or not self.cells:
            raise ValueError("expected a measure and cells, or not_testable with the reason")
        missing = [name for name in MEASURES[self.measure].needs if getattr(self, name) in (None, ())]
        if missing:
            raise ValueError(f"measure {self.measure!r} needs {', '.join(missing)}")
        self._check_compared(MEASURES[self.measure])
        larger = (self.supports_above, self.contradicts_below)
        smaller = (self.supports_below, self.contradicts_above)
        given = [kind for kind in (larger, smaller, self.within and (self.within,)) if kind and kind != (None, None)]
        if len(given) != 1 or None in given[0]:
            raise ValueError(
                "expected one of supports_above with contradicts_below, supports_below with contradicts_above, within"
            )
        if str(self.measure).startswith("explanation") and self.condition != "clean" and self.epsilon is None:
            raise ValueError(f"epsilon: measure {self.measure!r} needs one, or condition: clean")
        self._check_thresholds()
        if len(set(self.cells)) < len(self.cells):
            raise ValueError(f"cells: expected each once, got {', '.join(self.cells)}")
        if self.at_least is not None and not 1 <= self.at_least <= len(self.cells):
            raise ValueError(f"at_least: expected 1 to {len(self.cells)}, the number of cells; got {self.at_least}")
        return self

    def _check_compared(self, measure: Measure) -> None:
        """Raise a ValueError if a quantity is unknown, a field not used, or something compared with itself."""
        for name, field in Comparison.model_fields.items():
            is_used = name in ("arm", *measure.needs, *measure.takes)
            if not is_used and (value := getattr(self, name)) != field.default:
                raise ValueError(f"{name}: measure {self.measure!r} takes none, got {value!r}")
        if measure.quantities and (problem := choice_problem(self.quantity, measure.quantities)):
            raise ValueError(f"quantity: {problem}")
        if measure.controls and (problem := choice_problem(self.control, measure.controls)):
            raise ValueError(f"control: {problem}")
        tasks = {cell.split("/")[0] for cell in self.cells}
        for name, is_itself in (
            ("other_arm", self.other_arm == self.arm),
            ("other_tasks", bool(tasks & set(self.other_tasks))),
            ("control", self.control == self.condition),
            ("other_epsilon", self.other_epsilon is not None and self.condition == "clean"),
            ("other_epsilon", self.other_epsilon is not None and self.other_epsilon == self.epsilon),
        ):
            if is_itself:
                raise ValueError(f"{name}: {getattr(self, name)!r} would be compared with itself")

    def _check_thresholds(self) -> None:
        """Raise a ValueError if thresholds are in the wrong order, or none of the measure's scale."""
        if self.within and not self.within[0] < self.within[1]:
            raise ValueError(f"within: expected the lower end first, got {list(self.within)}")
        named = {name: getattr(self, name) for name in (*SMALLER_FIRST[0], *SMALLER_FIRST[1])}
        for name, value in named.items():
            if value == "chance" and self.measure != "accuracy":
                raise ValueError(f"{name}: only measure accuracy has a chance level, got chance for {self.measure!r}")
        numbers = [value for value in (*named.values(), *(self.within or ())) if isinstance(value, float)]
        measure = MEASURES[str(self.measure)]
        if measure.is_ratio and min(numbers) <= 0:
            raise ValueError(f"measure {self.measure!r} is a ratio: expected thresholds above 0, got {min(numbers)}")
        low, high = measure.limits(self.quantity)
        if numbers and not low <= min(numbers) <= max(numbers) <= high:
            raise ValueError(
                f"measure {self.measure!r} lies in {low:g} to {high:g}: got a threshold outside, {numbers}"
            )
        for smaller, larger in SMALLER_FIRST:
            low, high = named[smaller], named[larger]
            if isinstance(low, float) and isinstance(high, float) and low > high:
                raise ValueError(f"{larger}: expected at least {smaller}, {low}; got {high}")

    @property
    def is_level(self) -> bool:
        """Whether the claim is about a kind of model or a task alone, not about a difference between models."""
        return self.measure in LEVEL_MEASURES

    @property
    def compares_robustness(self) -> bool:
        """Whether the claim compares radii or robust accuracies of two kinds of models."""
        return self.measure in ROBUSTNESS_MEASURES

    @property
    def some_cells_support(self) -> bool:
        """Whether some of several cells are enough to support the claim."""
        return self.at_least is not None and self.at_least < len(self.cells)


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """Return the claims in a file.

    Raises:
        StudyError: one error that names every wrong row.
    """
    try:
        rows = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected a YAML list of claims; {error}") from error
    if not isinstance(rows, list) or not rows:
        raise StudyError(f"{path}: expected a YAML list of claims, got {type(rows).__name__ if rows else 'none'}.")
    claims: list[Claim] = []
    problems = []
    for number, row in enumerate(rows, start=1):
        claim = _read_claim(row)
        if isinstance(claim, str):
            name = row.get("id", f"number {number}") if isinstance(row, dict) else f"number {number}"
            problems.append(f"claim {name}: {claim}")
        elif claim.id in [other.id for other in claims]:
            problems.append(f"claim {claim.id}: expected another id, an earlier claim has it")
        else:
            claims.append(claim)
    primary = [claim.id for claim in claims if claim.primary]
    if len(primary) > 1:
        problems.append(f"expected one primary endpoint, got {', '.join(primary)}")
    if problems:
        raise StudyError(f"{path}: " + "; ".join(problems))
    return claims


def _read_claim(row: Any) -> Claim | str:
    """Return a claim, or what is wrong with it."""
    try:
        return Claim.model_validate(row)
    except pydantic.ValidationError as error:
        return ", ".join(
            ".".join(map(str, part["loc"])) + (": " if part["loc"] else "") + part["msg"].removeprefix("Value error, ")
            for part in error.errors()
        )
