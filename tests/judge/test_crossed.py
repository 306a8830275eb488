"""The interval of a mean over images and trainings covers the truth as often as it says."""

import re

import numpy as np
import pytest
from scipy import stats

from helpers.judge.crossed import crossed_mean
from helpers.judge.thresholds import Thresholds, needed


def test_a_single_training_of_single_images_gives_students_interval():
    values = np.random.default_rng(0).normal(2, 1, 30)
    found = crossed_mean(values, np.arange(30), np.zeros(30))
    by_scipy = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.value == pytest.approx(values.mean())
    assert found.interval() == pytest.approx((by_scipy.low, by_scipy.high))
    assert found.p_above(1.8) == pytest.approx(stats.ttest_1samp(values, 1.8, alternative="greater").pvalue)
    assert found.p_below(1.8) == pytest.approx(stats.ttest_1samp(values, 1.8, alternative="less").pvalue)


def test_the_variance_of_a_balanced_table_is_worked_out_by_hand():
    group, seed = np.repeat([0, 1, 2], 3), np.tile([0, 1, 2], 3)
    found = crossed_mean(group + seed, group, seed)
    # The mean is 2. Residuals sum to -3, 0 and 3 by group, and by seed; their squares sum to 12.
    assert found.group_variance == found.seed_variance == pytest.approx(18 / 81 * 3 / 2)
    assert found.error**2 == pytest.approx(2 * 18 / 81 * 3 / 2 - 12 / 81 * 9 / 8)
    assert (found.value, found.groups, found.seeds) == (2, 3, 3)


@pytest.mark.parametrize(
    ("groups", "seeds", "seed_spread"), [(40, 1, 0.0), (40, 3, 0.03), (40, 3, 0.1), (40, 3, 0.3), (80, 5, 0.2)]
)
def test_coverage_is_95_percent_or_a_little_more_for_grouped_images_and_several_trainings(groups, seeds, seed_spread):
    rng, rounds, hits = np.random.default_rng(groups + seeds), 800, 0
    for _ in range(rounds):
        group = np.repeat(np.arange(groups), rng.integers(1, 4, groups))
        values = rng.normal(0, 0.5, groups)[group][:, None] + rng.normal(0, seed_spread, seeds)
        values = values + rng.normal(0, 0.3, values.shape)
        kept = rng.random(values.size) < 0.8  # an image that one of two models misclassifies has no value
        of_group, of_seed = np.repeat(group, seeds), np.tile(np.arange(seeds), len(group))
        low, high = crossed_mean(values.ravel()[kept], of_group[kept], of_seed[kept]).interval()
        hits += low < 0 < high
    assert 0.93 < hits / rounds < 0.985


@pytest.mark.parametrize("seed_spread", [0.03, 0.3])
def test_wrong_verdicts_are_rare_and_less_so_if_a_third_training_is_added_where_two_do_not_decide(seed_spread):
    """Of a mean of 0, "below 0" is wrong; README names the shares of studies that say so."""
    rng, rounds = np.random.default_rng(2), 1500
    said = np.zeros(4)
    for _ in range(rounds):
        values = rng.normal(0, 0.5, (90, 1)) + rng.normal(0, seed_spread, 3) + rng.normal(0, 0.3, (90, 3))
        two, three = (
            crossed_mean(values[:, :n].ravel(), np.repeat(np.arange(90), n), np.tile(np.arange(n), 90)).p_below(0)
            for n in (2, 3)
        )
        said += (three < 0.025, three < 0.025 / 6, min(two, three) < 0.025, min(two, three) < 0.025 / 6)
    fixed, of_six, looked_twice, looked_twice_of_six = said / rounds
    assert fixed < 0.035
    assert of_six < 0.015
    assert looked_twice < 0.065
    assert looked_twice_of_six < 0.04


def test_trainings_that_differ_make_the_interval_wide_though_images_agree():
    values, groups, seeds = np.repeat([0.0, 0.1, 0.2], 100), np.tile(np.arange(100), 3), np.repeat([0, 1, 2], 100)
    low, high = crossed_mean(values, groups, seeds).interval()
    assert (low, high) == pytest.approx(stats.ttest_1samp([0.0, 0.1, 0.2], 0).confidence_interval(0.95), rel=0.1)


def test_values_without_spread_still_have_an_interval_that_images_make_narrow():
    few, many = (crossed_mean(np.zeros(n), np.arange(n), np.zeros(n)).interval() for n in (10, 100))
    assert few[0] < many[0] < 0 < many[1] < few[1]
    assert many[1] < 0.04


@pytest.mark.parametrize("right", [0, 1, 3, 40, 98, 100])
def test_the_interval_of_a_share_holds_wilsons_and_its_ends_are_what_the_tests_exclude(right):
    values = np.repeat([1, 0], [right, 100 - right])
    found = crossed_mean(values, np.arange(100), np.zeros(100))
    wilson, (low, high) = stats.binomtest(right, 100).proportion_ci(method="wilson"), found.interval()
    assert low <= wilson.low + 1e-9
    assert high >= wilson.high - 1e-9
    if right < 100:
        assert found.p_below(high) == pytest.approx(0.025)
    if right > 0:
        assert found.p_above(low) == pytest.approx(0.025)
    if right in (0, 1, 3):  # few differ from the others, so their spread says little
        assert high == pytest.approx(max(wilson.high, found.value + 1.9842 * found.error), abs=1e-4)


def trainings_of(values):
    """Return the estimate of an array (images, trainings)."""
    images, seeds = values.shape
    return crossed_mean(values.ravel(), np.repeat(np.arange(images), seeds), np.tile(np.arange(seeds), images))


def test_trainings_count_as_far_as_they_differ():
    rng = np.random.default_rng(0)
    alike, independent = np.repeat(rng.integers(0, 2, (60, 1)), 3, axis=1), rng.integers(0, 2, (400, 3))
    assert trainings_of(alike).trials == pytest.approx(60)
    assert 1000 < trainings_of(independent).trials <= 1200
    assert trainings_of(np.zeros((60, 3))).trials == 60
    assert trainings_of(rng.normal(size=(60, 3))).trials == np.inf
    of_other_images = crossed_mean(rng.integers(0, 2, 200), np.arange(200), np.repeat([0, 1], 100))
    assert of_other_images.trials == 200


def test_one_more_value_that_differs_makes_a_share_no_surer_to_be_small():
    ends = []
    for count in range(4):
        values = np.zeros((100, 3))
        values[range(count), 0] = 1
        ends.append(trainings_of(values).interval()[1])
    assert ends == sorted(ends)


def test_a_threshold_is_excluded_if_a_nearer_one_is_and_if_the_interval_ends_before_it():
    """Also below 0, where the smallest variance of a difference vanishes."""
    values, groups = np.isin(np.arange(25), [0, 8, 16]), np.repeat(np.arange(7), [3, 4, 4, 4, 4, 3, 3])
    found = crossed_mean(values, groups, np.zeros(25))
    thresholds = np.linspace(-0.5, found.value, 101)
    p_values = [found.p_above(threshold) for threshold in thresholds]
    assert p_values == sorted(p_values)
    low, _ = found.interval()
    assert [p < 0.025 for p in p_values] == [threshold < low for threshold in thresholds]


@pytest.mark.parametrize(
    ("share", "likeness", "images", "seeds"), [(0.03, 1, 100, 1), (0.05, 0.8, 60, 3), (0.02, 0.8, 100, 3)]
)
def test_a_share_that_is_a_threshold_is_rarely_found_below_it(share, likeness, images, seeds):
    """Of rare values, Student's t would say so in 5% to 20% of studies."""
    rng, rounds, wrong = np.random.default_rng(0), 1500, 0
    of_group, of_seed = np.repeat(np.arange(images), seeds), np.tile(np.arange(seeds), images)
    for _ in range(rounds):
        drawn = np.where(rng.random((images, seeds)) < likeness, rng.random((images, 1)), rng.random((images, seeds)))
        wrong += crossed_mean((drawn < share).ravel(), of_group, of_seed).p_below(share) < 0.025
    assert wrong / rounds < 0.035


@pytest.mark.parametrize(("images", "seeds"), [(300, 1), (100, 3)])
def test_a_difference_of_two_shares_that_is_a_threshold_is_rarely_found_above_it(images, seeds):
    """2% of the images are wrong with one model only, and none with the other only. Student's t would say so in 6%."""
    rng, rounds, wrong = np.random.default_rng(0), 1500, 0
    for _ in range(rounds):
        drawn = np.where(rng.random((images, seeds)) < 0.9, rng.random((images, 1)), rng.random((images, seeds)))
        wrong += trainings_of(-(drawn < 0.02).astype(int)).p_above(-0.02) < 0.025
    assert wrong / rounds < 0.03


def test_equal_values_of_groups_of_unequal_sizes_say_less():
    alike, one_is_large = (np.repeat(np.arange(10), sizes) for sizes in ([4] * 10, [31, *[1] * 9]))
    errors = [crossed_mean(np.full(40, 0.3), groups, np.zeros(40)).error for groups in (alike, one_is_large)]
    assert errors[0] == pytest.approx((1 - 0.05 ** (1 / 10)) / 2)
    assert errors[1] == pytest.approx((1 - 0.05 ** ((31**2 + 9) / 40**2)) / 2)  # as of 1.65 groups


def test_so_many_images_as_would_tell_a_share_of_0_from_a_threshold_do():
    said = needed(crossed_mean(np.zeros(40), range(40), np.zeros(40)), 0.05)
    enough = int(re.fullmatch(r"about (\d+) images would tell", said)[1])
    assert crossed_mean(np.zeros(enough), range(enough), np.zeros(enough)).p_below(0.05) < 0.025
    assert crossed_mean(np.zeros(enough - 20), range(enough - 20), np.zeros(enough - 20)).p_below(0.05) > 0.025


def test_an_effect_that_one_of_two_tests_does_not_show_is_not_said_to_be_there():
    """Are 10 of 100 above .045? By Student's t, p is .036, by the score test .004: the larger one counts."""
    values = np.repeat([1, 0], [10, 90])
    found, thresholds = crossed_mean(values, range(100), np.zeros(100)), Thresholds(0.045, 0.2)
    assert found.p_above(0.045) > 0.025
    assert thresholds.why_contradicted(found, 1.0) == "an effect that matters is excluded"
    assert thresholds.why_contradicted(crossed_mean(np.tile(values, 4), range(400), np.zeros(400)), 1.0) == (
        "there is an effect, too small to matter"
    )


def test_one_group_has_no_interval_and_proves_nothing():
    found = crossed_mean(np.array([1.0, 2.0]), [0, 0], [0, 0])
    assert np.isnan(found.interval()).all()
    assert found.p_above(-100) == found.p_below(100) == 1


def test_values_must_be_finite():
    with pytest.raises(ValueError, match="finite"):
        crossed_mean(np.array([1.0, np.nan]), [0, 1], [0, 0])


@pytest.mark.parametrize(("seeds", "seed_spread"), [(1, 0.0), (3, 0.02), (3, 0.3)])
def test_what_would_tell_begins_at_the_interval_that_there_is(seeds, seed_spread):
    """As much as there is, if its interval fits; more, if it hardly does not."""
    rng = np.random.default_rng(4)
    group, seed = np.repeat(np.arange(50), 2 * seeds), np.tile(np.arange(seeds), 100)
    image = np.repeat(np.arange(100), seeds)
    values = rng.normal(0, 0.5, 50)[group] + rng.normal(0, seed_spread, seeds)[seed] + rng.normal(0, 0.1, 100)[image]
    found = crossed_mean(values, group, seed, images=image)
    low, high = found.interval()
    half = (high - low) / 2
    assert needed(found, 1.001 * half) == "about 100 images would tell"
    assert needed(found, 0.98 * half) != "about 100 images would tell"


def test_as_many_trainings_would_tell_as_make_the_interval_so_narrow():
    """A study in which each training occurs twice needs what the first one is said to need: twice the trainings."""
    rng = np.random.default_rng(1)
    group, seed, image = np.repeat(np.arange(50), 40), np.tile(np.arange(20), 100), np.repeat(np.arange(100), 20)
    values = rng.normal(0, 0.1, 50)[group] + rng.normal(0, 0.05, 20)[seed] + rng.normal(0, 1, 2000)
    found = crossed_mean(values, group, seed, images=image)
    twice = [np.tile(part, 2) for part in (values, group, image)]
    low, high = crossed_mean(*twice[:2], np.concatenate([seed, seed + 100]), images=twice[2]).interval()
    for factor, lowest, highest in ((1.01, 39, 41), (0.99, 42, 60)):
        (trainings,) = re.findall(r"about (\d+) trainings would tell", needed(found, factor * (high - low) / 2))
        assert lowest <= int(trainings) <= highest
