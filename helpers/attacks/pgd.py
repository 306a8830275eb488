"""Foolbox's L∞ projected gradient descent with its gradient in one compiled graph.

`CompiledLinfPGD` is Foolbox's attack: its loop, step size, projection and clipping run unchanged, and only its two
documented extension points are filled: where the gradient comes from, and where the random start does.
`pgd_step` is one step of it as operations of a larger graph: of a search that lets images leave, or of a training step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import eagerpy
import foolbox
import numpy as np

from helpers.backend import keras, tf
from helpers.config import one_of
from helpers.networks.fold import fold_batch_norms

REL_STEPSIZE = 0.01 / 0.3  # Foolbox's default: step size as a share of epsilon


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return each image's cross-entropy, (batch,): the loss of Foolbox's `LinfPGD`.

    In float32 it is exactly 0 once the margin exceeds some 17, where the true class' part of its gradient is lost; from
    some 100 on all of the gradient is 0.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def margin(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return how far the best wrong logit lies above the true class's, (batch,): above 0 the model is fooled.

    Its gradient does not vanish however sure the model is, and it fits two classes.
    Source: Carlini, Wagner: "Towards Evaluating the Robustness of Neural Networks", 2017, arXiv 1608.04644.
    """
    true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    best_wrong = tf.reduce_max(tf.where(true, logits.dtype.min, logits), axis=-1)
    return best_wrong - tf.reduce_sum(tf.where(true, logits, 0), axis=-1)


LOSSES = {"cross_entropy": cross_entropy, "margin": margin}


@dataclass(frozen=True)
class Settings:
    """What all attacks of a sweep share.

    Attributes:
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        steps: Gradient steps an attack.
        rel_stepsize: Length of a step as a share of epsilon.
        seed: The random starts derive from it, for each image, epsilon and restart alone.
        first: Number of the first image, on which the random starts depend.
    """

    epsilons: Sequence[float]
    steps: int
    rel_stepsize: float
    seed: int
    first: int = 0

    def starts(self, shape: tuple[int, ...], rows: Sequence[int], place: int, *, restart: int = 0) -> np.ndarray:
        """Return the `random_starts` of the images in these rows, at the epsilon in this place of the grid."""
        images = self.first + np.asarray(rows)
        return random_starts(shape, images=images, epsilon=self.epsilons[place], seed=self.seed, restart=restart)


class CompiledModel:
    """A model's forward pass, the gradient of its loss, and a step of PGD, each traced once.

    `logits` are the model's own, layer by layer. `loss_and_gradient` and `pgd_step` go through the same network with
    its batch norms folded into its convolutions: the same numbers up to float rounding, in fewer operations.

    Args:
        model: float32 pixels in [0, 1], (batch, height, width, 3), to logits (batch, classes).
        batch_size: Images a batch, at most.
        loss: What an attack climbs: one of `LOSSES`.
    """

    def __init__(self, model: keras.Model, *, batch_size: int, loss: str = "cross_entropy"):
        self.model, self.batch_size, self.loss = model, batch_size, one_of("loss", loss, LOSSES)
        self._loss, self._folded = LOSSES[loss], fold_batch_norms(model)
        pixels, labels = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32), tf.TensorSpec((None,), tf.int64)
        self.logits = tf.function(self._logits, input_signature=[pixels])
        self.loss_and_gradient = tf.function(self._loss_and_gradient, input_signature=[pixels, labels])
        radii, share = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.float32)
        self.pgd_step = tf.function(self._pgd_step, input_signature=[pixels, pixels, labels, radii, share])
        self.for_foolbox = foolbox.TensorFlowModel(
            self.logits, bounds=(0, 1), device="/GPU:0" if _has_gpu() else "/CPU:0"
        )

    @classmethod
    def of(cls, model: "keras.Model | CompiledModel", *, batch_size: int, loss: str) -> "CompiledModel":
        """Return a model compiled for a loss: itself if it is that already, for tracing a deep network takes time."""
        if not isinstance(model, cls):
            return cls(model, batch_size=batch_size, loss=loss)
        return model if model.loss == loss else cls(model.model, batch_size=model.batch_size, loss=loss)

    def smallest_batch(self, count: int) -> int:
        """Return the least multiple of a quarter batch with room for `count` images; each size is set up anew."""
        quarter = max(1, self.batch_size // 4)
        return min(-(-count // quarter) * quarter, self.batch_size)

    def _logits(self, pixels):
        return self.model(pixels, training=False)

    def _loss_and_gradient(self, pixels, labels):
        loss, gradient, _ = _differentiate(self._folded, self._loss, pixels, labels)
        return loss, gradient

    def _pgd_step(self, originals, pixels, labels, epsilons, rel_stepsize):
        radii = epsilons[:, None, None, None]
        settings = {"epsilon": radii, "rel_stepsize": rel_stepsize, "loss": self._loss}
        return pgd_step(self._folded, originals, pixels, labels, **settings)


def _differentiate(model: keras.Model, loss, pixels, labels) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the summed loss of the logits, its gradient by the pixels, and the logits."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = model(pixels, training=False)
        total = tf.reduce_sum(loss(labels, logits))
    # A model that cuts the gradient off gives zeros here, and the attack's checks say so.
    return total, tape.gradient(total, pixels, unconnected_gradients=tf.UnconnectedGradients.ZERO), logits


def pgd_step(
    model: keras.Model,
    originals: tf.Tensor,
    pixels: tf.Tensor,
    labels: tf.Tensor,
    *,
    epsilon,
    rel_stepsize,
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = cross_entropy,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return where one step of Foolbox's `LinfPGD` leads from `pixels`, and logits and gradient at `pixels`.

    Args:
        model: Pixels in [0, 1] to logits.
        originals: float32 (batch, height, width, 3), in [0, 1]: the centres of the balls.
        pixels: Where the search is, of the same shape.
        labels: Class indices (batch,).
        epsilon: L∞ radius on pixels in [0, 1]: one number, or (batch, 1, 1, 1).
        rel_stepsize: Length of the step as a share of epsilon.
        loss: What to climb: labels and logits to one number an image.
    """
    _, gradient, logits = _differentiate(model, loss, pixels, labels)
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


def random_starts(
    shape: tuple[int, ...], *, images: np.ndarray, epsilon: float, seed: int, restart: int = 0
) -> np.ndarray:
    """Return uniform starts in [-1, 1], float32 (len(images), *shape), that depend on the arguments alone.

    So neither the batch size nor the company an image is attacked in changes its result.
    """
    again = [restart] if restart else []
    keys = ([seed, int(image), round(epsilon * 1e9), *again] for image in images)
    draws = [np.random.default_rng(key).uniform(-1, 1, shape) for key in keys]
    return np.asarray(draws, dtype=np.float32)
