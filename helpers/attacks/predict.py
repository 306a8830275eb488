"""Predictions of a compiled model, batch by batch."""

from collections.abc import Iterator

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.backend import tf


def predict_logits(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the logits, float32 (n, classes), of images float32 (n, height, width, 3) in [0, 1]."""
    batches = [compiled.logits(tf.constant(batch)).numpy()[:count] for batch, count in padded_batches(compiled, images)]
    if not batches:
        return np.zeros((0, compiled.model.output_shape[-1]), np.float32)
    return np.concatenate(batches)


def predict(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,), of images float32 (n, height, width, 3) in [0, 1]."""
    return predict_logits(compiled, images).argmax(axis=1)


def are_probabilities(outputs: np.ndarray) -> bool:
    """Return whether a model's outputs (n, classes) are probabilities: none is negative, and each row sums to 1."""
    return bool(np.all(outputs >= 0) and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def filled(compiled: CompiledModel, values: np.ndarray) -> np.ndarray:
    """Return values (n, ...), filled up to `compiled.smallest_batch` with copies of the last one."""
    missing = compiled.smallest_batch(len(values)) - len(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def padded_batches(compiled: CompiledModel, values: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Yield batches of values (n, ...), each `filled`, with the number of its values that are real."""
    for start in range(0, len(values), compiled.batch_size):
        batch = values[start : start + compiled.batch_size]
        yield filled(compiled, batch), len(batch)
