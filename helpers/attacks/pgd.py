"""Projected gradient descent (PGD) in an L∞ ball, with random starts that depend on the image alone.

`CompiledLinfPGD` is Foolbox's attack: its loop, step size, projection and clipping run unchanged. Only its two
documented extension points are replaced: the gradient comes from one compiled graph, and the random start is given.
`perturb` is the same attack as TensorFlow operations, for use inside a training step.
"""

import math

import eagerpy
import foolbox
import numpy as np

from helpers.attacks.compiled import CompiledModel, differentiate
from helpers.attacks.losses import cross_entropy, margin
from helpers.backend import keras, tf

REL_STEPSIZE = 0.01 / 0.3  # Foolbox's default: step length as a share of epsilon
STEP_LENGTHS = (1.0, 0.05)  # the first and the last, as shares of the radius, where steps become shorter
TRAINING_SCALE = 1024.0  # of the loss: in float16, small gradients would be 0; a step follows their signs only
LOGIT_TOLERANCE = 1e-4  # how much float32 rounding may change a logit, as a share of the image's largest logit


def random_starts(
    shape: tuple[int, ...], *, images: np.ndarray, epsilon: float, seed: int, restart: int = 0
) -> np.ndarray:
    """Return uniform random starts in [-1, 1], float32 (len(images), *shape); scale them by epsilon.

    Each start depends only on the arguments and its own image number, so an image's result depends neither on the batch
    size nor on the other images in the batch.

    Args:
        shape: Of one image: (height, width, 3).
        images: Numbers of the images, int (n,).
        epsilon: L∞ radius on pixels in [0, 1].
        seed: Another seed gives other starts.
        restart: Another restart gives other starts.
    """
    extra = [restart] if restart else []
    keys = [[seed, int(image), round(epsilon * 1e9), *extra] for image in images]
    starts = [np.random.default_rng(key).uniform(-1, 1, shape) for key in keys]
    return np.asarray(starts, dtype=np.float32).reshape(len(keys), *shape)


class CompiledLinfPGD(foolbox.attacks.LinfPGD):
    """Foolbox's `LinfPGD` with the compiled model's loss and gradient, and with given random starts.

    Args:
        compiled: The attacked model.
        starts: Start of each image's search, float32 of the images' shape, in [-1, 1]; scaled by epsilon.
        steps: Gradient steps, as in Foolbox.
        rel_stepsize: Step length as a share of epsilon, as in Foolbox.
    """

    def __init__(self, compiled: CompiledModel, *, starts: np.ndarray, steps: int, rel_stepsize: float = REL_STEPSIZE):
        super().__init__(rel_stepsize=rel_stepsize, steps=steps, random_start=True)
        self._compiled = compiled
        self._starts = starts

    def get_random_start(self, x0: eagerpy.Tensor, epsilon: float) -> eagerpy.Tensor:
        return x0 + eagerpy.astensor(tf.constant(self._starts)) * epsilon

    def get_loss_fn(self, model: foolbox.Model, labels: eagerpy.Tensor):
        return lambda x: self._compiled.differentiate(x, labels.raw)

    def value_and_grad(self, loss_fn, x: eagerpy.Tensor) -> tuple[eagerpy.Tensor, eagerpy.Tensor]:
        losses, gradient, _ = loss_fn(x.raw)
        return eagerpy.astensor(tf.reduce_sum(losses)), eagerpy.astensor(finite(gradient))


def perturb(
    model: keras.Model,
    pixels: tf.Tensor,
    labels: tf.Tensor,
    *,
    starts: tf.Tensor,
    epsilon: float,
    steps: int,
    rel_stepsize: float = REL_STEPSIZE,
) -> tf.Tensor:
    """Attack with the cross-entropy, as `CompiledLinfPGD` does, in operations that can be part of a larger graph.

    Args:
        model: Pixels in [0, 1] to logits.
        pixels: float32 (batch, height, width, 3), in [0, 1].
        labels: Class indices (batch,).
        starts: Start of each image's search, of the pixels' shape, in [-1, 1]; scaled by epsilon.
        epsilon: L∞ radius on pixels in [0, 1].
        steps: Gradient steps, as in Foolbox.
        rel_stepsize: Step length as a share of epsilon, as in Foolbox.

    Returns:
        The last iterates, of the pixels' shape, inside the balls and inside [0, 1]. No gradient flows through them.
    """

    def is_unfinished(taken, _):
        return taken < steps

    def scaled(labels, logits):
        return TRAINING_SCALE * cross_entropy(labels, logits)

    def step(taken, iterate):
        _, gradient, _ = differentiate(model, scaled, iterate, labels)
        moved = iterate + rel_stepsize * epsilon * tf.sign(finite(gradient))
        return taken + 1, project(moved, pixels, epsilon)

    start = tf.clip_by_value(pixels + starts * epsilon, 0.0, 1.0)
    _, last = tf.while_loop(is_unfinished, step, (0, start))
    return tf.stop_gradient(last)


def finite(gradient: tf.Tensor) -> tf.Tensor:
    """Return a gradient with 0 for what is no number, as where logits overflow: it then moves no pixel."""
    return tf.where(tf.math.is_finite(gradient), gradient, 0.0)


def project(moved: tf.Tensor, originals: tf.Tensor, epsilon: float | tf.Tensor) -> tf.Tensor:
    """Return the nearest images inside the balls around the originals and inside [0, 1].

    Args:
        moved: float32 (batch, height, width, 3).
        originals: Of the same shape, in [0, 1]: the centres of the balls.
        epsilon: L∞ radius on pixels in [0, 1]: one number, or (batch, 1, 1, 1).
    """
    return tf.clip_by_value(originals + tf.clip_by_value(moved - originals, -epsilon, epsilon), 0.0, 1.0)


def decayed(first_and_last: tuple[float, float], step: int, steps: int) -> float:
    """Return a value that falls along a cosine from the first one, in step 0, to the last one, after all steps."""
    first, last = first_and_last
    return last + (first - last) * (1 + math.cos(math.pi * step / steps)) / 2


def fools(labels: tf.Tensor, logits: tf.Tensor, tolerance: float) -> tf.Tensor:
    """Return which images are misclassified by more than float rounding could undo, bool (batch,).

    Args:
        labels: Class indices (batch,).
        logits: float32 (batch, classes). An image with a NaN counts as misclassified.
        tolerance: Share of the image's largest logit by which a wrong one must be above the true one.
    """
    return ~(margin(labels, logits) <= tolerance * tf.reduce_max(tf.abs(logits), axis=-1))
