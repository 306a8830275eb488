"""The largest gains, on accuracies whose maxima are plain to see."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_results import planted_results

from helpers.judge.gains import LargestGains, largest_gains, robust_accuracies


def test_the_largest_gains_are_those_of_a_table_made_by_hand():
    table = pd.DataFrame({"soft": [0.5, 0.2, 0.1, 0.0], "none": [0.25, 0.4, 0.0, 0.0]})
    assert largest_gains(table, "soft", "none") == LargestGains(0.25, 1.0, 1)
    assert largest_gains(table, "none", "soft") == LargestGains(pytest.approx(0.2), pytest.approx(1.0), 0)


def test_accuracies_count_the_images_whose_radius_is_larger():
    results = planted_results(effect=1, images=20, seeds=1, rng=np.random.default_rng(0))
    (row,) = robust_accuracies(results, ("soft", "none")).itertuples()
    assert (row.task, row.backbone, row.epsilon, row.images) == ("skin_lesion", "resnet50", 0.00125, 20)
    radii = results.radii[results.radii.arm == "soft"].radius
    assert row.soft == sum(radius > 0.00125 for radius in radii) / 20


def test_a_gain_over_or_of_a_model_whose_attack_is_not_trusted_does_not_count():
    tasks = ("skin_lesion", "retinopathy")
    two = planted_results(effect=1, images=20, seeds=1, rng=np.random.default_rng(0), tasks=tasks)
    verdicts = np.where((two.models.task == "retinopathy") & (two.models.arm == "soft"), "broken", "trusted")
    found = robust_accuracies(replace(two, models=two.models.assign(verdict=verdicts)), ("soft", "none"))
    assert found.task.tolist() == ["skin_lesion"]


def test_gains_of_single_trainings_are_those_of_pairs_with_one_seed():
    results = planted_results(effect=1, images=20, seeds=3, rng=np.random.default_rng(0))
    rows = robust_accuracies(results, ("soft", "none"), each_training=True)
    radii = results.radii[results.radii.arm == "soft"]
    assert rows.soft.tolist() == radii.assign(right=radii.radius > 0.00125).groupby("seed").right.mean().tolist()
    assert len(rows) == 3 > rows.soft.duplicated().sum()
