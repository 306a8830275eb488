"""Foolbox's L∞ projected gradient descent with its gradient in one compiled graph.

`CompiledLinfPGD` is Foolbox's attack: its loop, step size, projection and clipping run unchanged, and only its two
documented extension points are filled: where the gradient comes from, and where the random start does.
`pgd_step` is one step of it as operations of a larger graph: of a search that lets images leave, or of a training step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import eagerpy
import foolbox
import numpy as np

from helpers.backend import keras, tf

REL_STEPSIZE = 0.01 / 0.3  # Foolbox's default: step size as a share of epsilon


@dataclass(frozen=True)
class Settings:
    """What all attacks of a sweep share.

    Attributes:
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        steps: Gradient steps an attack.
        rel_stepsize: Length of a step as a share of epsilon.
        seed: The random starts derive from it, for each image and epsilon alone.
    """

    epsilons: Sequence[float]
    steps: int
    rel_stepsize: float
    seed: int


class CompiledModel:
    """A model's forward pass, the gradient of its loss, and a step of PGD, each traced once.

    Args:
        model: float32 pixels in [0, 1], (batch, height, width, 3), to logits (batch, classes).
        batch_size: Images a batch; `logits` and `loss_and_gradient` take exactly that many.
    """

    def __init__(self, model: keras.Model, *, batch_size: int):
        self.model, self.batch_size = model, batch_size
        pixels = tf.TensorSpec((batch_size, *model.input_shape[1:]), tf.float32)
        labels = tf.TensorSpec((batch_size,), tf.int64)
        self.logits = tf.function(self._logits, input_signature=[pixels])
        self.loss_and_gradient = tf.function(self._loss_and_gradient, input_signature=[pixels, labels])
        pixels, labels = (tf.TensorSpec((None, *spec.shape[1:]), spec.dtype) for spec in (pixels, labels))
        radii, share = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.float32)
        self.pgd_step = tf.function(self._pgd_step, input_signature=[pixels, pixels, labels, radii, share])
        self.for_foolbox = foolbox.TensorFlowModel(
            self.logits, bounds=(0, 1), device="/GPU:0" if _has_gpu() else "/CPU:0"
        )

    @classmethod
    def of(cls, model: "keras.Model | CompiledModel", *, batch_size: int) -> "CompiledModel":
        """Return the model itself if it is compiled, with its own batch size: tracing a deep network takes a while."""
        return model if isinstance(model, cls) else cls(model, batch_size=batch_size)

    def smallest_batch(self, count: int) -> int:
        """Return the least multiple of a quarter batch with room for `count` images; each size is set up anew."""
        quarter = max(1, self.batch_size // 4)
        return -(-count // quarter) * quarter

    def _logits(self, pixels):
        return self.model(pixels, training=False)

    def _loss_and_gradient(self, pixels, labels):
        loss, gradient, _ = _differentiate(self.model, pixels, labels)
        return loss, gradient

    def _pgd_step(self, originals, pixels, labels, epsilons, rel_stepsize):
        radii = epsilons[:, None, None, None]
        return pgd_step(self.model, originals, pixels, labels, epsilon=radii, rel_stepsize=rel_stepsize)


def _differentiate(model: keras.Model, pixels, labels) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the summed cross-entropy of the logits, its gradient by the pixels, and the logits."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = model(pixels, training=False)
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    # A model that cuts the gradient off gives zeros here, and the attack's checks say so.
    return loss, tape.gradient(loss, pixels, unconnected_gradients=tf.UnconnectedGradients.ZERO), logits


def pgd_step(
    model: keras.Model, originals: tf.Tensor, pixels: tf.Tensor, labels: tf.Tensor, *, epsilon, rel_stepsize
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return where one step of Foolbox's `LinfPGD` leads from `pixels`, and logits and gradient at `pixels`.

    Args:
        model: Pixels in [0, 1] to logits.
        originals: float32 (batch, height, width, 3), in [0, 1]: the centres of the balls.
        pixels: Where the search is, of the same shape.
        labels: Class indices (batch,).
        epsilon: L∞ radius on pixels in [0, 1]: one number, or (batch, 1, 1, 1).
        rel_stepsize: Length of the step as a share of epsilon.
    """
    _, gradient, logits = _differentiate(model, pixels, labels)
    moved = pixels + rel_stepsize * epsilon * tf.sign(gradient)
    inside = tf.clip_by_value(originals + tf.clip_by_value(moved - originals, -epsilon, epsilon), 0.0, 1.0)
    return inside, logits, gradient


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


class CompiledLinfPGD(foolbox.attacks.LinfPGD):
    """Foolbox's `LinfPGD` on the cross-entropy of the logits, with compiled gradients and given random starts.

    Args:
        compiled: The model under attack.
        starts: Where each image's search begins, float32 of the images' shape, in [-1, 1]; scaled by epsilon.
        steps, rel_stepsize: As in Foolbox; a step is rel_stepsize · epsilon long.
    """

    def __init__(self, compiled: CompiledModel, *, starts: np.ndarray, steps: int, rel_stepsize: float = REL_STEPSIZE):
        super().__init__(rel_stepsize=rel_stepsize, steps=steps, random_start=True)
        self._compiled, self._starts = compiled, starts

    def get_random_start(self, x0: eagerpy.Tensor, epsilon: float) -> eagerpy.Tensor:
        return x0 + eagerpy.astensor(tf.constant(self._starts)) * epsilon

    def get_loss_fn(self, model: foolbox.Model, labels: eagerpy.Tensor):
        return lambda x: self._compiled.loss_and_gradient(x, labels.raw)

    def value_and_grad(self, loss_fn, x: eagerpy.Tensor) -> tuple[eagerpy.Tensor, eagerpy.Tensor]:
        loss, gradient = loss_fn(x.raw)
        return eagerpy.astensor(loss), eagerpy.astensor(gradient)


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
    """Return what `CompiledLinfPGD` returns, as operations that fit into a larger graph, such as a training step.

    Args:
        model: Pixels in [0, 1] to logits.
        pixels: float32 (batch, height, width, 3), in [0, 1].
        labels: Class indices (batch,).
        starts: Where each search begins, of the pixels' shape, in [-1, 1]; scaled by epsilon.
        epsilon: L∞ radius on pixels in [0, 1].
        steps, rel_stepsize: As in Foolbox; a step is rel_stepsize · epsilon long.
    """

    def step(number, x):
        return number + 1, pgd_step(model, pixels, x, labels, epsilon=epsilon, rel_stepsize=rel_stepsize)[0]

    start = tf.clip_by_value(pixels + starts * epsilon, 0.0, 1.0)
    _, last = tf.while_loop(lambda number, x: number < steps, step, (0, start))
    return tf.stop_gradient(last)


def random_starts(shape: tuple[int, ...], *, images: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Return uniform starts in [-1, 1], float32 (len(images), *shape), that depend on image, epsilon and seed alone.

    So neither the batch size nor the company an image is attacked in changes its result.
    """
    keys = ([seed, int(image), round(epsilon * 1e9)] for image in images)
    draws = [np.random.default_rng(key).uniform(-1, 1, shape) for key in keys]
    return np.asarray(draws, dtype=np.float32)
