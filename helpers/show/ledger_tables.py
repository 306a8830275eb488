"""The ledger of claims as two tables to read: what was measured, and what could not be."""

from collections.abc import Sequence

import pandas as pd

from helpers.artifacts.quantities import QUANTITIES
from helpers.explain.measure_table import PERTURBATION_MEASURES
from helpers.judge.claims import Claim
from helpers.paths import ROOT
from helpers.show.names import cell_name, images_of, join_distinct

FIGURES = ROOT / "figures"


def measured_claims(ledger: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """Return a row for each claim, task and network with a number: what the paper says, what was measured, the verdict.

    Args:
        ledger: What `judge` returned.
        claims: Of which it is.
    """
    by_id = {claim.id: claim for claim in claims}
    rows = []
    for row in ledger[ledger.value.notna()].itertuples():
        claim = by_id[row.claim]
        trainings = f", {row.seeds} training{'s' * (row.seeds > 1)}" if row.images else ""
        rows.append(
            {
                "section": row.section,
                "the paper says": row.says + (f" ({claim.reading})" if claim.reading else ""),
                "it gives": row.gives,
                "of": cell_name(row.task, row.backbone),
                "measured": what_is_measured(claim),
                "ours": f"{row.value:.3g} ({row.low:.3g} to {row.high:.3g})",
                "from": row.profile + (f", {row.images} images" if row.images else "") + trainings,
                "verdict": row.verdict,
                "why": row.why,
                "figure": figure_behind(claim, row.profile, row.task, row.backbone),
            }
        )
    return pd.DataFrame(rows)


def what_is_measured(claim: Claim) -> str:
    """Return a claim's measure in words, such as "dark splotches, none, attack at ε = 0.01, less that of noise"."""
    at = "" if claim.epsilon is None else f" at ε = {claim.epsilon:g}"
    tasks = join_distinct(map(images_of, claim.other_tasks))
    if claim.measure == "likeness of maps":
        return f"{claim.quantity} of the maps of {claim.arm} and {claim.other_arm}, less that of maps of other images"
    if claim.measure == "detection":
        return f"detection by {claim.quantity}, {claim.arm}, {claim.condition}{at} against {claim.control}"
    if claim.quantity is None:
        sign = "over" if claim.measure == "parameters added" else "/" if "ratio" in str(claim.measure) else "−"
        arms = claim.arm + f" {sign} {claim.other_arm}" * bool(claim.other_arm)
        return f"{claim.measure}{at}, {arms}" + f", to {tasks}" * bool(tasks)
    where = "clean" if claim.condition == "clean" else f"{claim.condition}{at}"
    where += f", {claim.outcome}" * bool(claim.outcome)
    other = claim.control or claim.other_arm or tasks
    less = f", less that of {other}" if other else ""
    if claim.other_epsilon is not None:
        less = f", less that at ε = {claim.other_epsilon:g}"
    return f"{claim.quantity}, {claim.arm}, {where}{less}"


def figure_behind(claim: Claim, profile: str, task: str, backbone: str) -> str:
    """Return how the name of the figure begins that shows what a claim is about; "" if that profile has none."""
    if claim.quantity in PERTURBATION_MEASURES:
        kind = "perturbation_shapes"
    elif claim.quantity in QUANTITIES:
        kind = "grad_cam"
    elif claim.measure in ("detection", "parameters added"):
        return ""
    else:
        kind = "accuracy_against_epsilon"
    return kind * any((FIGURES / profile).glob(f"{kind}-{task}-{backbone}-*"))


def claims_without_numbers(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each claim of which nothing was measured: section, says, gives, and why, of its first cell."""
    has_number = ledger.groupby("claim").value.transform("count") > 0
    rows = ledger[~has_number].drop_duplicates("claim")
    return rows[["section", "says", "gives", "why"]].rename(columns={"says": "the paper says", "gives": "it gives"})
