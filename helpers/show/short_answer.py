"""README's first paragraphs: what soft attention does to radii, in words, and then in numbers."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.judge.claims import Claim
from helpers.judge.thresholds import CONTRADICTED, NOT_TRUSTED, SUPPORTED, Thresholds
from helpers.judge.together import together
from helpers.show.answer_ratios import ratio
from helpers.show.names import IMAGES_OF, cell_name


def in_words(
    claim: Claim, rows: pd.DataFrame, overall_row: pd.Series, source: str, opposites: Collection[tuple[str, str]]
) -> str:
    """Return the answer on drawn images: what was compared, what of it shows a gain or rules it out, and the verdict.

    Args:
        claim: That attention makes models more robust.
        rows: Of that claim in the ledger.
        overall_row: The one verdict over these rows.
        source: What the images are called.
        opposites: Each task and backbone in which the opposite holds, adjusted for their number.
    """
    measured = rows[rows.value.notna()]
    if measured.empty:
        return f"On {source}, there are no models with soft attention and without to compare."
    shown, ruled_out = (int((measured.verdict == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    matters = np.exp(Thresholds.of(claim, chance=0).contradicts_below)
    lost = measured[(measured.verdict != NOT_TRUSTED) & (measured.high < 1)]
    surely = [row for row in lost.itertuples() if (row.task, row.backbone) in opposites]
    tests = f"{len(measured)} tests"
    return (
        f"We compared {len(measured)} combinations of task and network on {source}: {_count(shown, 'shows')} that soft "
        f"attention makes the network more robust, and {_count(ruled_out, 'rules')} out a gain of {matters - 1:.0%} or "
        f"more (adjusted for {tests}). In {_listed(lost.itertuples())}, the 95% interval of the ratio lies below 1, "
        f"which means less robust. Adjusted for {tests}, this is sure in {_listed(surely)}. Read as a claim about at "
        f"least {claim.at_least or len(rows)} of the paper's {len(rows)} combinations, the verdict is "
        f"**{overall_row.verdict}** ({overall_row.cells})."
    )


def _listed(rows: Iterable[Any]) -> str:
    """Return the number of some rows of the ledger, and their names: "1 (chests, ResNet-50)", or "none"."""
    names = [cell_name(row.task, row.backbone) for row in rows]
    return f"{len(names)} ({'; '.join(names)})" if names else "none"


def _count(number: int, verb: str) -> str:
    """Return a number with a verb, such as "2 show" or "none shows"."""
    return f"{number or 'none'} {verb if number < 2 else verb.removesuffix('s')}"


def in_words_on_real(rows: pd.DataFrame, hardly_learned: Sequence[tuple[str, str]]) -> str:
    """Return the answer on real images.

    Args:
        rows: Of that claim in the ledger.
        hardly_learned: Tasks and backbones whose models have hardly learned their task, which is said.
    """
    said = "; ".join(
        f"*{row.verdict}* on {IMAGES_OF[row.task]}"
        + " (models that have hardly learned the task)" * ((row.task, row.backbone) in hardly_learned)
        for row in rows[rows.value.notna()].itertuples()
    )
    return f"On a sample of real images, this is {said}." if said else ""


def in_numbers(rows: pd.DataFrame, on_real: pd.DataFrame) -> str:
    """Return the ratio of radii on all drawn images together, those on real ones, and what they mean, if there are any.

    Args:
        rows: Of the claim that attention makes models more robust, in the ledger.
        on_real: The same of a run on real images.
    """
    ratio_is, said = "the ratio of radii, soft attention to none, is", []
    if all_of_them := together(rows):
        said.append(
            f"Over these {all_of_them.count} together, {ratio_is} {all_of_them.value:.2f} ({all_of_them.low:.2f} to "
            f"{all_of_them.high:.2f}), a number on which no verdict rests."
        )
    if of_real := [f"{ratio(row)} on {IMAGES_OF[row.task]}" for row in on_real.dropna(subset="value").itertuples()]:
        said.append(f"On real images, {'it is' if said else ratio_is} {', '.join(of_real)}.")
    if said:
        said.append(
            "A radius is the smallest perturbation that was found to fool the model. If a whole interval lies below 1, "
            "attention makes the model less robust; an interval around 1 leaves that open."
        )
    return " ".join(said)
