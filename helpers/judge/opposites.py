"""Where the opposite of a claim holds: a verdict of its own it has none, as nothing was fixed for it beforehand."""

import contextlib

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import Claim
from helpers.judge.measures import MEASURES
from helpers.judge.pairs import holm
from helpers.judge.rows import NotMeasurableError
from helpers.judge.thresholds import LEVEL, Thresholds


def opposite_cells(results: StudyResults, claim: Claim) -> list[tuple[str, str]]:
    """Return each task and backbone in which the opposite of a claim holds, adjusted for their number (Holm).

    Args:
        results: Of a run.
        claim: That something is larger: it has `supports_above`.
    """
    threshold, p_values = Thresholds.of(claim, chance=0).supports_above, {}
    for task, backbone in (cell.split("/") for cell in claim.cells):
        with contextlib.suppress(NotMeasurableError):
            estimate = MEASURES[str(claim.measure)].estimate(results, claim, task, backbone)
            p_values[task, backbone] = estimate.p_below(threshold)
    return [cell for cell, p_value in zip(p_values, holm(p_values.values()), strict=True) if p_value < LEVEL]
