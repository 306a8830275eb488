"""The sentences of README's answer, each from results and the ledger of claims."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.claims import Claim
from helpers.judge.ledger import RESTS_ON, judge_by_first
from helpers.judge.measures import MEASURES
from helpers.judge.rows import NotMeasurableError
from helpers.judge.thresholds import CANNOT_TELL, VERDICTS, needed
from helpers.show.names import SOURCES, cell_name, images_of, join_distinct

KINDS_OF_CLAIMS = {
    "compares": "how robust models are with attention and without",
    "level": "how robust one kind of model is, or which task is harder: these depend on the images",
    "other": "clean accuracies, perturbations, activation maps, cost",
}


def source(runs: Sequence[StudyResults]) -> str:
    """Return what the images of some runs are called."""
    return join_distinct(SOURCES[name] for results in runs for name in results.models.source)


def source_of_each(runs: Sequence[StudyResults]) -> str:
    """Return which profiles have which images, such as "reference, quick: phantoms (drawn images); real: …"."""
    names = {**RESTS_ON, "phantom": SOURCES["phantom"]}
    profiles: dict[str, list[str]] = {}
    for results in runs:
        images = join_distinct(names[name] for name in results.models.source)
        profiles.setdefault(images, []).append(results.about["profile"])
    return "; ".join(f"{', '.join(names)}: {images}" for images, names in profiles.items())


def what_would_tell(rows: pd.DataFrame) -> str:
    """Return the sentences on what would decide each of a claim's rows of the ledger that is not decided."""
    open_cells = rows[rows.value.notna() & (rows.verdict == CANNOT_TELL)]
    listed = "; ".join(f"{cell_name(row.task, row.backbone)} ({row.why})" for row in open_cells.itertuples())
    said = f"Where we cannot tell: {listed}."
    if open_cells.why.str.contains("would tell").any():
        said += " These are totals, roughly guessed, as if further images and trainings varied like the present ones."
    return said * bool(listed)


def widths(results: StudyResults, claims: Sequence[Claim], *, backbone: str, wanted: float) -> str:
    """Return the sentences on how wide a network's intervals of ratios of radii are, and what would make them narrower.

    Args:
        results: Of a run.
        claims: Each compares soft attention with another arm.
        backbone: Of the network.
        wanted: The upper end over the lower one, at most.
    """
    said, more = [], []
    for claim in claims:
        for task in (cell.split("/")[0] for cell in claim.cells if cell.endswith(backbone)):
            with contextlib.suppress(NotMeasurableError):
                found = MEASURES[str(claim.measure)].estimate(results, claim, task, backbone)
                low, high = found.interval()
                of = f"{images_of(task)}, soft attention to {claim.other_arm}"
                said.append(f"{np.exp(high - low):.2f} ({of})")
                if high - low > np.log(wanted):
                    takes = needed(found, np.log(wanted) / 2).removesuffix(" would tell")
                    more.append(f"{takes} ({of})")
    if not said:
        return ""
    narrower = f" That would take {'; '.join(more)}." if more else ""
    return (
        f"Of {BACKBONES[backbone].title}'s ratios of radii, the upper end of the 95% interval over the lower one is "
        f"{', '.join(said)}; we aimed at {wanted:g} at most.{narrower}"
    )


def fewer(results: StudyResults, claim: Claim, rows: pd.DataFrame) -> str:
    """Return the sentence on what one training fewer would have said, beside a claim's rows of the ledger."""
    count = results.models.seed.nunique() - 1
    if count < claim.seeds:
        return ""
    before = judge_by_first([results.first_trainings(count)], [claim])
    both = before.merge(rows, on=["task", "backbone"], suffixes=("", "_now"))
    changed = both[both.verdict != both.verdict_now]
    listed = ", ".join(
        f"*{row.verdict}* on {images_of(row.task)} ({BACKBONES[row.backbone].title})" for row in changed.itertuples()
    )
    found = f"other verdicts: {listed}" if listed else "the same verdicts"
    return f"The first {count} trainings alone gave {found}."


def counts(verdicts: pd.DataFrame, claims: Sequence[Claim]) -> str:
    """Return in Markdown how many claims of the paper have which verdict: a row for each kind of claim.

    Args:
        verdicts: One for each claim, by its name.
        claims: All of them.
    """
    of_paper = [(_kind(claim), verdicts.verdict[claim.id]) for claim in claims if claim.section != "ours"]
    kinds = [*KINDS_OF_CLAIMS.values(), "all, not independent of each other"]
    found = [name for name in VERDICTS if name in {verdict for _, verdict in of_paper}]
    lines = [f"| the paper's claims | number | {' | '.join(found)} |", "|---" * (2 + len(found)) + "|"]
    for kind in kinds:
        chosen = [verdict for of, verdict in of_paper if kind in (of, kinds[-1])]
        numbers = [len(chosen), *(chosen.count(name) for name in found)]
        lines.append(f"| {kind} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


def _kind(claim: Claim) -> str:
    return KINDS_OF_CLAIMS["compares" if claim.compares_robustness else "level" if claim.is_level else "other"]
