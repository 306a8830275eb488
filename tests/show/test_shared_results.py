"""The tables in results/ say what the summaries of the same profile say, and lack nothing that notebooks read."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers import StudyError
from helpers.artifacts.results import StudyResults
from helpers.explain.measure_table import MAP_PAIR_MEASURES
from helpers.paths import ROOT
from helpers.profiles import read_config
from helpers.show.accuracy_figures import Outcome, compare_outcomes
from helpers.show.model_tables import measures_of_results, summarise_measures


@pytest.fixture(scope="module")
def results():
    return StudyResults.load(ROOT / "results" / "quick")


@pytest.fixture(scope="module")
def models(results):
    return models_of(results)


def models_of(results):
    """The models that results are about, whatever the profile lists today."""
    return [
        read_config(
            profile=results.about["profile"],
            task=row.task,
            backbone=row.backbone,
            attention="none" if row.arm == "adversarial" else row.arm,
            training="adversarial" if row.arm == "adversarial" else "standard",
            seed=row.seed,
        )
        for row in results.models.itertuples()
    ]


@pytest.mark.parametrize("profile", ["quick", "reference"])
def test_accuracies_from_the_results_are_those_of_the_summary(profile):
    results = StudyResults.load(ROOT / "results" / profile)
    keys = ["task", "backbone", "attention", "training", "seed", "epsilon"]
    tables = []
    for config in models_of(results):
        figure, table = compare_outcomes([Outcome.of_results(results, config)])
        plt.close(figure)
        tables.append(table)
    numbers = pd.concat(tables).sort_values(keys)
    summary = pd.read_csv(ROOT / "results" / f"{profile}.csv").sort_values(keys)
    pd.testing.assert_frame_equal(
        numbers.reset_index(drop=True), summary[numbers.columns].reset_index(drop=True), atol=1e-5, rtol=0
    )


def test_measures_from_the_results_are_those_of_the_summary_but_for_maps_that_vanish(results, models):
    summary = pd.read_csv(ROOT / "results" / "quick_explanations.csv", keep_default_na=False, na_values=[""])
    standard = [config for config in models if config.training == "standard"]
    keys = ["task", "backbone", "model", "condition", "epsilon", "target", "measure"]
    found = summarise_measures(measures_of_results(results, standard))
    expected = summary.fillna({"target": ""}).merge(found, on=keys, suffixes=("", "_here"))
    expected = expected[~expected.measure.isin(MAP_PAIR_MEASURES)]
    assert len(expected) > 500
    np.testing.assert_allclose(expected["mean"], expected.mean_here, atol=1e-5)
    assert (expected.images == expected.images_here).all()


def test_a_model_that_the_results_lack_is_named(results, models):
    other = models[0].replace(seed=7)
    for read in (lambda: Outcome.of_results(results, other), lambda: measures_of_results(results, [other])):
        with pytest.raises(StudyError, match="skin_lesion.*7.*found none"):
            read()
