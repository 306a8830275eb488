"""A model compiled for attacks: its logits, and the gradient of a loss with respect to the pixels."""

import copy
from collections.abc import Callable
from functools import partial

import foolbox
import numpy as np

from helpers.attacks.losses import LOSS_FUNCTIONS, LOSSES, Loss, soft_margin
from helpers.backend import keras, tf
from helpers.errors import check_choice
from helpers.networks.fold import fold_batch_norms

SoftLoss = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]  # a loss that also takes a softness
HARD = 1e-3  # softness at which the soft margin is the margin, but for rounding


class CompiledModel:
    """A model whose forward pass and loss gradients are each traced once: tracing a deep network takes time.

    `logits`, pixels to logits, runs the model layer by layer. `differentiate` runs the same network with its batch
    norms folded into its convolutions: the same numbers up to float rounding, in fewer operations.

    Args:
        model: float32 pixels in [0, 1], (batch, height, width, 3), to logits (batch, classes).
        batch_size: Largest number of images per batch.
        loss: What an attack increases: one of `LOSSES`.

    Attributes:
        model, batch_size, loss: As given.
        logits: The compiled forward pass.
        for_foolbox: The model as Foolbox's attacks take it.

    Raises:
        StudyError: `loss` is not among `LOSSES`.
    """

    def __init__(self, model: keras.Model, *, batch_size: int, loss: str = "margin"):
        self.model = model
        self.batch_size = batch_size
        self.loss = check_choice("loss", loss, LOSSES)
        self._folded = fold_batch_norms(model)
        self._losses = {name: _hard(each) for name, each in LOSS_FUNCTIONS.items()} | {"margin": soft_margin}
        if model.output_shape[-1] < 3:
            del self._losses["logits_ratio"]
        pixels = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        labels, number = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((), tf.int32)
        self.logits = tf.function(self._logits, input_signature=[pixels])
        softness = tf.TensorSpec((), tf.float32)
        self._differentiate = tf.function(self._trace_gradient, input_signature=[pixels, labels, softness, number])
        device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        self._size_step = max(1, batch_size // 4) if device == "GPU" else 1
        self.for_foolbox = foolbox.TensorFlowModel(self.logits, bounds=(0, 1), device=f"/{device}:0")

    @classmethod
    def from_model(cls, model: "keras.Model | CompiledModel", *, batch_size: int, loss: str) -> "CompiledModel":
        """Return a model compiled with a loss.

        One that is already compiled keeps its own batch size and what was traced.
        """
        if not isinstance(model, cls):
            return cls(model, batch_size=batch_size, loss=loss)
        other = copy.copy(model)
        other.loss = check_choice("loss", loss, LOSSES)
        return other

    def smallest_batch(self, count: int) -> int:
        """Return how many images a batch of `count` is filled up to, at most a full batch.

        On a CPU to none: a new batch size costs nothing there. On a GPU to quarter batches, because cuDNN searches the
        fastest convolutions for each new size.
        """
        multiples = -(-count // self._size_step)  # rounded up
        return min(multiples * self._size_step, self.batch_size)

    def wrong_classes(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each image with each of its wrong classes: rows and class indices, int64 (n * (classes - 1),).

        Args:
            labels: The images' class indices, int64 (n,).
        """
        rows, classes = np.nonzero(labels[:, None] != np.arange(self.model.output_shape[-1]))
        return rows, classes

    def _logits(self, pixels):
        return self.model(pixels, training=False)

    def differentiate(
        self, pixels: tf.Tensor, labels: tf.Tensor, *, softness: float = HARD, loss: str | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return each image's loss (batch,), its gradient with respect to the pixels, and the logits.

        Args:
            pixels: float32 (batch, height, width, 3), in [0, 1].
            labels: Class indices int64 (batch,).
            softness: Of the margin (see `helpers.attacks.losses.soft_margin`); no other loss uses it.
            loss: None: `self.loss`; else one of `LOSS_FUNCTIONS`, of which "logits_ratio" needs three classes. The
                gradient of "margin" is the soft margin's; in its default softness, they differ by rounding.
        """
        number = list(self._losses).index(check_choice("loss", loss or self.loss, self._losses))
        return self._differentiate(pixels, labels, tf.constant(softness, tf.float32), tf.constant(number))

    def _trace_gradient(self, pixels, labels, softness, number):
        def loss(labels, logits):  # all of them are in the one graph, and each call computes one
            return tf.switch_case(number, [partial(each, labels, logits, softness) for each in self._losses.values()])

        return differentiate(self._folded, loss, pixels, labels)


def _hard(loss: Loss) -> SoftLoss:
    """Return a loss as one with a softness, which it does not use."""
    return lambda labels, logits, softness: loss(labels, logits)


def differentiate(
    model: keras.Model, loss: Loss, pixels: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return each image's loss (batch,), its gradient with respect to the pixels, and the logits.

    Args:
        model: Pixels in [0, 1] to logits.
        loss: What to differentiate.
        pixels: float32 (batch, height, width, 3), in [0, 1].
        labels: Class indices (batch,).
    """
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = model(pixels, training=False)
        losses = loss(labels, logits)
        total = tf.reduce_sum(losses)  # no image's loss depends on another image
    # A model that blocks the gradient gives zeros here instead of an error; the checks of the attack report it.
    gradient = tape.gradient(total, pixels, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return losses, gradient, logits
