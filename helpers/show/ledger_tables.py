"""The ledger of claims as two tables to read: what was measured, and what could not be."""

from collections.abc import Sequence

import pandas as pd

from helpers.artifacts.quantities import QUANTITIES
from helpers.explain.measure_table import PERTURBATION_MEASURES
from helpers.judge.claims import Claim
from helpers.paths import ROOT
from helpers.show.names import cell_name

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
                "measured": claim.measure,
                "ours": f"{row.value:.3g} ({row.low:.3g} to {row.high:.3g})",
                "from": row.profile + (f", {row.images} images" if row.images else "") + trainings,
                "verdict": row.verdict,
                "why": row.why,
                "figure": figure_behind(claim, row.profile, row.task, row.backbone),
            }
        )
    return pd.DataFrame(rows)


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
