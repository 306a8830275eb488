"""A model in which adversarials are known to exist: the test that an attack has to pass before it says "robust".

Source: Zimmermann, Brendel, Tramèr, Carlini: "Increasing Confidence in Adversarial Robustness Evaluations", 2022, arXiv
2206.13991. There, each image has a classifier of its own; here, one linear layer serves all images at once, so that
they are attacked in one batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeClassifier

from helpers.backend import keras, tf

MOST_INNER = 16  # noisy pictures per image that count as class 0
CONTROLS = 3  # further noisy pictures per image, not used in the training, that must be class 0, too
BOUNDARY = 0.5  # where the classes meet, from the noisy picture nearest to class 1 to the median corner


@dataclass(frozen=True)
class Planted:
    """A model with planted adversarials.

    Attributes:
        model: The given model with another last layer of two classes: 0 for an image and nearly all of its ball, 1 for
            the planted adversarial.
        is_planted: bool (n,), for which of the images this worked.
    """

    model: keras.Model
    is_planted: np.ndarray


def plant_adversarials(model: keras.Model, images: np.ndarray, *, epsilon: float, seed: int) -> Planted | None:
    """Replace the last dense layer by one for which each ball holds an adversarial: a random corner of it.

    Args:
        model: Pixels in [0, 1] to logits.
        images: float32 (n, height, width, 3), in [0, 1].
        epsilon: L∞ radius of the balls, on pixels in [0, 1].
        seed: Noise and corners derive from it.

    Returns:
        None if the model has no dense layer.
    """
    read = _read_by_last_dense(model)
    if read is None:
        return None
    features = keras.Model(model.inputs[0], read)
    compute = tf.function(lambda pixels: features(pixels, training=False))
    count, width = len(images), read.shape[-1]
    inner_count = int(np.clip(width // (2 * count), 2, MOST_INNER))
    shown = [_features_in_ball(compute, image, epsilon, inner_count, (seed, k)) for k, image in enumerate(images)]
    clean, corner, control, inner = np.split(np.array(shown, float), [1, 2, 2 + CONTROLS], axis=1)
    weights = _separate(clean[:, 0], inner, corner)
    highest, middle = max((inner @ weights).max(), (control @ weights).max()), np.median(corner @ weights)
    threshold = highest + BOUNDARY * max(middle - highest, 0)
    head = keras.layers.Dense(2, name="planted")
    planted = keras.Model(features.inputs[0], head(features.outputs[0]), name=f"{model.name}-planted")
    kernel = np.stack([np.zeros(width), weights], axis=1).astype(np.float32)
    head.set_weights([kernel, np.array([0, -threshold], np.float32)])
    return Planted(planted, (corner @ weights)[:, 0] > threshold)


def _read_by_last_dense(model: keras.Model) -> keras.KerasTensor | None:
    """Return what the last dense layer of a model, or of models inside it, reads: features (batch, width).

    None if there is no such layer, or if it is in a model of several inputs, or one whose layers Keras does not know.
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense) and len((read := _input_of(layer, model)).shape) == 2:
            return read
        is_graph = isinstance(layer, keras.Model) and len(getattr(layer, "inputs", None) or ()) == 1
        if is_graph and (read := _read_by_last_dense(layer)) is not None:
            return keras.Model(layer.inputs, read)(_input_of(layer, model))
    return None


def _input_of(layer: keras.layers.Layer, model: keras.Model) -> keras.KerasTensor:
    """Return what a layer of a model reads there: in another model that has it, too, it may read something else."""
    tensors = list(model.outputs)
    for tensor in tensors:  # which grows, from the outputs backwards
        operation, number, _ = tensor._keras_history
        inputs = operation._inbound_nodes[number].input_tensors
        if operation is layer:
            break
        tensors += [found for found in inputs if all(found is not known for known in tensors)]
    return inputs[0]


def _features_in_ball(
    compute: Callable[[tf.Tensor], tf.Tensor],
    image: np.ndarray,
    epsilon: float,
    inner_count: int,
    seed: tuple[int, int],
) -> np.ndarray:
    """Return the features of the image, of a corner of its ball, of controls and of noisy pictures, in this order."""
    rng = np.random.default_rng(seed)
    directions = rng.uniform(-1, 1, (2 + CONTROLS + inner_count, *image.shape)).astype(np.float32)
    directions[0], directions[1] = 0, np.sign(directions[1])
    return compute(tf.constant(np.clip(image + np.float32(epsilon) * directions, 0, 1))).numpy()


def _separate(clean: np.ndarray, inner: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Return weights (width,) that are high for corners, low for noisy pictures, and do not tell the images apart.

    Args:
        clean: Features of the images, float64 (n, width).
        inner: Of noisy pictures, (n, pictures, width).
        corner: Of corners of the balls, (n, 1, width).
    """
    between = np.linalg.svd(clean - clean.mean(axis=0), full_matrices=False)[2][: len(clean) - 1]

    def within(values: np.ndarray) -> np.ndarray:
        """Return differences from the image without what tells images apart, (rows, width)."""
        changes = (values - clean[:, None]).reshape(-1, values.shape[-1])
        return changes - changes @ between.T @ between

    low, high = within(inner), within(corner)
    scale = low.std(axis=0) + 1e-3 * low.std() + 1e-12  # features that are always 0 stay out of it
    x, y = np.concatenate([low, high]) / scale, np.repeat([0, 1], [len(low), len(high)])
    weights = RidgeClassifier(alpha=1.0, class_weight="balanced", solver="cholesky").fit(x, y).coef_.ravel() / scale
    return weights - weights @ between.T @ between
