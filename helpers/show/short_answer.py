"""README's first paragraphs: what soft attention does to radii, in words, and then in numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.backbones import BACKBONES
from helpers.judge.claims import Claim
from helpers.judge.thresholds import CONTRADICTED, NOT_TRUSTED, SUPPORTED, Thresholds
from helpers.judge.together import together
from helpers.show.answer_sentences import ratios
from helpers.show.names import IMAGES_OF


def in_words(claim: Claim, rows: pd.DataFrame, overall_row: pd.Series, source: str) -> str:
    """Return the answer on drawn images: what was compared, what of it shows a gain or rules it out, and the verdict.

    Args:
        claim: That attention makes models more robust.
        rows: Of that claim in the ledger.
        overall_row: The one verdict over these rows.
        source: What the images are called.
    """
    measured = rows[rows.value.notna()]
    if measured.empty:
        return f"On {source}, there are no models with soft attention and without to compare."
    shown, ruled_out = (int((measured.verdict == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    matters = np.exp(Thresholds.of(claim, chance=0).contradicts_below)
    trusted = measured[measured.verdict != NOT_TRUSTED]
    lost, much = int((trusted.high < 1).sum()), int((trusted.high < 1 / matters).sum())
    harm = f"; in {much} of these, by enough to matter" if lost else ""
    return (
        f"Does soft attention make such classifiers more robust? We compared {len(measured)} combinations of task and "
        f"network on {source}: {_count(shown, 'shows')} that it does, and {_count(ruled_out, 'rules')} out a gain of "
        f"{matters - 1:.0%} or more (adjusted for {len(measured)} tests). In {lost or 'none'}, it makes the model less "
        f"robust (95% interval below 1, not adjusted){harm}. Read as a claim about at least "
        f"{claim.at_least or len(rows)} of the paper's {len(rows)} combinations, its verdict is "
        f"**{overall_row.verdict}** ({overall_row.cells})."
    )


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
    """Return the ratios of radii on drawn and on real images, and what they mean; nothing if there are none."""
    of_backbones = "; ".join(
        f"for {BACKBONES[str(backbone)].title}{', one training' * int(cells.seeds.max() == 1)}, {ratios(cells)}"
        for backbone, cells in rows[rows.value.notna()].groupby("backbone", sort=False)
    )
    if of_backbones and (all_of_them := together(rows)):
        of_backbones += (
            f". Over these {all_of_them.count} together, it is **{all_of_them.value:.2f}** ({all_of_them.low:.2f} to "
            f"{all_of_them.high:.2f}), a number on which no verdict rests"
        )
    of_real = ratios(on_real[on_real.value.notna()])
    parts = [
        f"the ratio of radii, soft attention to none, is, {of_backbones}" if of_backbones else "",
        f"on real images, {'it' if of_backbones else 'the ratio of radii, soft attention to none,'} is {of_real}"
        if of_real
        else "",
    ]
    said = ". ".join(part[0].upper() + part[1:] for part in parts if part)
    return said and (
        f"{said}. A radius is the smallest perturbation that was found to fool the model. So below 1, attention makes "
        "the model less robust; an interval around 1 leaves that open."
    )
