"""The tables in results/quick say what the summaries of the same run say, and lack nothing that notebooks read."""

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
    """The models that the results are about, whatever the profile lists today."""
    return [
        read_config(
            profile="quick",
            task=row.task,
            backbone=row.backbone,
            attention="none" if row.arm == "adversarial" else row.arm,
            training="adversarial" if row.arm == "adversarial" else "standard",
            seed=row.seed,
        )
        for row in results.models.itertuples()
    ]


def test_accuracies_from_the_results_are_those_of_the_summary(results, models):
    summary = pd.read_csv(ROOT / "results" / "quick.csv")
    for task, backbone in results.cells:
        same = [config for config in models if (config.task, config.backbone) == (task, backbone)]
        _, numbers = compare_outcomes([Outcome.of_results(results, config) for config in same])
        expected = summary[(summary.task == task) & (summary.backbone == backbone)]
        pd.testing.assert_frame_equal(
            numbers.reset_index(drop=True), expected[numbers.columns].reset_index(drop=True), atol=1e-5, rtol=0
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
