"""What holds for phantoms of every kind."""

import numpy as np
import pytest

from helpers import StudyError, phantom
from helpers.phantoms import KINDS

KINDS_AND_LABELS = [(kind, label) for kind, drawing in KINDS.items() for label in drawing.LABELS]
HEALTHY = ("0", "none")


@pytest.mark.parametrize(("kind", "label"), KINDS_AND_LABELS)
def test_the_seed_determines_the_picture(kind, label):
    first, again, other = (phantom(kind, label, seed, 48) for seed in (5, 5, 6))
    assert first.image.shape == (48, 48, 3)
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize(("kind", "label"), KINDS_AND_LABELS)
def test_a_seed_gives_the_same_scene_at_any_size(kind, label):
    small, large = (phantom(kind, label, 3, size).image for size in (64, 128))
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("kind", "label"), KINDS_AND_LABELS)
def test_a_counterfactual_pair_differs_where_the_signs_are(kind, label):
    """The change per pixel is 20 times larger inside the signs' masks than outside; without signs there is none."""
    for seed in range(4):
        drawn, without = (phantom(kind, label, seed, 96, ambiguity=0.0, signs=signs) for signs in (None, ()))
        change = np.abs(drawn.image.astype(float) - without.image).mean(axis=-1)
        signs = np.any([np.zeros((96, 96), bool), *drawn.masks.values()], axis=0)
        assert not without.masks
        if label in HEALTHY:
            assert not signs.any()
            assert not change.any()
        else:
            assert change[signs].mean() > 20 * change[~signs].mean()


@pytest.mark.parametrize(
    ("kind", "nuisance", "positive"),
    [
        ("dermatoscopy", "ruler", ("mel", "bcc", "akiec")),
        ("fundus", "flare", ("1", "2", "3", "4")),
        ("chest_xray", "tube", ("pneumothorax",)),
    ],
)
def test_the_label_decides_about_a_shortcut_only_if_spurious_says_so(kind, nuisance, positive):
    labels = KINDS[kind].LABELS
    for seed in range(12):
        by_chance = {phantom(kind, label, seed, 32).attributes[nuisance] for label in labels}
        assert len(by_chance) == 1
        for label in labels:
            assert phantom(kind, label, seed, 32, spurious=1.0).attributes[nuisance] == (label in positive)


@pytest.mark.parametrize(
    ("kind", "label", "arguments", "message"),
    [
        ("x-ray", "mel", {}, "kind"),
        ("dermatoscopy", "melanoma", {}, "mel"),
        ("fundus", "1", {"signs": ("haemorrhage",)}, "Did you mean 'haemorrhages'"),
        ("fundus", "1", {"ambiguity": 1.1}, "ambiguity: expected a number from 0 to 1"),
        ("chest_xray", "none", {"spurious": -1}, "spurious"),
    ],
)
def test_wrong_arguments_raise_an_error_that_names_them(kind, label, arguments, message):
    with pytest.raises(StudyError, match=message):
        phantom(kind, label, 0, **arguments)
