import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import StudyError, phantom
from helpers.phantoms import KINDS, chest_xray, dermatoscopy, fundus
from helpers.phantoms.dataset import LAYOUTS, write_phantoms
from helpers.phantoms.drawing import bezier, planted

EVERY = [(kind, label) for kind, drawing in KINDS.items() for label in drawing.LABELS]


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize(("kind", "label"), EVERY)
def test_same_seed_same_bytes_and_another_seed_another_picture(kind, label):
    first, again, other = (phantom(kind, label, seed, 48) for seed in (5, 5, 6))
    assert first.image.shape == (48, 48, 3)
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize(("kind", "label"), EVERY)
def test_one_seed_is_one_scene_at_any_size(kind, label):
    small, large = (phantom(kind, label, 3, size).image for size in (64, 128))
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert correlation(shrunk, small.astype(float)) > 0.99


@pytest.mark.parametrize(("kind", "label"), EVERY)
def test_a_counterfactual_pair_differs_where_the_signs_are(kind, label):
    """The change per pixel is 20 times larger inside the signs' masks than outside; without signs there is none."""
    for seed in range(4):
        drawn, without = (phantom(kind, label, seed, 96, ambiguity=0.0, signs=signs) for signs in (None, ()))
        change = np.abs(drawn.image.astype(float) - without.image).mean(axis=-1)
        signs = np.any([np.zeros((96, 96), bool), *drawn.masks.values()], axis=0)
        assert not without.masks
        if label in ("0", "none"):
            assert not signs.any()
            assert not change.any()
        else:
            assert change[signs].mean() > 20 * change[~signs].mean()


@pytest.mark.parametrize("label", dermatoscopy.LABELS)
def test_lesions_cover_a_plausible_part_and_absorb_light(label):
    for seed in range(12):
        drawn = phantom("dermatoscopy", label, seed, 64)
        assert 0.015 < drawn.mask.mean() < 0.5
        rim = drawn.image[~drawn.mask].max(axis=0)
        assert (rim >= drawn.image[drawn.mask].mean(axis=0)).all()


def test_healthy_eyes_and_chests_have_empty_masks_and_collapsed_lungs_large_ones():
    for seed in range(10):
        assert not phantom("fundus", "0", seed, 64).mask.any()
        assert not phantom("chest_xray", "none", seed, 64).mask.any()
        assert phantom("chest_xray", "pneumothorax", seed, 64, ambiguity=1.0).mask.sum() >= 30
        assert phantom("fundus", "1", seed, 64).mask.any()


def test_counts_of_signs_lie_in_their_grades_ranges():
    for grade, ranges in fundus.COUNTS.items():
        seen = [fundus.sign_counts(grade, seed=seed, view=0, ambiguity=0.0) for seed in range(60)]
        for sign, (fewest, most) in ranges.items():
            counts = [counts.get(sign, 0) for counts in seen]
            assert fewest <= min(counts) <= max(counts) <= most, (grade, sign)
            assert max(counts) - min(counts) >= 0.7 * (most - fewest), (grade, sign)
        beaded = np.mean(["venous_beading" in counts for counts in seen])
        assert abs(beaded - fundus.BEADING.get(grade, 0)) < 0.2


def test_a_patients_two_eyes_are_mirrored_and_of_one_colour():
    right, left = (phantom("fundus", "0", 3, 64, view=view).image.astype(float) for view in (0, 1))
    column = [np.argmax(eye[28:36].mean(axis=(0, 2))) for eye in (right, left)]  # the brightest is the optic disc
    assert column[0] > 40
    assert column[1] < 24
    tones = [np.median(eye[20:44, 20:44], axis=(0, 1)) for eye in (right, left)]
    assert tones[0] == pytest.approx(tones[1], rel=0.25)


@pytest.mark.parametrize(
    ("kind", "nuisance", "positive"),
    [
        ("dermatoscopy", "ruler", ("mel", "bcc", "akiec")),
        ("fundus", "flare", ("1", "2", "3", "4")),
        ("chest_xray", "tube", ("pneumothorax",)),
    ],
)
def test_a_nuisance_is_equally_frequent_in_all_classes_unless_it_is_planted(kind, nuisance, positive):
    labels = KINDS[kind].LABELS
    for seed in range(12):
        blind = {phantom(kind, label, seed, 32).attributes[nuisance] for label in labels}
        assert len(blind) == 1
        for label in labels:
            assert phantom(kind, label, seed, 32, spurious=1.0).attributes[nuisance] == (label in positive)
    rate = np.mean([planted(seed, spurious=0.3, positive=True, otherwise=False) for seed in range(2000)])
    assert rate == pytest.approx(0.3, abs=0.03)


def test_the_photograph_of_a_chest_does_not_know_the_label():
    """Away from the collapse, one seed gives the same picture with and without it, the noise included."""
    for seed in range(6):
        none, sick = (phantom("chest_xray", label, seed, 64) for label in chest_xray.LABELS)
        outside = np.ones((64, 64), bool)
        outside[np.argwhere(sick.mask).min(0)[0] - 2 : np.argwhere(sick.mask).max(0)[0] + 3] = False
        assert np.array_equal(none.image[outside], sick.image[outside])


def test_bezier_curves_by_hand():
    line = bezier((0, 0), (1, 2), steps=3)
    assert line == pytest.approx(np.array([(0, 0), (0.5, 1), (1, 2)]))
    # quadratic at t = 1/2: (p0 + 2 p1 + p2) / 4
    assert bezier((0, 0), (1, 2), (4, 0), steps=3)[1] == pytest.approx((1.5, 1.0))


def test_every_lesion_has_a_key_sign_of_its_class():
    for label in dermatoscopy.LABELS:
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
    assert one.attributes["signs"] == two.attributes["signs"]
    assert one.attributes["radius"] == two.attributes["radius"]
    assert correlation(one.image, two.image) < 0.99


def test_the_photograph_does_not_know_the_label():
    """Far from the lesion, one seed gives the same hairs, light, port and noise whatever the label."""
    for seed in range(8):
        pictures = [phantom("dermatoscopy", label, seed, 64).image for label in dermatoscopy.LABELS]
        corners = [picture[[0, 0, -1, -1], [0, -1, 0, -1]] for picture in pictures]
        assert all(np.array_equal(corners[0], other) for other in corners[1:])


def test_a_sign_of_its_own_stream_leaves_the_others_alone():
    lesion = dermatoscopy.make_lesion(label="bkl", seed=1, ambiguity=0.0)
    assert lesion.rng("milia").uniform() == lesion.rng("milia").uniform()
    assert lesion.rng("milia").uniform() != lesion.rng("scale").uniform()


CEILINGS = {  # balanced accuracy: of a classifier on mean colour, and of a linear one on pixels
    "dermatoscopy": (0.60, 0.65),
    "fundus": (0.36, 0.40),
    "chest_xray": (0.60, 0.62),
}


@pytest.mark.parametrize("kind", KINDS)
def test_simple_statistics_do_not_give_the_class_away(kind):
    names = KINDS[kind].LABELS
    labels = np.arange(700) % len(names)
    images = np.array([phantom(kind, names[label], seed, 32).image / 255 for seed, label in enumerate(labels)])
    features = (images.mean(axis=(1, 2)), images.reshape(700, -1))
    for x, strength, ceiling in zip(features, (1.0, 0.01), CEILINGS[kind], strict=True):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
        predicted = classifier.fit(x[:500], labels[:500]).predict(x[500:])
        assert balanced_accuracy_score(labels[500:], predicted) < ceiling


def test_a_written_set_is_whole_has_lesions_with_several_views_and_repeats_itself(tmp_path):
    settings = {"task": "skin_lesion", "count": 42, "size": 32, "seed": 4, "ambiguity": 0.3}
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


def test_eyes_and_chests_are_about_half_healthy_and_shared_by_patients():
    rng = np.random.default_rng(0)
    eyes, chests = (LAYOUTS[task].plan(1000, rng) for task in ("retinopathy", "pneumothorax"))
    assert (eyes["_label"] == "0").mean() == pytest.approx(0.5, abs=0.05)
    assert eyes.groupby("_subject").size().eq(2).all()
    assert eyes["_label"].value_counts()[["1", "2", "3", "4"]].min() > 80
    assert (chests["_label"] == "none").mean() == pytest.approx(0.5, abs=0.05)
    assert chests.groupby("_subject").size().max() == 3
    assert chests.groupby("_subject")["_label"].nunique().max() == 2  # some follow-ups change


@pytest.mark.parametrize("task", LAYOUTS)
def test_a_killed_drawing_goes_on_and_ends_with_the_same_files(tmp_path, task):
    settings = {"task": task, "count": 14, "size": 32, "seed": 4, "ambiguity": 0.3}
    whole = write_phantoms(tmp_path / "whole", **settings)
    torn = write_phantoms(tmp_path / "torn", **settings)
    (torn / LAYOUTS[task].table).unlink()
    for path in sorted(torn.rglob("*.*"))[9:]:
        path.unlink()
    write_phantoms(torn, **settings)
    for path in whole.rglob("*.*"):
        assert path.read_bytes() == (torn / path.relative_to(whole)).read_bytes()


def test_masks_are_black_and_white_pictures_of_the_images_size(ham10000):
    for path in sorted(ham10000.rglob("*_segmentation.png"))[:5]:
        mask = Image.open(path)
        assert mask.size == (32, 32)
        assert set(np.unique(np.asarray(mask.convert("L")))) == {0, 255}


@pytest.mark.parametrize(
    ("kind", "label", "settings", "word"),
    [
        ("x-ray", "mel", {}, "kind"),
        ("dermatoscopy", "melanoma", {}, "mel"),
        ("fundus", "1", {"signs": ("haemorrhage",)}, "Did you mean 'haemorrhages'"),
        ("fundus", "1", {"ambiguity": 1.1}, "ambiguity: expected a number from 0 to 1"),
        ("chest_xray", "none", {"spurious": -1}, "spurious"),
    ],
)
def test_unknown_phantoms_are_refused(kind, label, settings, word):
    with pytest.raises(StudyError, match=word):
        phantom(kind, label, 0, **settings)
