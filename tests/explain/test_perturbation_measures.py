"""Measures of perturbations, on made-up ones whose answer is known: a disc, a ring, two blobs, noise."""

import numpy as np
import pytest

from helpers.explain import perturbation_measures as p
from helpers.explain.map_measures import UndefinedError

SIZE, EPSILON = 64, 0.01
Y, X = np.mgrid[:SIZE, :SIZE]
DISTANCE = np.hypot(X - 32, Y - 32)
DISC = DISTANCE < 16
NOISE = np.random.default_rng(0).uniform(-EPSILON, EPSILON, (SIZE, SIZE, 3))
WITH_SHAPE = [p.energy_in_mask, p.ring_against_centre, p.shape_agreement]
ALONE = [p.contrast, p.splotch_count, p.high_frequencies]


def coloured(values):
    return np.repeat(EPSILON * np.asarray(values, float)[..., None], 3, axis=-1)


def blobs(*places, radius=6, darkness=-1.0):
    return coloured(darkness * np.any([np.hypot(X - x, Y - y) < radius for x, y in places], axis=0))


@pytest.mark.parametrize("measure", WITH_SHAPE)
def test_perturbation_and_shape_may_be_scaled_and_mirrored_together(measure):
    shape = np.hypot(X - 24, Y - 40) < 12
    expected = measure(NOISE, shape)
    assert measure(32 * NOISE, shape) == pytest.approx(expected)
    # which neighbour is nearer is decided by rounding where two are equally far
    assert measure(NOISE[:, ::-1], shape[:, ::-1]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("measure", ALONE)
def test_a_perturbation_may_be_scaled_and_mirrored(measure):
    change = NOISE + blobs((16, 20), (48, 40))
    expected = measure(change)
    assert measure(32 * change) == pytest.approx(expected)
    assert measure(change[::-1]) == pytest.approx(expected)


def test_energy_in_a_disc():
    assert p.energy_in_mask(coloured(DISC), DISC) == 1
    assert p.energy_in_mask(coloured(1 + DISC), DISC) == pytest.approx(4 / 5)  # squares: 4 inside, 1 outside
    assert p.energy_in_mask(NOISE, DISC) == pytest.approx(0.5, abs=0.02)


def test_a_ring_around_an_empty_centre():
    ring = coloured((DISTANCE >= 10) & (DISTANCE < 22))
    assert p.ring_against_centre(ring, DISC) > 0.9
    assert p.ring_against_centre(coloured(DISTANCE < 7), DISC) == 0
    assert p.ring_against_centre(NOISE, DISC) == pytest.approx(0.5, abs=0.02)


def test_agreement_with_a_shape():
    assert p.shape_agreement(coloured(DISC), DISC) > 0.99
    assert p.shape_agreement(coloured(~DISC), DISC) < 0.01
    assert p.shape_agreement(NOISE, DISC) == pytest.approx(0.5, abs=0.1)


def test_contrast_of_even_and_half_perturbations():
    signs = EPSILON * np.sign(NOISE)
    assert p.contrast(signs) == pytest.approx(0)
    assert p.contrast(signs * (X[..., None] < 32)) == pytest.approx(1)  # half at ε, half at 0
    assert p.contrast(NOISE) == pytest.approx(1 / np.sqrt(3), abs=0.02)  # |uniform|: mean 1/2, variance 1/12


def test_dark_splotches_are_counted():
    two = blobs((16, 20), (48, 40))
    assert p.splotch_count(two) == 2
    assert p.splotch_area(two) == pytest.approx(np.pi * 36 / SIZE**2, rel=0.35)  # smoothing widens it
    assert p.splotch_count(-two) == 0  # bright ones are none
    assert p.splotch_count(NOISE) == 0
    assert p.splotch_count(two + NOISE / 4) == 2
    specks = np.zeros((SIZE, SIZE))
    specks[::16, ::16] = -1
    assert p.splotch_count(coloured(specks)) == 0
    assert sorted(np.unique(p.splotches(two))) == [0, 1, 2]


def test_high_frequencies_of_waves_and_noise():
    assert p.high_frequencies(coloured(np.sin(2 * np.pi * X / 16))) == pytest.approx(0, abs=1e-9)
    assert p.high_frequencies(coloured(np.sin(2 * np.pi * X * 3 / 8))) == pytest.approx(1)
    assert p.high_frequencies(NOISE) == pytest.approx(
        1 - np.pi / 16, abs=0.02
    )  # outside a circle of 1/4 in a square of 1


def test_the_field_of_view_is_the_eye_without_its_border():
    rng = np.random.default_rng(1)
    eye = np.where((DISTANCE < 28)[..., None], 0.5, 0.02) + rng.uniform(0, 0.02, (SIZE, SIZE, 3))
    eye[30:34, 30:34] = 0  # a dark spot inside belongs to it
    assert (p.field_of_view(eye) == (DISTANCE < 28)).mean() > 0.99


@pytest.mark.parametrize(
    ("measure", "arguments", "reason"),
    [
        *((measure, (np.zeros((SIZE, SIZE, 3)), DISC), "nothing is perturbed") for measure in WITH_SHAPE),
        *((measure, (np.zeros((SIZE, SIZE, 3)),), "nothing is perturbed") for measure in ALONE),
        *((measure, (NOISE, None), "needs a mask") for measure in WITH_SHAPE),
        *((measure, (NOISE, ~(X >= 0)), "the mask is empty") for measure in WITH_SHAPE),
        *((measure, (NOISE, X >= 0), "the mask covers all") for measure in WITH_SHAPE),
        (p.splotch_area, (NOISE,), "no splotch"),
        (p.high_frequencies, (np.full((8, 8, 3), 0.1),), "the same everywhere"),
    ],
)
def test_what_cannot_be_measured_says_why(measure, arguments, reason):
    with pytest.raises(UndefinedError, match=reason):
        measure(*arguments)
