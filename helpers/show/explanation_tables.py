"""Tables of explanations as notebook 06 shows them. A mean over few images is left out."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from pandas.io.formats.style import Styler

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.quantities import QUANTITIES
from helpers.explain.compare_maps import compare_maps
from helpers.explain.measure_table import MAP_PAIR_MEASURES, MEANINGS, SHARES
from helpers.judge.statistics import summarise
from helpers.show.names import with_interval
from helpers.show.readable import readable

FEWEST_IMAGES = 8  # images on which a mean says something


def tabulate_meanings(names: Iterable[str]) -> Styler:
    """Return a table of what measures are, in one line each."""
    return readable(pd.DataFrame([(name, MEANINGS[name]) for name in names], columns=["measure", "meaning"]), left=True)


def tabulate_outcomes(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return how alike maps before and after the attack are, apart for images that it broke and that held.

    Columns in which all means are over too few images are left out.

    Args:
        measured: What `read_measures` returned.
        target: The class that the maps are about, "true" or "predicted".
    """
    maps = measured[measured.measure.isin(MAP_PAIR_MEASURES) & (measured.target == target)]
    attacked = maps[maps.condition == "attack"]
    means = summarise(attacked, ["model", "epsilon", "outcome", "measure"], shares=SHARES, ranges=QUANTITIES)
    means["shown"] = [
        f"{row.mean:.2f} ({row.images})" if row.images >= FEWEST_IMAGES else "–" for row in means.itertuples()
    ]
    columns = ["model", "epsilon", "outcome"]
    table = means.pivot_table(index="measure", columns=columns, values="shown", aggfunc="first", sort=False)
    return table.loc[:, (table != "–").any()]


def compare_all_maps(folders: Mapping[str, RunFolder]) -> pd.DataFrame:
    """Return the tables of `compare_maps` for all pairs of models, with a column `models` that names the two.

    Args:
        folders: {model's name: run folder, the `variant` of an explanation}.
    """
    tables = [
        compare_maps(folders[one], folders[other]).assign(models=f"{one} and {other}")
        for one, other in itertools.combinations(folders, 2)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def tabulate_maps_of_models(others: pd.DataFrame) -> pd.DataFrame:
    """Return how alike the maps of pairs of models are: a row for each pair and condition, a column for each measure.

    Args:
        others: What `compare_all_maps` returned.
    """
    means = summarise(others, ["models", "condition", "measure"], shares=SHARES, ranges=QUANTITIES)
    return _pivot(means, index=["models", "condition"], columns="measure")


def say_what_shuffling_does(summary: pd.DataFrame, target: str) -> list[str]:
    """Return sentences: does the map change with the weights? One for each model and way of shuffling that can tell.

    Args:
        summary: What `summarise_measures` returned.
        target: The class that the maps are about, "true" or "predicted".
    """
    compared = summary[(summary.measure == "rank correlation") & (summary.target == target)]
    sentences = []
    for row in compared[compared.condition.str.startswith("shuffled")].itertuples():
        if row.images >= FEWEST_IMAGES:
            verdict = "changes" if row.high <= 0.5 else "may change or not"
            verdict = "barely changes: do not read it as the decision's" if row.low > 0.5 else verdict
            found = f"correlation {with_interval(row.mean, row.low, row.high)} over {row.images} images"
            sentences.append(f"{row.model}, {row.condition}: {found}, so the map {verdict}.")
    none = f"No model has {FEWEST_IMAGES} images with two maps to compare: the question stays open. Try another task."
    return sentences or [none]


def tabulate_beside(said: pd.DataFrame, summary: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return what the paper says of a measure beside its means under attack and noise.

    Args:
        said: Rows of results/paper_explanations.csv: section, says, measure.
        summary: What `summarise_measures` returned.
        target: The class that maps are about, "true" or "predicted".
    """
    asked = summary[summary.condition.isin(["attack", "noise"]) & summary.target.isin(["", target])]
    means = _pivot(asked, index=["measure", "model"], columns=["epsilon", "condition"])
    means.columns = [f"{condition}, ε = {epsilon:g}" for epsilon, condition in means.columns]
    return said[["section", "says", "measure"]].merge(means.reset_index(), on="measure", how="left")


def tabulate_differences(measured: pd.DataFrame, measures: Sequence[str], target: str) -> pd.DataFrame:
    """Return by how much measures are larger under attack than under a control, the mean over pairs of the same image.

    Args:
        measured: What `read_measures` returned.
        measures: Which of them.
        target: The class that maps are about, "true" or "predicted".
    """
    asked = measured[measured.measure.isin(measures) & measured.target.isin(["", target])]
    attacked, controls = asked[asked.condition == "attack"], asked[asked.condition.isin(["noise", "other image"])]
    same = ["model", "measure", "target", "epsilon", "image", "group"]
    both = attacked.merge(controls, on=same, suffixes=("", " of control"))
    both["value"] -= both["value of control"]
    means = summarise(both.drop(columns="condition"), ["model", "condition of control", "epsilon", "measure"])
    return _pivot(means, index=["measure", "model", "condition of control"], columns="epsilon")


def _pivot(means: pd.DataFrame, *, index: list[str], columns: str | list[str]) -> pd.DataFrame:
    """Return means with their intervals as text in two dimensions; "too few" where there are few images."""
    shown = [
        with_interval(r.mean, r.low, r.high) if r.images >= FEWEST_IMAGES else "too few" for r in means.itertuples()
    ]
    means = means.assign(shown=shown)
    return means.pivot_table(index=index, columns=columns, values="shown", aggfunc="first", sort=False)
