"""README's first sentences: what soft attention does to radii, in words; and the same in numbers."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from helpers.judge.claims import Claim
from helpers.judge.ledger import FEWEST_GROUPS
from helpers.judge.thresholds import CONTRADICTED, NOT_TRUSTED, OPPOSITE, SUPPORTED, Thresholds
from helpers.judge.together import together
from helpers.show.answer_ratios import ratio
from helpers.show.names import cell_name, images_of

SHORT = {SUPPORTED: "Yes", CONTRADICTED: "Not here"}  # the answer, by the verdict


def in_words(claim: Claim, rows: pd.DataFrame, overall_row: pd.Series, source: str) -> str:
    """Return the answer on drawn images: what of all that was compared shows a gain, rules it out, or shows harm.

    Args:
        claim: That attention makes models more robust.
        rows: Of that claim in the ledger.
        overall_row: The one verdict over them.
        source: What the images are called.
    """
    measured = rows[rows.value.notna()]
    if measured.empty:
        return f"On {source}, there are no models with soft attention and without to compare."
    shown, ruled_out = (int((measured.verdict == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    matters = np.exp(Thresholds.of(claim, chance=0).contradicts_below)
    may_say = (measured.verdict != NOT_TRUSTED) & (measured.seeds >= claim.seeds) & (measured.groups >= FEWEST_GROUPS)
    lost = measured[may_say & (measured.high < 1)]
    surely = [cell_name(row.task, row.backbone) for row in lost.itertuples() if row.why.startswith(OPPOSITE)]
    tests = f"adjusted for {len(measured)} tests"
    return (
        f"{SHORT.get(overall_row.verdict, 'We cannot tell')}: of {len(measured)} combinations of task and network on "
        f"{source}, {_count(shown, 'shows')} that soft attention makes the network more robust, and "
        f"{_count(ruled_out, 'rules')} out a gain of {matters - 1:.0%} or more ({tests}). In {len(lost) or 'none'}, "
        f"the 95% interval says that it makes the network less robust; {tests}, this holds in {len(surely) or 'none'}"
        + f" ({'; '.join(surely)})" * bool(surely)
        + "."
    )


def _count(number: int, verb: str) -> str:
    """Return a number with a verb, such as "2 show" or "none shows"."""
    return f"{number or 'none'} {verb if number < 2 else verb.removesuffix('s')}"


def verdict_in_words(
    claim: Claim,
    overall_row: pd.Series,
    on_real: pd.DataFrame,
    hardly_learned: Collection[tuple[str, str]],
    without_longer: Mapping[tuple[str, str], str],
) -> str:
    """Return the verdict on a claim: one on drawn images, and one on each task with real ones.

    Args:
        claim: That attention makes models more robust.
        overall_row: The one verdict over its rows.
        on_real: The rows of that claim in the ledger of a run on real images.
        hardly_learned: Tasks and backbones whose models on real images have hardly learned their task, which is said.
        without_longer: The verdicts there without trainings that were attacked longer than others. Others are said.
    """
    measured, said = on_real[on_real.value.notna()], []
    for row in measured.itertuples():
        cell, remarks = (row.task, row.backbone), []
        if without_longer.get(cell, row.verdict) != row.verdict:
            remarks.append(f"*{without_longer[cell]}* if the trainings whose attack was repeated are left out")
        if cell in hardly_learned:
            remarks.append("these models have hardly learned their task")
        said.append(f"*{row.verdict}* on {images_of(row.task)}" + f" ({'; '.join(remarks)})" * bool(remarks))
    tests = f", adjusted for {len(said)} tests" * (len(said) > 1)
    return (
        f"So the paper's claim, read as one about at least {claim.at_least or len(claim.cells)} of its "
        f"{len(claim.cells)} combinations, is **{overall_row.verdict}** ({overall_row.cells})"
        + f"; on a sample of real images, it is {', and '.join(said)}{tests}" * bool(said)
        + "."
    )


def in_numbers(rows: pd.DataFrame, on_real: pd.DataFrame) -> str:
    """Return the sentences on the ratio of radii over all drawn images together, and on those over real ones.

    Args:
        rows: Of the claim that attention makes models more robust, in the ledger.
        on_real: The same of a run on real images.
    """
    ratio_is, said = "the ratio of radii, soft attention to none, is", []
    if all_of_them := together(rows):
        said.append(
            f"Over the {all_of_them.count} combinations together, {ratio_is} {all_of_them.value:.2f} "
            f"({all_of_them.low:.2f} to {all_of_them.high:.2f}), a number on which no verdict rests."
        )
    if of_real := [f"{ratio(row)} on {images_of(row.task)}" for row in on_real.dropna(subset="value").itertuples()]:
        said.append(f"On real images, {'it is' if said else ratio_is} {', '.join(of_real)}.")
    return " ".join(said)
