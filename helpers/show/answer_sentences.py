"""The sentences of README's answer, each from results and the ledger of claims."""

from collections.abc import Sequence

import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.claims import Claim
from helpers.judge.ledger import RESTS_ON, judge_by_first
from helpers.judge.thresholds import CANNOT_TELL, CONTRADICTED, SUPPORTED, VERDICTS
from helpers.profile_files import profile_path
from helpers.profiles import read_models
from helpers.show.names import IMAGES_OF, SOURCES, join_distinct, span


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
    listed = " ".join(
        f"On {IMAGES_OF[row.task]}, {BACKBONES[row.backbone].title}: {row.why}." for row in open_cells.itertuples()
    )
    if open_cells.why.str.contains("would tell").any():
        listed += (
            " These numbers are rough guesses, as if further images and trainings spread like those that there are."
        )
    return listed


def fewer(results: StudyResults, claim: Claim, rows: pd.DataFrame) -> str:
    """Return the sentence on what one training fewer would have said, beside a claim's rows of the ledger."""
    count = results.models.seed.nunique() - 1
    if count < claim.seeds:
        return ""
    before = judge_by_first([results.first_trainings(count)], [claim])
    both = before.merge(rows, on=["task", "backbone"], suffixes=("", "_now"))
    changed = both[both.verdict != both.verdict_now]
    listed = ", ".join(
        f"*{row.verdict}* on {IMAGES_OF[row.task]} ({BACKBONES[row.backbone].title})" for row in changed.itertuples()
    )
    found = f"other verdicts: {listed}" if listed else "the same verdicts"
    return f"The first {count} trainings alone gave {found}."


def counts(verdicts: pd.DataFrame, claims: Sequence[Claim]) -> str:
    """Return the sentences on how many claims have which verdict, and how many of them are about attention."""
    of_paper = verdicts[verdicts.section != "ours"].verdict
    numbers = of_paper.value_counts()
    levels = of_paper[of_paper.index.isin([claim.id for claim in claims if claim.is_level])].value_counts()
    listed = ", ".join(f"{numbers[name]} *{name}*" for name in VERDICTS if name in numbers)
    only = " and ".join(f"{levels[name]} of those *{name}*" for name in (CONTRADICTED, SUPPORTED) if name in levels)
    about = (
        f" {only} only say at which ε these networks fail, or which drawn task is the harder one: they depend on the "
        "images, and say nothing of attention."
    )
    names = [claim.id for claim in claims if claim.compares_robustness]
    compared = (of_paper[of_paper.index.isin(names)] == CONTRADICTED).sum()
    return (
        f"We read the paper's sentences as {numbers.sum()} claims, not independent of each other: {listed}."
        f"{about if only else ''} Of those *contradicted*, {compared or 'none'} "
        f"{'compares' if compared < 2 else 'compare'} how robust models are with attention and without."
    )


def size(results: StudyResults) -> str:
    """Return how many models, trainings and attacked images a run has, in words."""
    trainings = results.models.groupby(["task", "backbone", "arm"]).seed.nunique()
    images = results.radii.groupby(["task", "backbone"]).image.nunique()
    cells = pd.DataFrame(results.cells, columns=["task", "backbone"]).groupby("backbone", sort=False).task
    models = "; ".join(
        f"{BACKBONES[str(backbone)].title} on {', '.join(IMAGES_OF[task] for task in tasks)}"
        for backbone, tasks in cells
    )
    profile = results.about["profile"]
    listed = len(read_models(profile)) if profile_path(profile).is_file() else 0
    rest = f" of {listed}" if listed > len(results.models) else ""
    return (
        f"{len(results.models)}{rest} models ({models}), trainings of each: {span(trainings)}, attacked images of "
        f"each: {span(images)}"
    )
