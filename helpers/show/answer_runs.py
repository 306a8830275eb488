"""The table of README that says what each run holds, how sure its accuracies are, and what its attacks took."""

from collections.abc import Iterable, Sequence

import pandas as pd

from helpers.artifacts.results import MODEL, StudyResults
from helpers.judge.claims import Claim
from helpers.judge.ledger import judge
from helpers.judge.statistics import accuracy_by_epsilon, grouped_mean
from helpers.profile_files import profile_path
from helpers.profiles import read_models
from helpers.show.answer_ratios import medians, ratio
from helpers.show.answer_sentences import source
from helpers.show.names import cell_name, span

COLUMNS = (
    "run",
    "images",
    "models",
    "trainings of each",
    "test images",
    "clean accuracy: width of the widest 95% interval",
    "attacked images",
    "robust accuracy: width of the widest 95% interval",
    "mean gradient calls an image: two classes",
    "more classes",
)


def run_table(runs: Sequence[StudyResults], claim: Claim) -> str:
    """Return in Markdown a row for each run, with `COLUMNS`, and below what those of one training say of a claim.

    Args:
        runs: Their results.
        claim: That attention makes models more robust.
    """
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {' | '.join(_row(run))} |" for run in runs),
    ]
    said = [_ratios_of_single(run, claim) for run in runs if len(run.models.seed.unique()) == 1]
    return "\n\n".join(filter(None, ["\n".join(lines), *said]))


def _ratios_of_single(results: StudyResults, claim: Claim) -> str:
    """Return the sentences on the ratios of radii of a run that has one training of each model."""
    found = judge(results, [claim]).dropna(subset="value")
    rows = [
        f"{ratio(row)}, the median {medians(results, row.backbone)[row.task]}, on {cell_name(row.task, row.backbone)}"
        for row in found.itertuples()
    ]
    said = (
        f"In `{results.about['profile']}` alone, the ratio of radii, soft attention to none, is {'; '.join(rows)}. "
        "It compares single networks, and its interval counts images only: another training may give the opposite sign."
    )
    return said * bool(rows)


def _row(results: StudyResults) -> list[str]:
    key, radii = list(MODEL), results.radii
    by_cell = (table.groupby(key[:2]).image.nunique() for table in (results.clean, radii))
    test_images, attacked = map(span, by_cell)
    clean = [
        grouped_mean(part.right.to_numpy(), part.group.to_numpy(), is_share=True) for part in _models(results.clean)
    ]
    curves = pd.concat(accuracy_by_epsilon(part, results.about["epsilons"]) for part in _models(radii))
    robust = curves.loc[curves.epsilon > 0, ["accuracy", "low", "high"]].to_numpy()
    calls = radii[radii.radius > 0].groupby(key).calls.mean().round().astype(int)
    has_two = results.models.set_index(key).classes.reindex(calls.index) == 2
    return [
        f"`{results.about['profile']}`",
        source([results]),
        _models_of_profile(results),
        span(results.models.groupby(key[:3]).seed.nunique()),
        test_images,
        _widest(clean),
        attacked,
        _widest(robust),
        *(span(part) if len(part) else "–" for part in (calls[has_two], calls[~has_two])),
    ]


def _models(table: pd.DataFrame) -> Iterable[pd.DataFrame]:
    return (part for _, part in table.groupby(list(MODEL)))


def _widest(means: Iterable[Sequence[float]]) -> str:
    """Return the width of the widest interval, from means with their ends."""
    return f"{max(high - low for _, low, high in means):.2f}"


def _models_of_profile(results: StudyResults) -> str:
    """Return how many models there are, and of how many, if its profile lists more."""
    profile = results.about["profile"]
    listed = len(read_models(profile)) if profile_path(profile).is_file() else 0
    return f"{len(results.models)}" + f" of {listed}" * (listed > len(results.models))
