"""Foolbox's L∞ projected gradient descent with its gradient in one compiled graph.

Foolbox stays the attack: its loop, step size, projection and clipping run unchanged. Only its two
documented extension points are filled: where the gradient comes from, and where the random start does.
"""

import eagerpy
import foolbox
import numpy as np

from helpers.backend import keras, tf

REL_STEPSIZE = 0.01 / 0.3  # Foolbox's default: step size as a share of epsilon


class CompiledModel:
    """A model's forward pass and the gradient of its loss, each traced once for a fixed batch shape.

    Args:
        model: float32 pixels in [0, 1], (batch, height, width, 3), to logits (batch, classes).
        batch_size: Images a batch; every call takes exactly that many.
    """

    def __init__(self, model: keras.Model, *, batch_size: int):
        self.model, self.batch_size = model, batch_size
        pixels = tf.TensorSpec((batch_size, *model.input_shape[1:]), tf.float32)
        labels = tf.TensorSpec((batch_size,), tf.int64)
        self.logits = tf.function(self._logits, input_signature=[pixels])
        self.loss_and_gradient = tf.function(self._loss_and_gradient, input_signature=[pixels, labels])
        self.for_foolbox = foolbox.TensorFlowModel(
            self.logits, bounds=(0, 1), device="/GPU:0" if _has_gpu() else "/CPU:0"
        )

    def _logits(self, pixels):
        return self.model(pixels, training=False)

    def _loss_and_gradient(self, pixels, labels):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self._logits(pixels))
            loss = tf.reduce_sum(losses)
        # A model that cuts the gradient off gives zeros here, and the attack's checks say so.
        return loss, tape.gradient(loss, pixels, unconnected_gradients=tf.UnconnectedGradients.ZERO)


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


def random_starts(shape: tuple[int, ...], *, images: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Return uniform starts in [-1, 1], float32 (len(images), *shape), that depend on image, epsilon and seed alone.

    So neither the batch size nor the company an image is attacked in changes its result.
    """
    keys = ([seed, int(image), round(epsilon * 1e9)] for image in images)
    draws = [np.random.default_rng(key).uniform(-1, 1, shape) for key in keys]
    return np.asarray(draws, dtype=np.float32)
