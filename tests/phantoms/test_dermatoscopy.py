import numpy as np
import pytest

from helpers import phantom
from helpers.phantoms.dermatoscopy_classes import KEY_SIGNS, LABELS, RANGES, SIGNS
from helpers.phantoms.dermatoscopy_lesion import make_lesion
from helpers.phantoms.dermatoscopy_signs import SIGN_PAINTERS


@pytest.mark.parametrize("label", LABELS)
def test_a_lesion_covers_a_plausible_part_and_is_darker_than_the_skin(label):
    for seed in range(12):
        drawn = phantom("dermatoscopy", label, seed, 64)
        assert 0.015 < drawn.mask.mean() < 0.5
        brightest_skin = drawn.image[~drawn.mask].max(axis=0)
        assert (brightest_skin >= drawn.image[drawn.mask].mean(axis=0)).all()


def test_every_lesion_has_a_key_sign_of_its_class():
    for label in LABELS:
        for seed in range(30):
            lesion = make_lesion(label=label, seed=seed, ambiguity=1.0)
            assert lesion.signs & KEY_SIGNS[label].keys()


def test_every_sign_can_be_painted():
    assert set(SIGNS) == SIGN_PAINTERS.keys()


def test_the_quantities_of_textbook_lesions_are_in_the_ranges_of_their_class():
    for label, ranges in RANGES.items():
        for seed in range(20):
            lesion = make_lesion(label=label, seed=seed, ambiguity=0.0)
            assert all(low <= value <= high for value, (low, high) in zip(lesion.quantities, ranges, strict=True))


def test_two_views_are_different_photographs_of_the_same_lesion():
    first, second = (phantom("dermatoscopy", "nv", 11, 64, view=view) for view in (0, 1))
    assert first.attributes["signs"] == second.attributes["signs"]
    assert first.attributes["radius"] == second.attributes["radius"]
    assert np.corrcoef(first.image.ravel(), second.image.ravel())[0, 1] < 0.99


def test_the_photograph_does_not_depend_on_the_label():
    """Far from the lesion, a seed gives the same hairs, light, port and noise for all labels."""
    for seed in range(8):
        pictures = [phantom("dermatoscopy", label, seed, 64).image for label in LABELS]
        corners = [picture[[0, 0, -1, -1], [0, -1, 0, -1]] for picture in pictures]
        assert all(np.array_equal(corners[0], other) for other in corners[1:])


def test_each_sign_has_a_random_stream_of_its_own():
    lesion = make_lesion(label="bkl", seed=1, ambiguity=0.0)
    assert lesion.rng("milia").uniform() == lesion.rng("milia").uniform()
    assert lesion.rng("milia").uniform() != lesion.rng("scale").uniform()
