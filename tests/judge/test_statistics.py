import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from helpers import wilson
from helpers.judge.statistics import (
    accuracy_by_epsilon,
    clean_summary,
    effective_groups,
    grouped_auc,
    grouped_mean,
    image_radii,
    in_whole_levels,
    majority_share,
    recalls,
    summarise,
)


@pytest.mark.parametrize(("correct", "total"), [(0, 10), (7, 10), (10, 10), (81, 263), (1, 1)])
def test_wilson_solves_its_equation(correct, total):
    """The interval's ends are the shares p for which the observed share lies 1.96 of p's standard errors away."""
    z = norm.ppf(0.975)
    for p in wilson(correct, total):
        assert abs(correct / total - p) == pytest.approx(z * np.sqrt(p * (1 - p) / total), abs=1e-6)


def test_wilson_gives_newcombes_published_values():
    # Newcombe (1998), table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0000, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_accuracy_by_epsilon_counts_rows():
    table = pd.DataFrame({"epsilon": [0.0] * 4 + [0.1] * 4, "correct": [True] * 4 + [True, False, False, False]})
    result = accuracy_by_epsilon(table)
    assert result.epsilon.tolist() == [0.0, 0.1]
    assert result.images.tolist() == [4, 4]
    assert result.accuracy.tolist() == [1.0, 0.25]
    assert (result.low[1], result.high[1]) == pytest.approx(wilson(1, 4))


def test_radii_give_the_accuracy_at_every_epsilon():
    """An image is broken from its radius on: at the epsilon that equals its radius, it is."""
    table = pd.DataFrame({"image": list("abcd"), "radius": [0.0, 0.1, 0.25, np.inf]})
    result = accuracy_by_epsilon(table, [0.05, 0.1, 0.3])
    assert result.epsilon.tolist() == [0, 0.05, 0.1, 0.3]
    assert result.accuracy.tolist() == [0.75, 0.75, 0.5, 0.25]
    assert (result.low[1], result.high[1]) == pytest.approx(wilson(3, 4))
    assert image_radii(table).to_dict() == {"a": 0, "b": 0.1, "c": 0.25, "d": np.inf}


def test_an_accuracy_is_as_sure_as_the_groups_of_its_images():
    """Two images of each of four patients: Wilson's interval of four trials."""
    table = pd.DataFrame({"image": list("abcdefgh"), "group": list("AABBCCDD"), "radius": [0, 0, 0.2, 0.2] * 2})
    at_radii = accuracy_by_epsilon(table, [0.1])
    assert (at_radii.low[1], at_radii.high[1]) == pytest.approx(wilson(2, 4))
    on_grid = accuracy_by_epsilon(table.assign(epsilon=0.1, correct=table.radius > 0.1).drop(columns="radius"))
    assert (on_grid.low[0], on_grid.high[0]) == pytest.approx(wilson(2, 4))
    predictions = table.assign(label=list("xxxxyyyy"), prediction=list("yyxxxxyy"))
    summary = clean_summary(predictions)
    assert (summary["low"], summary["high"]) == pytest.approx(wilson(2, 4))
    of_class = recalls(predictions, ["w", "x"])
    assert of_class.index.tolist() == ["x"]
    assert of_class.loc["x"].tolist() == pytest.approx([4, 0.5, *wilson(1, 2)])


def test_a_share_has_the_trials_of_independent_values_with_its_variance():
    """Of the two images of each patient, as often both are right as one or none: as if images were independent.

    The residuals of groups sum to 1, 0, 0 and -1 in each of five rounds: a variance of 10 / 40² · 20 / 19.
    """
    values, groups = np.tile([1, 1, 1, 0, 0, 1, 0, 0], 5), np.repeat(np.arange(20), 2)
    trials = 0.25 / (10 / 40**2 * 20 / 19)
    z = norm.ppf(0.975)
    half = z / np.sqrt(trials) * np.sqrt(0.25 + z**2 / (4 * trials)) / (1 + z**2 / trials)  # Wilson's, around 1/2
    assert grouped_mean(values, groups, is_share=True) == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def test_under_the_paper_protocol_a_radius_is_the_smallest_epsilon_that_broke_the_image():
    table = pd.DataFrame(
        {"image": list("abc") * 3, "epsilon": [0.0] * 3 + [0.1] * 3 + [0.2] * 3, "correct": [0, 1, 1, 0, 0, 1, 0, 1, 1]}
    )
    assert image_radii(table.astype({"correct": bool})).to_dict() == {"a": 0, "b": 0.1, "c": np.inf}


def test_clean_summary_by_hand():
    predictions = pd.DataFrame({"label": list("aaab"), "prediction": list("aaba")})
    summary = clean_summary(predictions)
    assert (summary["images"], summary["accuracy"]) == (4, 0.5)
    assert summary["balanced accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert summary["majority share"] == majority_share(predictions.label) == 0.75


def test_the_mean_of_groups_is_surer_the_more_groups_there_are():
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=20), 10)  # ten equal values a group
    by_group, by_image = grouped_mean(values, np.repeat(np.arange(20), 10)), grouped_mean(values, np.arange(200))
    assert [by_group[0], by_image[0]] == pytest.approx([values.mean()] * 2)
    half = (by_group[2] - by_group[1]) / 2
    assert half == pytest.approx(student.ppf(0.975, 19) * values.std() / np.sqrt(19))  # the mean of 20, not of 200
    assert (by_image[2] - by_image[1]) / 2 == pytest.approx(1.96 * values.std() / np.sqrt(200), rel=0.1)


def test_shares_of_groups_have_wilsons_interval():
    values = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1])
    assert grouped_mean(values, np.arange(10), is_share=True) == pytest.approx((0.7, *wilson(7, 10)))
    assert grouped_mean(np.ones(5), np.arange(5), is_share=True) == pytest.approx((1, *wilson(5, 5)))
    twice = grouped_mean(np.repeat(values, 2), np.repeat(np.arange(10), 2), is_share=True)
    assert twice == pytest.approx((0.7, *wilson(7, 10)))


def test_values_that_happen_to_be_0_or_1_are_no_share():
    assert grouped_mean(np.ones(5), np.arange(5)) == (1, 1, 1)


def test_groups_of_different_sizes_say_less_than_as_many_of_equal_size():
    assert effective_groups(np.arange(6)) == effective_groups(np.repeat(np.arange(6), 3)) == 6
    uneven = np.repeat(np.arange(6), [7, 1, 1, 1, 1, 1])
    assert effective_groups(uneven) == pytest.approx(12**2 / (7**2 + 5))
    trials, z = 12**2 / (7**2 + 5), norm.ppf(0.975)
    assert grouped_mean(np.ones(12), uneven, is_share=True) == pytest.approx((1, trials / (trials + z**2), 1))


def test_one_group_has_no_interval():
    mean, low, high = grouped_mean(np.array([0.2, 0.4]), np.array(["a", "a"]))
    assert mean == pytest.approx(0.3)
    assert np.isnan([low, high]).all()


def test_a_summary_leaves_out_what_has_no_value():
    table = pd.DataFrame({"image": list("abc"), "group": list("aab"), "measure": "m", "value": [1.5, np.nan, 2.5]})
    table = pd.concat([table, table.assign(measure="n", value=np.nan)])
    summary = summarise(table, ["measure"]).set_index("measure")
    assert summary.loc["m", ["mean", "images", "groups"]].tolist() == [2.0, 2, 2]
    assert summary.loc["m", "low"] < 0
    inside = summarise(table, ["measure"], ranges={"m": (0, 3), "n": (0, 1)}).set_index("measure")
    assert inside.loc["m", ["mean", "low", "high"]].tolist() == [2.0, 0, 3]
    assert summary.loc["n", "images"] == 0
    assert np.isnan(summary.loc["n", "mean"])


def test_an_area_under_the_curve_and_its_interval_by_hand():
    """Of 6 pairs of different images 4 are won: of the 4 that each image is in, 3, 3 and 2. The variance is 1/36."""
    auc, low, high = grouped_auc(np.array([0.0, 1, 2]), np.array([1.5, 0.5, 3]), np.arange(3))
    half = student.ppf(0.975, 2) / 6 / (2 / 3 * 1 / 3)  # of the logarithm of the odds, 2
    assert (auc, low, high) == pytest.approx((2 / 3, 1 / (1 + np.exp(half) / 2), 1 / (1 + np.exp(-half) / 2)))


def test_an_image_is_not_told_from_itself():
    """Each score is a hair higher than that of the same image, and of no use for any other: the area is 1/2."""
    area, low, high = grouped_auc(np.arange(15.0), np.arange(15) + 1e-3, np.arange(15))
    assert area == 0.5
    half = (
        student.ppf(0.975, 14) * np.sqrt(15 / 14 * 2) / (15 * 14) / 0.25
    )  # as if one more of 15 · 14 pairs were right
    assert (low, high) == pytest.approx((1 / (1 + np.exp(half)), 1 / (1 + np.exp(-half))))
    of_pairs = grouped_auc(np.arange(16.0), np.arange(16) + 1e-3, np.arange(16) // 2)
    assert of_pairs[0] == 0.5


def test_every_image_counts_once_however_large_its_group():
    """Twenty groups of nine zeros, and twenty of a single one: a tenth of the values are 1, half of the groups."""
    values = np.concatenate([np.zeros(180), np.ones(20)])
    groups = np.concatenate([np.repeat(np.arange(20), 9), np.arange(20, 40)])
    mean, low, high = grouped_mean(values, groups)
    assert mean == 0.1
    assert 0.02 < low < 0.1 < high < 0.25


def test_radii_in_whole_levels():
    table = pd.DataFrame({"radius": [0.1, 0.0], "levels": [51.0, 0.0]})
    assert in_whole_levels(table).radius.tolist() == [0.2, 0.0]


@pytest.mark.parametrize("worst", [0, 1])
def test_an_area_of_0_or_1_is_uncertain_too(worst):
    scores = [np.zeros(6), np.ones(6)]
    area, low, high = grouped_auc(scores[1 - worst], scores[worst], np.arange(6))
    assert area == worst
    assert high - low == pytest.approx(norm.ppf(0.975) ** 2 / (6 + norm.ppf(0.975) ** 2))


def test_equal_scores_count_half_in_an_area():
    """Of the six pairs of different images, one is won and three are ties; scikit-learn agrees."""
    lower, higher = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.0])
    area = grouped_auc(lower, higher, np.arange(3))[0]
    assert area == pytest.approx((1 + 3 / 2) / 6)
    one_by_one = [roc_auc_score([0, 0, 1], [*np.delete(lower, i), higher[i]]) for i in range(3)]
    assert area == pytest.approx(np.mean(one_by_one))
    assert grouped_auc(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.arange(2))[0] == 0.75


def test_the_interval_of_an_area_holds_the_truth_as_often_as_it_says():
    """Scores of 30 groups of two images, alike within a group, and moved by .5: the true area is known."""
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(30), 2)
    truth = norm.cdf(0.5 / (2 * 1.25) ** 0.5)  # of two scores of different groups, each of variance 1 + 1/4
    held = []
    for _ in range(400):
        own = rng.normal(size=30)[groups]
        lower, higher = (own + 0.5 * rng.normal(size=60) + shift for shift in (0, 0.5))
        _, low, high = grouped_auc(lower, higher, groups)
        held.append(low <= truth <= high)
    assert 0.9 < np.mean(held) < 0.99
