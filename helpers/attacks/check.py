"""What a check of an attack is, and how a function becomes one."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from helpers.attacks.evidence import Evidence
from helpers.judge.statistics import wilson

Measured = float | tuple[int, int] | None  # a number, a share as (count, total), or nothing: the check does not apply


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: Shown in tables.
        value: What was measured; NaN if there was nothing to measure, which does not pass.
        low, high: 95% Wilson interval of a share, else None.
        threshold: Of the value.
        passed: Whether the value is on the right side of the threshold.
        otherwise: The verdict if it did not pass: "broken" or "doubtful".
        meaning: What the value is, what a bad one means, and what to do about it.
        more_steps_may_help: Whether a longer attack may pass where this one did not: a remedy that needs no person.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    threshold: float
    passed: bool
    otherwise: str
    meaning: str
    more_steps_may_help: bool = False


CheckFunction = Callable[[Evidence], Check | None]


def check(
    name: str,
    meaning: str,
    *,
    otherwise: str,
    at_most: float = math.inf,
    at_most_on_grid: float | None = None,
    at_least: float = -math.inf,
    more_steps_may_help: bool = False,
) -> Callable[[Callable[[Evidence], Measured]], CheckFunction]:
    """Turn a function that measures into a check with a threshold, either `at_most` or `at_least`.

    `at_most_on_grid` is that of protocol "paper", if it differs.
    """

    def decorate(measure: Callable[[Evidence], Measured]) -> CheckFunction:
        def run(evidence: Evidence) -> Check | None:
            measured = measure(evidence)
            if measured is None:
                return None
            low, high, found = None, None, meaning
            if isinstance(measured, tuple):
                count, total = measured
                value = count / total if total else math.nan
                low, high = wilson(count, total) if total else (None, None)
                found = meaning if total else f"there was nothing to measure it on, which is no success: {meaning}"
            else:
                value = float(measured)
            most = at_most if at_most_on_grid is None or evidence.is_minimal else at_most_on_grid
            threshold = at_least if math.isinf(most) else most
            passed = at_least <= value <= most
            return Check(name, value, low, high, threshold, passed, otherwise, found, more_steps_may_help)

        run.__name__, run.__doc__ = measure.__name__, measure.__doc__
        return run

    return decorate
