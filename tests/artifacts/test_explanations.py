"""What pictures of an explanation are drawn from, written and read."""

import numpy as np
import pytest

from helpers.artifacts.explanations import ExplanationArrays


@pytest.fixture
def arrays():
    """Return an explanation of two images at one epsilon, with the pixels of the first.

    At a tiny epsilon, rounding of float32 pixels makes a perturbation larger than it.
    """
    return ExplanationArrays(
        names=np.array(["a.png", "b.png"]),
        groups=np.array(["1", "2"]),
        labels=np.array([0, 1]),
        epsilons=np.array([0.01]),
        predictions=np.array([[0, 1], [1, 1]]),
        maps={"true": np.full((2, 2, 4, 4), 0.1, np.float32)},
        images=np.array([0, 0.25, 1 / 255, 1], np.float32).reshape(1, 2, 2, 1),
        changes=np.array([-1.006, 0.3, 0, 1.006], np.float32).reshape(1, 1, 2, 2, 1),
        shapes=np.zeros((1, 2, 2), bool),
    )


def test_pixels_come_back_as_a_picture_shows_them_and_all_else_as_it_was(arrays, tmp_path):
    arrays.save(tmp_path / "explanations.npz")
    again = ExplanationArrays.load(tmp_path / "explanations.npz")
    assert again.images.dtype == again.changes.dtype == np.float32
    np.testing.assert_allclose(again.images.ravel(), [0, 64 / 255, 1 / 255, 1], rtol=1e-6)
    np.testing.assert_allclose(again.changes.ravel(), [-1, 38 / 127, 0, 1], rtol=1e-6)
    np.testing.assert_array_equal(again.maps["true"], arrays.maps["true"])
    np.testing.assert_array_equal(again.names, arrays.names)
    assert again.attention is None


def test_files_that_hold_floating_point_pixels_are_read_as_they_are(arrays, tmp_path):
    plain = {name: values for name, values in vars(arrays).items() if name not in ("maps", "attention")}
    np.savez(tmp_path / "older.npz", maps_true=arrays.maps["true"], **plain)
    again = ExplanationArrays.load(tmp_path / "older.npz")
    np.testing.assert_array_equal(again.images, arrays.images)
    np.testing.assert_array_equal(again.changes, arrays.changes)
