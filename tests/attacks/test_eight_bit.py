"""Adversarials in whole grey levels, where arithmetic says how many are needed."""

import numpy as np
import pytest

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.eight_bit import file_columns, rounded, search_levels, through_jpeg
from helpers.backend import keras


@pytest.fixture(scope="module")
def brightness():
    """Return a model that predicts class 1 for images whose mean pixel is above 1/2."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))
    model.set_weights([np.array([[0, 1 / 3]] * 3, np.float32), np.array([0, -0.5], np.float32)])
    return CompiledModel(model, batch_size=4)


def grey(*levels):
    return np.stack([np.full((8, 8, 3), level / 255, np.float32) for level in levels])


def test_the_fewest_levels_are_found(brightness):
    """The boundary is at 127.5 levels: from 127, one level is needed, from 100, 28."""
    images, labels = grey(127, 125, 100, 20, 130), np.zeros(5, np.int64)
    levels, found = search_levels(brightness, images, labels)
    assert levels.tolist() == [1, 3, 28, 108, 0]
    assert np.abs(255 * found - np.round(255 * found)).max() < 1e-3
    assert (255 * np.abs(found - images).max(axis=(1, 2, 3))).round().tolist() == [1, 3, 28, 108, 0]
    predictions = brightness.model.predict(found, verbose=0).argmax(axis=1)
    assert (predictions == 1).all()


def test_images_between_levels_are_rounded_first(brightness):
    levels, found = search_levels(brightness, grey(126.7), np.zeros(1, np.int64))
    assert levels.tolist() == [1]
    assert 255 * found.max() == pytest.approx(128, abs=1e-3)


def blocked_brightness(levels):
    """Return a model that says 1 above a mean of so many levels, and whose gradient is 0: no step leads there."""
    inputs = keras.Input((8, 8, 3))
    blocked = keras.layers.Lambda(keras.ops.stop_gradient)(keras.layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(blocked))
    model.set_weights([np.array([[0, 1 / 3]] * 3, np.float32), np.array([0, -levels / 255], np.float32)])
    return CompiledModel(model, batch_size=4)


def test_a_known_adversarial_gives_a_second_start():
    """From 100, 100.3 is an adversarial that rounding removes, but one whole level in its direction is one, too."""
    compiled, labels = blocked_brightness(100.25), np.zeros(1, np.int64)
    assert np.isinf(search_levels(compiled, grey(100), labels)[0]).all()
    levels, found = search_levels(compiled, grey(100), labels, known=grey(100.3))
    assert levels.tolist() == [1]
    assert 255 * found == pytest.approx(101, abs=1e-3)


def test_a_known_adversarial_that_survives_rounding_is_never_farther_than_the_outcome():
    """Three rows of +3 and five of -1 have a mean of +.5; no corner in this direction is above 0."""
    known = grey(99)
    known[:, :3] = 103 / 255
    compiled, labels = blocked_brightness(100.4), np.zeros(1, np.int64)
    levels, found = search_levels(compiled, grey(100), labels, known=known)
    assert levels.tolist() == [3]
    assert 255 * found == pytest.approx(255 * known, abs=1e-3)


def test_jpeg_is_asked_apart_from_rounding():
    """The model looks at one pixel, which is two levels brighter: rounding keeps that, JPEG does not."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    kernel = np.zeros((192, 2), np.float32)
    kernel[:3, 1] = 1 / 3
    model.set_weights([kernel, np.array([0, -101 / 255], np.float32)])
    adversarial = grey(100)
    adversarial[:, 0, 0] = 102 / 255
    compiled = CompiledModel(model, batch_size=4)
    columns = file_columns(compiled, grey(100), np.zeros(1, np.int64), adversarial, steps=5)
    assert columns["fools_rounded"].tolist() == [True]
    assert columns["fools_jpeg"].tolist() == [False]


def test_the_table_says_which_adversarials_survive_a_file(brightness):
    """The boundary is at 127.5 levels.

    127.6 becomes 128. Two rows of 128.49 and six of 127.2 have a mean of 127.52, after rounding of 127.25. The last
    image is misclassified as it is.
    """
    mixed = grey(127.2)
    mixed[:, :2] = 128.49 / 255
    adversarials = np.concatenate([grey(127.6), mixed, grey(130)])
    images, labels = grey(127, 126, 130), np.zeros(3, np.int64)
    columns = file_columns(brightness, images, labels, adversarials, steps=5)
    assert columns["levels"].tolist() == [1, 2, 0]
    assert columns["fools_rounded"].tolist() == [True, False, True]
    assert columns["fools_jpeg"].tolist() == [True, False, True]


def test_an_image_that_no_levels_break_has_infinitely_many(brightness):
    """From white, all balls up to 128 levels are on the same side of a threshold that is moved far down."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))
    model.set_weights([np.array([[0, 1 / 3]] * 3, np.float32), np.array([0, -0.01], np.float32)])
    levels, found = search_levels(CompiledModel(model, batch_size=4), grey(255), np.ones(1, np.int64))
    assert np.isinf(levels).all()
    assert np.array_equal(found, grey(255))


def test_rounding_removes_less_than_half_a_level_and_jpeg_changes_little():
    images = grey(100, 200)
    assert np.array_equal(rounded(images + np.float32(0.4 / 255)), images)
    assert not np.array_equal(rounded(images + np.float32(0.6 / 255)), images)
    noisy = np.random.default_rng(0).uniform(0, 1, (2, 16, 16, 3)).astype(np.float32)
    after = through_jpeg(noisy)
    assert after.shape == noisy.shape
    assert after.dtype == np.float32
    assert 0.5 / 255 < np.abs(after - noisy).mean() < 0.2
    assert np.abs(through_jpeg(images) - images).max() <= 1.1 / 255
