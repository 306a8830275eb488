"""Measures of activation maps, on made-up maps whose answer is known."""

import numpy as np
import pytest
from scipy import ndimage

from helpers.explain import map_measures as measures
from helpers.explain.map_measures import UndefinedError

RNG = np.random.default_rng(0)
NOISE, OTHER = RNG.uniform(size=(2, 8, 8))
RAMP = np.arange(16, dtype=float).reshape(4, 4)
MASK = np.zeros((8, 8), bool)
MASK[2:6, 1:5] = True
OF_TWO = [measures.rank_correlation, measures.inverted, measures.overlap_of_top, measures.ssim]
OF_ONE = [measures.entropy, measures.gini, measures.regions]
OF_MASK = [measures.share_in_mask, measures.peak_in_mask]


@pytest.mark.parametrize("measure", OF_TWO)
def test_two_maps_may_be_scaled_and_mirrored_together(measure):
    expected = measure(NOISE, OTHER)
    assert measure(7 * NOISE, 0.1 * OTHER) == pytest.approx(expected)
    assert measure(NOISE[:, ::-1], OTHER[:, ::-1]) == pytest.approx(expected)
    assert measure(OTHER, NOISE) == pytest.approx(expected)


@pytest.mark.parametrize("measure", OF_ONE)
def test_one_map_may_be_scaled_and_mirrored(measure):
    assert measure(7 * NOISE) == pytest.approx(measure(NOISE))
    assert measure(NOISE[::-1]) == pytest.approx(measure(NOISE))


@pytest.mark.parametrize("measure", OF_MASK)
def test_map_and_mask_may_be_scaled_and_mirrored_together(measure):
    expected = measure(NOISE[:4, :4], MASK)
    assert measure(7 * NOISE[:4, :4], MASK) == pytest.approx(expected)
    assert measure(NOISE[:4, :4][:, ::-1], MASK[:, ::-1]) == pytest.approx(expected)


def test_rank_correlation_sees_order_alone():
    assert measures.rank_correlation(RAMP, RAMP**3) == pytest.approx(1)
    assert measures.rank_correlation(RAMP, RAMP.max() - RAMP) == pytest.approx(-1)
    swapped = RAMP.copy()
    swapped[0, :2] = 1, 0  # Spearman: 1 - 6 Σd² / (n (n² - 1)), d = ±1 for two of sixteen
    assert measures.rank_correlation(RAMP, swapped) == pytest.approx(1 - 6 * 2 / (16 * 255))


def test_inverted_is_a_negative_correlation():
    assert measures.inverted(RAMP, RAMP.max() - RAMP) == 1
    assert measures.inverted(RAMP, RAMP) == 0


def test_overlap_of_the_top_counts_positions():
    one, other = np.zeros((2, 5, 5))
    one[0, :5] = other[0, 1:5] = other[1, 0] = 1  # five of 25 are the top 20%; four are shared
    assert measures.overlap_of_top(one, other) == pytest.approx(4 / 6)
    assert measures.overlap_of_top(one, one) == 1
    assert measures.overlap_of_top(one, one[::-1]) == 0


def test_ssim_by_hand():
    one, other = np.array([[0.0, 1.0]]), np.array([[1.0, 0.5]])
    # means .5, .75; variances 1/4, 1/16; covariance -1/8
    luminance = (2 * 0.5 * 0.75 + 1e-4) / (0.25 + 0.5625 + 1e-4)
    assert measures.ssim(one, other) == pytest.approx(luminance * (-0.25 + 9e-4) / (0.25 + 0.0625 + 9e-4))
    assert measures.ssim(NOISE, NOISE) == pytest.approx(1)


def test_focus_of_one_position_and_of_an_even_map():
    single = np.zeros((4, 4))
    single[1, 2] = 3
    assert measures.entropy(single) == 0
    assert measures.gini(single) == pytest.approx(15 / 16)
    assert measures.entropy(np.ones((4, 4))) == pytest.approx(1)
    assert measures.gini(np.ones((4, 4))) == pytest.approx(0)
    half = np.repeat([1.0, 0.0], 8).reshape(4, 4)
    assert measures.entropy(half) == pytest.approx(np.log(8) / np.log(16))
    assert measures.gini(half) == pytest.approx(0.5)


def test_regions_of_a_disc_a_ring_and_two_blobs():
    y, x = np.mgrid[:32, :32]
    distance = np.hypot(x - 16, y - 16)
    assert measures.regions((distance < 8).astype(float)) == 1
    assert measures.regions((np.abs(distance - 10) < 2).astype(float)) == 1
    blobs = np.exp(-((x - 6) ** 2 + (y - 16) ** 2) / 8) + 0.8 * np.exp(-((x - 26) ** 2 + (y - 16) ** 2) / 8)
    assert measures.regions(blobs) == 2
    assert measures.regions(blobs + 1.1) == 1  # above half everywhere
    assert measures.regions(np.eye(3)) == 1  # corners touch


def test_share_in_the_mask():
    assert measures.share_in_mask(MASK.astype(float), MASK) == 1
    assert measures.share_in_mask(1.0 - MASK, MASK) == 0
    assert measures.share_in_mask(np.ones((8, 8)), MASK) == pytest.approx(0.5)
    assert measures.share_in_mask(1.0 + 2 * MASK, MASK) == pytest.approx(0.75)


def test_the_peak_plays_the_pointing_game():
    values = np.zeros((8, 8))
    values[3, 3] = 1
    assert measures.peak_in_mask(values, MASK) == 1
    assert measures.peak_in_mask(values[::-1, ::-1], MASK) == 1
    assert measures.peak_in_mask(np.roll(values, 4, axis=1), MASK) == 0


def test_a_coarse_map_is_interpolated_to_the_masks_size():
    large = measures.enlarged(np.array([[0.0, 1.0], [2.0, 3.0]]), (4, 4))
    assert large[0].tolist() == pytest.approx([0, 0.25, 0.75, 1])  # pixel centres, the edges continued
    assert large[:, 0].tolist() == pytest.approx([0, 0.5, 1.5, 2])
    assert large.mean() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("measure", "arguments", "reason"),
    [
        *((measure, (np.ones((4, 4)), RAMP), "a map is constant") for measure in OF_TWO),
        *((measure, (np.zeros((4, 4)),), "the map is zero everywhere") for measure in OF_ONE),
        *((measure, (RAMP, None), "needs a mask") for measure in OF_MASK),
        *((measure, (RAMP, np.zeros((4, 4), bool)), "the mask is empty") for measure in OF_MASK),
        *((measure, (RAMP, np.ones((4, 4), bool)), "the mask covers all") for measure in OF_MASK),
        (measures.peak_in_mask, (np.ones((8, 8)), MASK), "a map is constant"),
    ],
)
def test_what_cannot_be_measured_says_why(measure, arguments, reason):
    with pytest.raises(UndefinedError, match=reason):
        measure(*arguments)


def test_noise_correlates_with_nothing():
    maps = RNG.uniform(size=(200, 8, 8))
    correlations = [measures.rank_correlation(a, b) for a, b in zip(maps[::2], maps[1::2], strict=True)]
    assert abs(np.mean(correlations)) < 0.05
    smooth = [ndimage.gaussian_filter(values, 1) for values in maps]
    assert np.mean([measures.regions(values) for values in maps]) >= np.mean([measures.regions(s) for s in smooth])
