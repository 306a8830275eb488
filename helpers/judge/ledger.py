"""The ledger: a verdict on every claim, from the results of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import Claim
from helpers.judge.comparable import check_comparable
from helpers.judge.crossed import Estimate
from helpers.judge.measures import MEASURES
from helpers.judge.pairs import holm
from helpers.judge.rows import NotMeasurableError
from helpers.judge.thresholds import (
    CANNOT_TELL,
    CONTRADICTED,
    EQUIVALENT,
    NOT_TESTABLE,
    NOT_TRUSTED,
    SUPPORTED,
    VERDICTS,
    Thresholds,
    needed,
)

FEWEST_GROUPS = 5  # lesions or patients: of fewer, no interval is to be believed
ONE_TRAINING = ", for one training of each; the next may differ"
RESTS_ON = {"phantom": "drawn images", "folder": "a sample of real images", "medmnist": "small real images"}


@dataclass(frozen=True)
class Decision:
    """The verdict on a claim for one task and backbone, and what it rests on; NaN where there is no number.

    Attributes:
        claim, section, says, gives: As in `Claim`.
        task, backbone: "" for a claim that is not testable anywhere.
        verdict: One of `VERDICTS`.
        why: One sentence.
        value, low, high: The measure with its 95% interval, on the scale of the thresholds.
        images, groups, seeds: Of which it is the mean.
        rests_on: Drawn or real images.
    """

    claim: str
    section: str
    says: str
    gives: str
    task: str
    backbone: str
    verdict: str
    why: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    images: int = 0
    groups: int = 0
    seeds: int = 0
    rests_on: str = ""


def judge(results: StudyResults, claims: Iterable[Claim]) -> pd.DataFrame:
    """Return the ledger: a row for each claim, task and backbone, with the attributes of `Decision`, and the profile.

    Raises:
        StudyError: the models of a task cannot be compared; the message says what differs.
    """
    check_comparable(results)
    decisions = [asdict(decision) for claim in claims for decision in decide(results, claim)]
    return pd.DataFrame(decisions).assign(profile=results.about["profile"])


def judge_by_first(runs: Sequence[StudyResults], claims: Iterable[Claim]) -> pd.DataFrame:
    """Return a ledger in which the first run that measured a claim anywhere judges it, or else the first run.

    A claim's cells are never taken from several runs: their images differ, and so does what is adjusted for.

    Raises:
        StudyError: as in `judge`.
    """
    claims = list(claims)
    ledgers = [judge(results, claims) for results in runs]
    parts = []
    for claim in claims:
        found = [ledger[ledger.claim == claim.id] for ledger in ledgers]
        parts.append(next((rows for rows in found if rows.value.notna().any()), found[0]))
    return pd.concat(parts, ignore_index=True)


def decide(results: StudyResults, claim: Claim) -> list[Decision]:
    """Return the decision for each cell of a claim.

    Cells that were measured are several tests of one claim. What contradicts it is adjusted for their number (Holm),
    and what supports it, too, if some of them are enough; if all are needed, it is not (Berger, 1982). Intervals are
    not.
    """
    nowhere = Decision(claim.id, claim.section, claim.says, claim.gives, "", "", NOT_TESTABLE, claim.not_testable)
    if claim.not_testable:
        return [nowhere]
    decisions, tests = [], []
    for task, backbone in (cell.split("/") for cell in claim.cells):
        base = replace(nowhere, task=task, backbone=backbone)
        try:
            estimate = MEASURES[str(claim.measure)].estimate(results, claim, task, backbone)
        except NotMeasurableError as reason:
            decisions.append(replace(base, why=f"in profile {results.about['profile']}: {reason}"))
            continue
        models = _models_behind(results, claim, task, backbone)
        thresholds = Thresholds.of(claim, chance=1 / models.classes.iloc[0])
        tests.append(_Test(len(decisions), estimate, thresholds, models))
        decisions.append(base)
    found = [(*test.thresholds.p_values(test.estimate), test.thresholds.opposite(test.estimate)) for test in tests]
    p_values = np.array(found).reshape(-1, 3)
    adjusted = [0, 1, 2] if claim.some_cells_support else [1, 2]  # a single cell may contradict a claim about all
    p_values[:, adjusted] = np.apply_along_axis(holm, 0, p_values[:, adjusted])
    for test, of_test in zip(tests, p_values, strict=True):
        decisions[test.place] = _with_verdict(decisions[test.place], claim, test, of_test, count=len(tests))
    return decisions


class _Test(NamedTuple):
    """A cell of a claim that was measured, and its place among all cells."""

    place: int
    estimate: Estimate
    thresholds: Thresholds
    models: pd.DataFrame


def _models_behind(results: StudyResults, claim: Claim, task: str, backbone: str) -> pd.DataFrame:
    models, arms = results.models, {claim.arm, claim.other_arm}
    is_behind = models.task.isin([task, *claim.other_tasks]) & (models.backbone == backbone) & models.arm.isin(arms)
    return models[is_behind]


def _with_verdict(base: Decision, claim: Claim, test: _Test, p_values: np.ndarray, *, count: int) -> Decision:
    """Return a decision with numbers and verdict, from the p values of support, contradiction and the opposite."""
    measure, estimate = MEASURES[str(claim.measure)], test.estimate
    value, low, high = measure.shown(estimate, claim.quantity)
    rests_on = ", ".join(dict.fromkeys(RESTS_ON[source] for source in test.models.source))
    size = {name: getattr(estimate, name) for name in ("images", "groups", "seeds")}
    base = replace(base, value=value, low=low, high=high, **size, rests_on=rests_on)
    if measure.rests_on_attack and claim.condition != "clean" and (test.models.verdict != "trusted").any():
        return replace(base, verdict=NOT_TRUSTED, why=_why_not_trusted(claim, test.models))
    if estimate.groups < FEWEST_GROUPS and estimate.error > 0:
        return replace(base, verdict=CANNOT_TELL, why=f"it takes {FEWEST_GROUPS} groups of images with a value")
    if estimate.seeds < claim.seeds:
        why = f"it takes {claim.seeds} trainings of each model, this run has {estimate.seeds}"
        return replace(base, verdict=CANNOT_TELL, why=why)
    verdict = test.thresholds.verdict(*p_values[:2])
    if verdict == CANNOT_TELL:
        return replace(base, verdict=verdict, why=needed(estimate, test.thresholds.gap(estimate), tests=count))
    why = "differences that matter are excluded" if verdict == EQUIVALENT else "the interval excludes the contrary"
    if verdict == CONTRADICTED:
        why = test.thresholds.why_contradicted(estimate, p_values[2])
    is_of_one_training = claim.other_arm and claim.measure != "parameters added" and estimate.seeds == 1
    return replace(base, verdict=verdict, why=why + (ONE_TRAINING if is_of_one_training else ""))


def _why_not_trusted(claim: Claim, models: pd.DataFrame) -> str:
    """Return which attacks the checks doubt, and what a stronger one can do: radii that were found are upper bounds."""
    parts, doubted = [], models[models.verdict != "trusted"]
    for arm, of_arm in models.groupby("arm", sort=False):
        if count := (of_arm.verdict != "trusted").sum():  # in alphabetical order, the worst verdict is the first
            share = f", in {count} of {len(of_arm)} trainings" if len(of_arm) > 1 else ""
            parts.append(f"on {arm} {of_arm.verdict.min()}{share}")
    stronger = ""
    if claim.measure == "ratio of radii" and len(parts) == 1 and (doubted.verdict == "doubtful").all():
        stronger = f"; a stronger attack could only {'lower' if claim.arm in set(doubted.arm) else 'raise'} the ratio"
    return f"the checks call the attack {', and '.join(parts)}{stronger}"


def overall(ledger: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """Return a row per claim with one verdict over its cells, and how many cells have which.

    A claim is supported (or equivalent) if enough cells support it (`at_least`, else all), contradicted if so many
    cells contradict it that it cannot be any more, and else not told.
    """
    rows = []
    for claim in claims:
        found = ledger[ledger.claim == claim.id].verdict
        if found.empty:
            raise ValueError(f"ledger: expected rows of claim {claim.id}, found none")
        wanted = claim.at_least or len(found)
        good, bad = found.isin([SUPPORTED, EQUIVALENT]).sum(), (found == CONTRADICTED).sum()
        if good >= wanted:
            verdict = EQUIVALENT if claim.within else SUPPORTED
        elif len(found) - bad < wanted:
            verdict = CONTRADICTED
        else:
            verdict = next(name for name in (CANNOT_TELL, NOT_TRUSTED, NOT_TESTABLE) if (found == name).any())
        counts = found.value_counts()
        cells = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if name in counts)
        rows.append({"claim": claim.id, "section": claim.section, "says": claim.says, "gives": claim.gives})
        rows[-1] |= {"verdict": verdict, "cells": cells}
    return pd.DataFrame(rows)
