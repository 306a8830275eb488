import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import StudyError, phantom
from helpers.phantoms import dermatoscopy
from helpers.phantoms.dataset import write_phantoms

CLASSES = dermatoscopy.CLASSES


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def test_same_seed_same_bytes_and_another_seed_another_picture():
    first, again, other = (phantom("dermatoscopy", "mel", seed, 48).image for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("label", CLASSES)
def test_one_seed_is_one_scene_at_any_size(label):
    small, large = (phantom("dermatoscopy", label, 3, size).image for size in (64, 128))
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert correlation(shrunk, small.astype(float)) > 0.99


@pytest.mark.parametrize("label", CLASSES)
def test_lesions_cover_a_plausible_part_and_absorb_light(label):
    for seed in range(12):
        drawn = phantom("dermatoscopy", label, seed, 64)
        assert drawn.image.shape == (64, 64, 3)
        assert drawn.image.dtype == np.uint8
        assert 0.015 < drawn.mask.mean() < 0.5
        rim = drawn.image[~drawn.mask].max(axis=0)
        assert (rim >= drawn.image[drawn.mask].mean(axis=0)).all()


def test_every_lesion_has_a_key_sign_of_its_class():
    for label in CLASSES:
        for seed in range(30):
            lesion = dermatoscopy.make_lesion(label=label, seed=seed, ambiguity=1.0)
            assert lesion.signs & dermatoscopy.KEY_SIGNS[label].keys()


def test_quantities_of_textbook_lesions_lie_in_their_ranges():
    for label, ranges in dermatoscopy.RANGES.items():
        for seed in range(20):
            lesion = dermatoscopy.make_lesion(label=label, seed=seed, ambiguity=0.0)
            assert all(low <= value <= high for value, (low, high) in zip(lesion.quantities, ranges, strict=True))


def test_two_views_show_one_lesion_in_two_photographs():
    one, two = (phantom("dermatoscopy", "nv", 11, 64, view=view) for view in (0, 1))
    assert one.attributes == two.attributes
    assert correlation(one.image, two.image) < 0.99


def test_the_photograph_does_not_know_the_label():
    """Far from the lesion, one seed gives the same hairs, light, port and noise whatever the label."""
    for seed in range(8):
        pictures = [phantom("dermatoscopy", label, seed, 64).image[[0, 0, -1, -1], [0, -1, 0, -1]] for label in CLASSES]
        assert all(np.array_equal(pictures[0], other) for other in pictures[1:])


def test_a_sign_of_its_own_stream_leaves_the_others_alone():
    lesion = dermatoscopy.make_lesion(label="bkl", seed=1, ambiguity=0.0)
    assert lesion.rng("milia").uniform() == lesion.rng("milia").uniform()
    assert lesion.rng("milia").uniform() != lesion.rng("scale").uniform()


def test_simple_statistics_do_not_give_the_class_away():
    """Ceilings: a classifier on mean colour stays under .60, a linear one on pixels under .65 (chance is .14)."""
    drawn = [phantom("dermatoscopy", CLASSES[i % 7], i, 32).image / 255 for i in range(700)]
    images, labels = np.array(drawn), np.arange(700) % 7
    features = {"mean colour": (images.mean(axis=(1, 2)), 0.60), "pixels": (images.reshape(700, -1), 0.65)}
    for name, (x, ceiling) in features.items():
        classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01 if name == "pixels" else 1.0, max_iter=500)
        )
        predicted = classifier.fit(x[:500], labels[:500]).predict(x[500:])
        assert balanced_accuracy_score(labels[500:], predicted) < ceiling, name


def test_a_written_set_is_whole_has_lesions_with_several_views_and_repeats_itself(tmp_path):
    settings = {"count": 42, "size": 32, "seed": 4, "ambiguity": 0.3}
    first, second = (write_phantoms(tmp_path / name, **settings) for name in ("a", "b"))
    table = pd.read_csv(first / "HAM10000_metadata.csv")
    assert len(table) == 42
    assert table.image_id.is_unique
    assert table.groupby("lesion_id").size().max() > 1
    assert table.groupby("lesion_id").dx.nunique().max() == 1
    assert np.ptp(table.drop_duplicates("lesion_id").dx.value_counts()) <= 1
    names = sorted(path.relative_to(first) for path in first.rglob("*.*"))
    assert len(names) == 2 * 42 + 1
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_a_killed_drawing_goes_on_and_ends_with_the_same_files(tmp_path):
    settings = {"count": 14, "size": 32, "seed": 4, "ambiguity": 0.3}
    whole = write_phantoms(tmp_path / "whole", **settings)
    torn = write_phantoms(tmp_path / "torn", **settings)
    (torn / "HAM10000_metadata.csv").unlink()
    for path in sorted(torn.rglob("*.jpg"))[5:]:
        path.unlink()
    write_phantoms(torn, **settings)
    for path in whole.rglob("*.*"):
        assert path.read_bytes() == (torn / path.relative_to(whole)).read_bytes()


def test_masks_are_black_and_white_pictures_of_the_images_size(ham10000):
    for path in sorted(ham10000.rglob("*_segmentation.png"))[:5]:
        mask = Image.open(path)
        assert mask.size == (32, 32)
        assert set(np.unique(np.asarray(mask.convert("L")))) == {0, 255}


@pytest.mark.parametrize(("kind", "label", "word"), [("x-ray", "mel", "kind"), ("dermatoscopy", "melanoma", "mel")])
def test_unknown_phantoms_are_refused(kind, label, word):
    with pytest.raises(StudyError, match=word):
        phantom(kind, label, 0)
