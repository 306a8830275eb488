import numpy as np
import pytest
from PIL import Image

from helpers.config import CLASSES
from helpers.datasets.ham10000 import read_ham10000
from helpers.datasets.pipeline import augment, load_arrays, make_dataset

SKIN = CLASSES["skin_lesion"]


@pytest.fixture(scope="module")
def table(ham10000):
    return read_ham10000(ham10000)


def test_pixels_are_those_of_pillow_in_0_to_1(ham10000, table):
    images, labels = load_arrays(table, data_dir=ham10000, classes=SKIN, image_size=32)
    expected = np.array([np.asarray(Image.open(ham10000 / name)) for name in table.image]) / 255
    assert images.shape == (84, 32, 32, 3)
    assert images.dtype == np.float32
    assert np.abs(images - expected).max() < 1.5 / 255  # decoders of JPEG may round differently
    assert [SKIN[label] for label in labels] == table.label.tolist()
    assert labels.dtype == np.int64


def test_halving_the_size_averages_neighbours(tmp_path, table):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    one = table.head(1).assign(image="a.png")
    images, _ = load_arrays(one, data_dir=tmp_path, classes=SKIN, image_size=4)
    expected = np.asarray(Image.fromarray(pixels).resize((4, 4), Image.Resampling.BILINEAR)) / 255
    assert images[0] == pytest.approx(expected, abs=1.5 / 255)


def test_grey_and_oblong_images_become_square_and_coloured(tmp_path, table):
    Image.new("L", (60, 45), 51).save(tmp_path / "a.png")
    images, _ = load_arrays(table.head(1).assign(image="a.png"), data_dir=tmp_path, classes=SKIN, image_size=64)
    assert images == pytest.approx(np.full((1, 64, 64, 3), 0.2), abs=1e-6)


def test_a_training_round_shows_every_image_once_in_an_order_that_the_seed_decides(ham10000, table):
    settings = {"data_dir": ham10000, "classes": SKIN, "image_size": 8, "batch_size": 84, "training": True}
    first, again, other = (next(iter(make_dataset(table, **settings, seed=seed)))[0].numpy() for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    in_order, _ = load_arrays(table, data_dir=ham10000, classes=SKIN, image_size=8)
    sums = [np.sort(images.sum(axis=(1, 2, 3))) for images in (first, in_order)]
    assert sums[0] == pytest.approx(sums[1])


def test_augmentation_shows_all_eight_ways_to_lay_a_square_and_repeats_itself():
    picture = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    laid = [augment(picture, seed).numpy() for seed in range(80)]
    turns = [np.rot90(side, k) for side in (picture, picture[:, ::-1]) for k in range(4)]
    assert {way.tobytes() for way in laid} == {way.tobytes() for way in turns}
    assert np.array_equal(augment(picture, 3), augment(picture, 3))
