"""What README says of real images, from the results of a run on them, beside the verdicts on drawn ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.artifacts.tables import steps_of
from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.judge.learned import LEARNED, balanced_accuracies, hardly_learned
from helpers.judge.statistics import majority_share
from helpers.judge.thresholds import CANNOT_TELL, CONTRADICTED, EQUIVALENT, NOT_TRUSTED, SUPPORTED, VERDICTS
from helpers.show.names import IMAGES_OF

CELL = ["task", "backbone"]


def on_real_images(real: StudyResults, ledger: pd.DataFrame, drawn: pd.DataFrame, shown: Sequence[str]) -> str:
    """Return what a run on real images says, in Markdown: its models, its claims, and how many tests agree.

    Args:
        real: Its results.
        ledger: What `judge` says of them.
        drawn: The ledger of the runs on drawn images.
        shown: The claims of the table, where these results measured them.
    """
    both = ledger[ledger.value.notna()].merge(
        drawn[drawn.value.notna()], on=["claim", *CELL], how="left", suffixes=("", "_drawn")
    )
    models = _models(real)
    if not (is_shown := both.claim.isin(shown)).any():
        return f"{models}\n\nThere are no two kinds of models to compare yet."
    lines = ["| claim | of | real images | verdict | drawn images | verdict |", "|---|---|---|---|---|---|"]
    for row in sorted(both[is_shown].itertuples(), key=lambda row: shown.index(row.claim)):
        of = f"{IMAGES_OF[row.task]}, {BACKBONES[row.backbone].title}"
        told = f" ({row.why})" if row.verdict in (CANNOT_TELL, NOT_TRUSTED) else ""
        beside = "– | –"
        if pd.notna(row.value_drawn):
            numbers = _with_interval(row.value_drawn, row.low_drawn, row.high_drawn)
            beside = f"{numbers} | {row.verdict_drawn}, `{row.profile_drawn}`"
        numbers = _with_interval(row.value, row.low, row.high)
        lines.append(f"| {row.says} | {of} | {numbers} | **{row.verdict}**{told} | {beside} |")
    return f"{models}\n\n{_agreement(both, hardly_learned(real))}\n\n" + "\n".join(lines)


def _models(results: StudyResults) -> str:
    """Return a table of the models, a row for each task, backbone and kind, and which of them have hardly learned."""
    lines = [
        "| images of | test images | network | clean accuracy | balanced | median radius | trainings |",
        "|---|---|---|---|---|---|---|",
    ]
    for task, backbone in results.cells:
        tables = (getattr(results, name) for name in ("models", "clean", "radii"))
        models, clean, radii = (t[(t.task == task) & (t.backbone == backbone)] for t in tables)
        share = majority_share(clean.drop_duplicates("image").label)
        images = f"{clean.image.nunique()}, {share:.0%} of one class, {radii.image.nunique()} attacked"
        accuracies, balanced = clean.groupby("arm").right.mean(), balanced_accuracies(clean)
        middles = radii[radii.radius > 0].groupby("arm").radius.median()
        steps = radii.groupby(["arm", "seed"])[["attack"]].apply(steps_of)
        longer = (steps > steps.min()).groupby("arm").sum()
        for arm, count in models.groupby("arm", sort=False).seed.nunique().items():
            network = f"{BACKBONES[backbone].title} {ATTENTIONS[arm].title if arm in ATTENTIONS else arm}"
            lines.append(
                f"| {IMAGES_OF[task]}, {models.classes.iloc[0]} classes | {images} | {network} | "
                f"{accuracies[arm]:.2f} | {balanced[arm]:.2f} | {middles[arm]:.4f} | {count}"
                + f", {longer[arm]} attacked longer" * bool(longer[arm])
                + " |"
            )
    hardly = [f"on {IMAGES_OF[task]}, {BACKBONES[backbone].title}" for task, backbone in hardly_learned(results)]
    said = (
        f"**Models have hardly learned the task** (a balanced accuracy within {LEARNED:g} of guessing) "
        f"{'; '.join(hardly)}. So their radii say little of models that have."
    )
    return "\n".join(lines) + f"\n\n{said}" * bool(hardly)


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
    is_opposite = (beside.verdict != beside.verdict_drawn) & _decided(beside.verdict) & _decided(beside.verdict_drawn)
    which = "Models that have learned their task" if left_out else "These models"
    too = "All of them" if len(beside) == len(both) else f"{len(beside)} of them"
    return (
        f"A claim on one task is one test; several may rest on one number. {which} allow {len(both)}: {listed}. {too} "
        f"were made on drawn images, too. Decided alike in both: {(is_same & ~is_open).sum()}; *cannot tell* in both: "
        f"{(is_same & is_open).sum()}; decided the other way: {is_opposite.sum()}; decided in one of them only: "
        f"{(~is_same & ~is_opposite).sum()}."
    )


def _decided(verdicts: pd.Series) -> pd.Series:
    return verdicts.isin([SUPPORTED, EQUIVALENT, CONTRADICTED])
