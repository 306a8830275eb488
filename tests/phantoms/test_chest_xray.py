import numpy as np

from helpers import phantom
from helpers.phantoms.chest_lungs import make_lung
from helpers.phantoms.chest_xray import LABELS


def test_a_healthy_chest_has_an_empty_mask_and_a_collapse_a_large_one():
    for seed in range(10):
        assert not phantom("chest_xray", "none", seed, 64).mask.any()
        assert phantom("chest_xray", "pneumothorax", seed, 64, ambiguity=1.0).mask.sum() >= 30


def test_the_photograph_does_not_depend_on_the_label():
    """Away from the collapse, a seed gives the same picture with it and without it, including the noise."""
    for seed in range(6):
        healthy, sick = (phantom("chest_xray", label, seed, 64) for label in LABELS)
        outside = np.ones((64, 64), bool)
        rows = np.flatnonzero(sick.mask.any(axis=1))
        outside[rows.min() - 2 : rows.max() + 3] = False
        assert np.array_equal(healthy.image[outside], sick.image[outside])


def test_a_collapse_moves_the_apex_towards_the_hilum_and_keeps_the_mediastinum():
    lung = make_lung(np.random.default_rng(0), 1)
    collapsed = lung.collapsed(0.5, 0.0)
    distance, before = (np.hypot(*(outline - lung.hilum).T) for outline in (collapsed, lung.outline))
    apex = np.argmax(lung.mobility)
    assert distance[apex] < 0.51 * before[apex]
    still = lung.mobility == 0
    assert still.any()
    assert np.array_equal(collapsed[still], lung.outline[still])
