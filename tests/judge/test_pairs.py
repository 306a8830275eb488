"""Comparisons of two models on the same images: by hand, and by simulation where they make a promise about chance."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from helpers import StudyError
from helpers.judge.pairs import Pairs, holm


def pairs(first, second, groups=None):
    first, second = np.array(first, float), np.array(second, float)
    return Pairs(first, second, np.arange(len(first)) if groups is None else np.array(groups))


def table(radii, images="abcd"):
    return pd.DataFrame({"image": list(images), "group": list(images.upper()), "radius": radii})


def test_ratios_are_of_the_images_that_both_models_classify_right():
    compared = pairs([0.1, 0.2, 0.4, 0.0, 0.1], [0.2, 0.4, 0.2, 0.3, 0.0])
    assert compared.both_right.tolist() == [True, True, True, False, False]
    assert compared.ratio_of_geometric_means().value == pytest.approx((2 * 2 * 0.5) ** (1 / 3))
    weight = 7 / 27  # of the largest of three in Harrell and Davis' median: 3x² - 2x³ at 1/3
    assert compared.ratio_of_medians().value == pytest.approx(2**weight)


def test_an_infinite_radius_counts_as_the_largest_there_is():
    assert pairs([0.5, 0.25], [np.inf, 0.25]).ratio_of_geometric_means().value == pytest.approx(np.sqrt(2))


def test_the_interval_of_a_ratio_of_medians_draws_whole_groups_and_takes_two_medians():
    """In each group one image is 1 and 2, one 2 and 8, one 4 and 1: both medians are 2, the median of ratios is 2."""
    first, second = np.repeat([1.0, 2, 4], 100), np.repeat([2.0, 8, 1], 100)
    ratio = Pairs(first / 100, second / 100, np.tile(np.arange(100), 3)).ratio_of_medians()
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1, 1, 1))


def test_the_interval_of_a_ratio_of_medians_has_the_percentiles_of_other_draws():
    """Not their mirror images: of 5 groups, one is 100 times as far under the second model, and none is nearer."""
    ratio = pairs([0.01] * 5, [0.01, 0.01, 0.01, 0.01, 1]).ratio_of_medians()
    assert 1 == ratio.low < ratio.value < ratio.high


def test_the_area_between_curves_is_the_mean_difference_on_the_axis_of_the_figure():
    """On an axis from 1/100 to 1, .1 is in the middle; what is outside of it counts as its end."""
    compared = pairs([0.0, 0.1, 0.001, 0.1], [0.1, 1.0, 0.01, np.inf])
    area = compared.area_between_curves([0, 0.01, 0.1, 1])
    assert area.value == pytest.approx((0.5 + 0.5 + 0 + 0.5) / 4)
    grid = np.geomspace(0.01, 1, 2001)
    held = [(np.array(radii)[:, None] > grid).mean() for radii in (compared.first, compared.second)]
    assert area.value == pytest.approx(held[1] - held[0], abs=1e-3)


def test_mcnemar_looks_at_the_images_that_one_model_holds_and_the_other_does_not():
    compared = pairs([0.3] * 6 + [0.1] * 2, [0.1] * 5 + [0.3] * 3)
    assert compared.mcnemar(0.2) == pytest.approx(2 * binom.cdf(2, 7, 0.5))  # 5 against 2
    assert compared.mcnemar(0.05) == 1  # none differs


def test_each_group_has_one_vote_in_mcnemars_test():
    """Of group A, the first model alone holds three images; of B and C, the second alone holds one; D is even."""
    compared = pairs([0.3] * 3 + [0.1] * 2 + [0.3, 0.1], [0.1] * 3 + [0.3] * 2 + [0.1, 0.3], groups=list("AAABCDD"))
    assert compared.mcnemar(0.2) == pytest.approx(2 * binom.cdf(1, 3, 0.5))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_a_single_group_has_no_interval():
    compared = pairs([0.1, 0.2], [0.2, 0.2], groups=["P", "P"])
    for number in (compared.ratio_of_geometric_means(), compared.ratio_of_medians()):
        assert number.value > 1
        assert np.isnan([number.low, number.high]).all()


def test_tables_are_paired_by_image_and_those_of_other_images_are_refused():
    first, second = table([0.1, 0.2, 0.3, 0.4]), table([0.8, 0.6, 0.4, 0.2], "dcba")
    paired = Pairs.from_tables(first, second)
    assert paired.second.tolist() == [0.2, 0.4, 0.6, 0.8]
    assert paired.groups.tolist() == list("ABCD")
    with pytest.raises(StudyError, match="attacked on the same images; 2 images are in one table only, such as a"):
        Pairs.from_tables(first, table([0.8, 0.6, 0.4, 0.2], "bcde"))


def simulated(rng, *, effect, groups=40):
    """Return two models' radii on groups of one to four images that are alike, in which both models are, too."""
    sizes = rng.integers(1, 5, groups)
    names = np.repeat(np.arange(groups), sizes)
    shared = rng.normal(0, 1, groups)[names] + rng.normal(0, 0.5, len(names))
    differs = effect + rng.normal(0, 0.3, groups)[names] + rng.normal(0, 0.3, len(names))
    return Pairs(0.01 * np.exp(shared), 0.01 * np.exp(shared + differs), names)


def test_intervals_of_grouped_pairs_cover_the_truth():
    """In 300 simulations, 95% intervals miss it some 15 times; over 30 or under 3 is a one in a thousand chance."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(300):
        ratio = simulated(rng, effect=0.2).ratio_of_geometric_means()
        missed += not ratio.low <= np.exp(0.2) <= ratio.high
    assert 3 <= missed <= 30


def test_mcnemar_rarely_sees_a_difference_where_there_is_none():
    rng = np.random.default_rng(0)
    single = [Pairs(*(0.01 * np.exp(rng.normal(0, 1, (2, 60)))), np.arange(60)) for _ in range(200)]
    grouped = [simulated(rng, effect=0) for _ in range(200)]
    for cases in (single, grouped):
        assert 0 < np.mean([one.mcnemar(0.01) < 0.05 for one in cases]) <= 0.05
