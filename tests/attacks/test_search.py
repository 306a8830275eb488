import numpy as np

from helpers import sweep
from helpers.attacks.search import is_fooled
from helpers.backend import keras


@keras.saving.register_keras_serializable(package="tests")
class Band(keras.layers.Layer):
    """Logits (0, 0.03 - |mean - 0.55|): class 1 if the mean pixel is within 0.03 of 0.55, else class 0."""

    def call(self, inputs):
        band = 0.03 - keras.ops.abs(keras.ops.mean(inputs, axis=(1, 2, 3))[:, None] - 0.55)
        return keras.ops.concatenate([0 * band, band], axis=1)


def test_attack_that_fails_at_large_epsilons_is_tried_at_small_ones():
    """One step of length epsilon from a mean of 0.5 reaches the band for 0.05, and passes it for larger epsilons."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, Band()(inputs))
    images = np.full((3, 8, 8, 3), 0.5, np.float32)
    labels = np.zeros(3, np.int64)
    found = sweep(model, images, labels, epsilons=[0.05, 0.2, 0.3], steps=1, rel_stepsize=2.0, batch_size=2)
    assert found.minimal_epsilon.tolist() == [0.05] * 3
    assert not found.table[found.table.epsilon > 0].correct.any()


def test_misclassification_within_rounding_does_not_count():
    logits = np.array([[0.0, 1.0, 9.9995], [0.0, 10.0, 9.9995], [0.0, 9.99, 10.0], [np.nan] * 3], np.float32)
    labels = np.array([2, 2, 1, 0])
    assert is_fooled(logits, labels).tolist() == [False, False, True, True]
