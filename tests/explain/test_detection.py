"""Telling adversarials from other images: made-up features whose answer is known."""

import numpy as np
import pytest

from helpers.explain.detection import STATISTICS, detect, pixel_statistics
from helpers.explain.map_measures import UndefinedError

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(20), 2)


def test_what_differs_is_told_and_what_does_not_is_not():
    features = RNG.normal(size=(40, 5))
    auc, low, high = detect(features, features + [10, 0, 0, 0, 0], GROUPS)
    assert (auc, high) == (1, 1)
    assert low == pytest.approx(20 / (20 + 1.959964**2))  # Wilson's, of twenty groups
    auc, low, high = detect(features, RNG.normal(size=(40, 5)), GROUPS)
    assert low < 0.5 < high
    assert 0.05 < high - low < 0.5


def test_features_that_give_the_group_away_do_not_help():
    """A regression that saw a patient in training would be right by heart; grouped folds do not let it."""
    own = RNG.normal(size=(20, 3))[GROUPS]
    assert detect(own, own, GROUPS)[0] == pytest.approx(0.5)


def test_an_area_under_the_curve_by_hand():
    from sklearn.metrics import roc_auc_score

    one, other = RNG.normal(size=(40, 1)), RNG.normal(size=(40, 1)) + 1
    auc = detect(one, other, GROUPS)[0]
    direct = roc_auc_score(np.repeat([0, 1], 40), np.concatenate([one, other])[:, 0])
    assert auc == pytest.approx(direct, abs=0.05)  # one feature: only the folds' intercepts come between


def test_one_patient_is_not_enough():
    with pytest.raises(UndefinedError, match="at least two groups"):
        detect(np.zeros((4, 1)), np.ones((4, 1)), np.zeros(4))


def test_statistics_of_pictures():
    checks = np.indices((16, 16)).sum(axis=0) % 2
    pictures = np.stack([np.full((16, 16), 0.25), checks])[..., None] * np.ones(3)
    even, board = (dict(zip(STATISTICS, row, strict=True)) for row in pixel_statistics(pictures))
    assert even == pytest.approx(
        {
            "mean": 0.25,
            "spread": 0,
            "step between neighbours": 0,
            "Laplacian": 0,
            "largest Laplacians": 0,
            "high frequencies": 0,
        }
    )
    assert board["mean"] == board["spread"] == 0.5
    assert board["step between neighbours"] == 1
    assert board["high frequencies"] == pytest.approx(1)


def test_noise_is_told_from_smooth_pictures_by_their_pixels():
    y, x = np.mgrid[:32, :32] / 32
    pictures = np.array([0.5 + 0.3 * np.sin(6 * x * a + b) * y for a, b in RNG.uniform(0.5, 1, (20, 2))])[..., None]
    pictures = np.repeat(pictures, 3, axis=-1)
    noisy = np.clip(pictures + RNG.uniform(-0.02, 0.02, pictures.shape), 0, 1)
    assert detect(pixel_statistics(pictures), pixel_statistics(noisy), np.arange(20))[0] > 0.95
