"""What README says of real images, from the results of a run on them, beside the verdicts on drawn ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import Claim
from helpers.judge.learned import hardly_learned
from helpers.judge.ledger import judge
from helpers.judge.thresholds import CANNOT_TELL, CONTRADICTED, EQUIVALENT, NOT_TRUSTED, SUPPORTED, VERDICTS
from helpers.show.answer_models import attacked_longer, model_table
from helpers.show.answer_ratios import ratio
from helpers.show.names import cell_name, images_of

CELL = ["task", "backbone"]


def on_real_images(
    real: StudyResults, ledger: pd.DataFrame, drawn: pd.DataFrame, claim: Claim, shown: Sequence[str]
) -> str:
    """Return what a run on real images says, in Markdown: its models, its claims, and how many tests agree.

    Args:
        real: Its results.
        ledger: What `judge` says of them.
        drawn: The ledger of the runs on drawn images.
        claim: That attention makes models more robust.
        shown: The claims of the table, where these results measured them.
    """
    both = ledger[ledger.value.notna()].merge(
        drawn[drawn.value.notna()], on=["claim", *CELL], how="left", suffixes=("", "_drawn")
    )
    models = model_table(real, list(dict.fromkeys(real.models.arm)))
    if not (is_shown := both.claim.isin(shown)).any():
        return f"{models}\n\nThere are no two kinds of models to compare yet."
    lines = [
        "| claim | task, network | on real images | verdict | on drawn images | verdict on these |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(both[is_shown].itertuples(), key=lambda row: shown.index(row.claim)):
        of = cell_name(row.task, row.backbone)
        told = f" ({row.why})" if row.verdict in (CANNOT_TELL, NOT_TRUSTED) else ""
        beside = "– | –"
        if pd.notna(row.value_drawn):
            numbers = _with_interval(row.value_drawn, row.low_drawn, row.high_drawn)
            beside = f"{numbers} | {row.verdict_drawn}, `{row.profile_drawn}`"
        numbers = _with_interval(row.value, row.low, row.high)
        lines.append(f"| {row.says} | {of} | {numbers} | **{row.verdict}**{told} | {beside} |")
    agreement = _agreement(both, hardly_learned(real))
    return "\n\n".join(
        filter(None, [models, _say_without_longer(without_longer(real, claim)), agreement, "\n".join(lines)])
    )


def without_longer(real: StudyResults, claim: Claim) -> dict[tuple[str, str], Any]:
    """Return what a claim's ledger says without trainings that were attacked longer, where there are such trainings.

    Returns:
        The row of the ledger by task and backbone; None if no training is left.
    """
    rows: dict[tuple[str, str], Any] = {}
    for task, backbone in real.cells:
        radii = real.radii[(real.radii.task == task) & (real.radii.backbone == backbone)]
        longer = attacked_longer(radii[radii.arm.isin([claim.arm, claim.other_arm])]).groupby("seed").any()
        if longer.any():
            found = judge(real.trainings(longer.index[~longer]), [claim]).dropna(subset="value")
            found = found[(found.task == task) & (found.backbone == backbone)]
            rows[task, backbone] = next(found.itertuples(), None)
    return rows


def _say_without_longer(rows: Mapping[tuple[str, str], Any]) -> str:
    """Return the sentence on the ratios without trainings that were attacked longer; nothing if none was."""
    said = [
        f"on {cell_name(*cell)}, {f'{ratio(row)}, *{row.verdict}*' if row else 'unknown, as none is left'}"
        for cell, row in rows.items()
    ]
    without = "Without the trainings that were attacked longer, the ratio of radii, soft / none, is"
    return f"{without} {'; '.join(said)}." if said else ""


def _with_interval(value: float, low: float, high: float) -> str:
    digits = 3 if abs(value) < 0.1 else 2
    value, low, high = (f"{number:.{digits}f}" if np.isfinite(number) else "" for number in (value, low, high))
    return value + f" ({low} to {high})" * bool(low and high)


def _agreement(both: pd.DataFrame, left_out: Sequence[tuple[str, str]]) -> str:
    """Return the sentences on how many tests have which verdict, and how many as on drawn images.

    Args:
        both: The ledgers of real and drawn images, side by side.
        left_out: Tasks and backbones that do not count, as their models have hardly learned.
    """
    cells = pd.MultiIndex.from_frame(both[CELL])
    both = both[(both.section != "ours") & ~cells.isin(left_out)]
    if both.empty:
        return "No test counts: these models have hardly learned their task."
    numbers = both.verdict.value_counts()
    listed = ", ".join(f"{numbers[name]} *{name}*" for name in VERDICTS if name in numbers)
    beside = both[both.verdict_drawn.notna()]
    is_same, is_open = beside.verdict == beside.verdict_drawn, beside.verdict == CANNOT_TELL
    is_decided, is_decided_drawn = _decided(beside.verdict), _decided(beside.verdict_drawn)
    is_opposite, rest = ~is_same & is_decided & is_decided_drawn, ~is_open & ~is_decided
    rest |= (beside.verdict_drawn != CANNOT_TELL) & ~is_decided_drawn
    named = [f'"{row.says}", {images_of(row.task)}: *{row.verdict}* here' for row in beside[is_opposite].itertuples()]
    opposite = f"{len(named)} ({'; '.join(named)})" if named else "none"
    of = "concern models that have learned their task" if left_out else "are possible"
    too = "All" if len(beside) == len(both) else len(beside)
    return (
        f"{len(both)} tests of the paper's sentences {of}, some with the same number: {listed}. "
        f"{too} of them were made on drawn images, too. Decided alike in both: {(is_same & is_decided).sum()}; "
        f"*cannot tell* in both: {(is_same & is_open).sum()}; decided in one of them only: "
        f"{((is_decided ^ is_decided_drawn) & ~rest).sum()}; decided the other way: {opposite}"
        + f"; an attack is not trusted: {rest.sum()}" * bool(rest.any())
        + "."
    )


def _decided(verdicts: pd.Series) -> pd.Series:
    return verdicts.isin([SUPPORTED, EQUIVALENT, CONTRADICTED])
