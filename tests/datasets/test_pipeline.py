import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.datasets import pipeline
from helpers.datasets.images import inspect_images
from helpers.datasets.layout import read_layout
from helpers.datasets.pipeline import _transform, augment, load_arrays, make_dataset
from helpers.tasks import SKIN_LESIONS


@pytest.fixture(scope="module")
def table(ham10000):
    return read_layout("skin_lesion", ham10000)


def test_pixels_are_those_of_pillow_in_0_to_1(ham10000, table):
    images, labels = load_arrays(table, data_dir=ham10000, classes=SKIN_LESIONS, image_size=32)
    expected = np.array([np.asarray(Image.open(ham10000 / name)) for name in table.image]) / 255
    assert images.shape == (84, 32, 32, 3)
    assert images.dtype == np.float32
    assert np.abs(images - expected).max() < 1.5 / 255  # decoders of JPEG may round differently
    assert [SKIN_LESIONS[label] for label in labels] == table.label.tolist()
    assert labels.dtype == np.int64


def test_halving_the_size_averages_neighbours(tmp_path, table):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    one = table.head(1).assign(image="a.png")
    images, _ = load_arrays(one, data_dir=tmp_path, classes=SKIN_LESIONS, image_size=4)
    expected = np.asarray(Image.fromarray(pixels).resize((4, 4), Image.Resampling.BOX)) / 255
    assert images[0] == pytest.approx(expected, abs=1.5 / 255)


def test_grey_and_oblong_images_become_square_and_coloured(tmp_path, table):
    Image.new("L", (60, 45), 51).save(tmp_path / "a.png")
    images, _ = load_arrays(table.head(1).assign(image="a.png"), data_dir=tmp_path, classes=SKIN_LESIONS, image_size=64)
    assert images == pytest.approx(np.full((1, 64, 64, 3), 0.2), abs=1e-6)


def test_a_training_round_shows_every_image_once_in_an_order_that_the_seed_decides(ham10000, table):
    settings = {"data_dir": ham10000, "classes": SKIN_LESIONS, "image_size": 8, "batch_size": 84, "training": True}
    first, again, other = (next(iter(make_dataset(table, **settings, seed=seed)))[0].numpy() for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    in_order, _ = load_arrays(table, data_dir=ham10000, classes=SKIN_LESIONS, image_size=8)
    sums = [np.sort(images.sum(axis=(1, 2, 3))) for images in (first, in_order)]
    assert sums[0] == pytest.approx(sums[1])


def test_flips_show_all_eight_ways_to_lay_a_square_and_repeat_themselves():
    picture = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    laid = [augment(picture, seed, how="flips").numpy() for seed in range(80)]
    turns = [np.rot90(side, k) for side in (picture, picture[:, ::-1]) for k in range(4)]
    assert {way.tobytes() for way in laid} == {way.tobytes() for way in turns}
    assert np.array_equal(augment(picture, 3, how="flips"), augment(picture, 3, how="flips"))


def test_mirroring_shows_a_picture_and_its_mirror_image_only():
    picture = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    laid = {augment(picture, seed, how="mirror").numpy().tobytes() for seed in range(20)}
    assert laid == {picture.tobytes(), picture[:, ::-1].tobytes()}


def test_affine_changes_are_those_of_scipy_rotated_shifted_and_zoomed(monkeypatch):
    """With the dice known, the same map applied by scipy.ndimage gives the same picture away from the edge."""
    from scipy import ndimage

    from helpers.backend import tf

    size, angle, shift, zoom = 32, np.pi / 6, np.array([0.05, -0.03]) * 32, 1.05
    dice = [1 / 6, 0.5, -0.3, 0.5]
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_, **__: tf.constant(dice, tf.float32))
    picture = ndimage.gaussian_filter(np.random.default_rng(0).uniform(size=(size, size)), 2)
    moved = _transform(tf.constant(np.repeat(picture[..., None], 3, -1), tf.float32), 0).numpy()[..., 0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom  # of (x, y)
    centre = np.full(2, (size - 1) / 2)
    offset = centre - turn @ (centre + shift)
    expected = ndimage.affine_transform(picture, turn[::-1, ::-1], offset[::-1], order=1, mode="nearest")
    assert moved[4:-4, 4:-4] == pytest.approx(expected[4:-4, 4:-4], abs=1e-4)


def test_affine_changes_stay_in_0_to_1_and_differ():
    picture = np.random.default_rng(0).uniform(size=(16, 16, 3)).astype(np.float32)
    changed = [augment(picture, seed, how="affine").numpy() for seed in range(10)]
    assert min(c.min() for c in changed) >= 0
    assert max(c.max() for c in changed) <= 1
    assert len({c.tobytes() for c in changed}) == 10


def test_training_images_beyond_the_cache_are_the_same_images(ham10000, table, monkeypatch):
    settings = {"data_dir": ham10000, "classes": SKIN_LESIONS, "image_size": 8, "batch_size": 84, "training": True}
    kept = next(iter(make_dataset(table, **settings)))[0].numpy()
    monkeypatch.setattr(pipeline, "CACHE_BYTES", 0)
    streamed = next(iter(make_dataset(table, **settings)))[0].numpy()
    assert np.sort(kept.sum(axis=(1, 2, 3))) == pytest.approx(np.sort(streamed.sum(axis=(1, 2, 3))))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_kind_of_picture_is_decoded_as_pillow_does(tmp_path, table, mode):
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((32, 32), Image.Resampling.BICUBIC)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(colour.convert("L")).astype(np.uint16) * 257)
        expected = np.repeat(np.asarray(colour.convert("L"))[..., None], 3, -1)
    else:
        picture = colour.convert(mode)
        expected = np.asarray(picture.convert("RGB"))
    name = "a.jpg" if mode == "CMYK" else "a.png"
    picture.save(tmp_path / name)
    if mode == "CMYK":
        expected = np.asarray(Image.open(tmp_path / name).convert("RGB"))
    assert inspect_images(tmp_path, pd.Series([name])).problem[0] == ""
    images, _ = load_arrays(table.head(1).assign(image=name), data_dir=tmp_path, classes=SKIN_LESIONS, image_size=32)
    assert images[0] * 255 == pytest.approx(expected, abs=1.01)
