"""A model compiled for attacks: its logits, the gradient of its loss, and one step of projected gradient descent."""

import foolbox

from helpers.attacks.losses import LOSSES, Loss, cross_entropy
from helpers.backend import keras, tf
from helpers.errors import check_choice
from helpers.networks.fold import fold_batch_norms


class CompiledModel:
    """A model whose forward pass, loss gradient and PGD step are each traced once.

    `logits` runs the model layer by layer. `loss_and_gradient` and `pgd_step` run the same network with its batch norms
    folded into its convolutions: the same numbers up to float rounding, in fewer operations.

    Args:
        model: float32 pixels in [0, 1], (batch, height, width, 3), to logits (batch, classes).
        batch_size: Largest number of images per batch.
        loss: What an attack increases: one of `LOSSES`.

    Attributes:
        model, batch_size, loss: As given.
        logits: Pixels to logits.
        loss_and_gradient: Pixels and labels int64 (batch,) to the loss summed over the batch, and its gradient with
            respect to the pixels.
        pgd_step: Originals, pixels, labels, epsilons float32 (batch,) and rel_stepsize to what the function `pgd_step`
            returns.
        for_foolbox: The model as Foolbox's attacks take it.

    Raises:
        StudyError: `loss` is not among `LOSSES`.
    """

    def __init__(self, model: keras.Model, *, batch_size: int, loss: str = "cross_entropy"):
        self.model = model
        self.batch_size = batch_size
        self.loss = check_choice("loss", loss, LOSSES)
        self._loss_function = LOSSES[loss]
        self._folded = fold_batch_norms(model)
        pixels = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        labels = tf.TensorSpec((None,), tf.int64)
        epsilons = tf.TensorSpec((None,), tf.float32)
        rel_stepsize = tf.TensorSpec((), tf.float32)
        self.logits = tf.function(self._logits, input_signature=[pixels])
        self.loss_and_gradient = tf.function(self._loss_and_gradient, input_signature=[pixels, labels])
        self.pgd_step = tf.function(self._pgd_step, input_signature=[pixels, pixels, labels, epsilons, rel_stepsize])
        device = "/GPU:0" if tf.config.list_physical_devices("GPU") else "/CPU:0"
        self.for_foolbox = foolbox.TensorFlowModel(self.logits, bounds=(0, 1), device=device)

    @classmethod
    def from_model(cls, model: "keras.Model | CompiledModel", *, batch_size: int, loss: str) -> "CompiledModel":
        """Return a model compiled with a loss.

        A model that is already compiled with this loss is returned as it is, because tracing a deep network takes time.
        One that is compiled with another loss keeps its own batch size.
        """
        if not isinstance(model, cls):
            return cls(model, batch_size=batch_size, loss=loss)
        if model.loss == loss:
            return model
        return cls(model.model, batch_size=model.batch_size, loss=loss)

    def smallest_batch(self, count: int) -> int:
        """Return the smallest multiple of a quarter batch that holds `count` images, at most a full batch.

        Only a few batch sizes are used, because TensorFlow spends time on each new one.
        """
        quarter = max(1, self.batch_size // 4)
        quarters = -(-count // quarter)  # rounded up
        return min(quarters * quarter, self.batch_size)

    def _logits(self, pixels):
        return self.model(pixels, training=False)

    def _loss_and_gradient(self, pixels, labels):
        loss, gradient, _ = differentiate(self._folded, self._loss_function, pixels, labels)
        return loss, gradient

    def _pgd_step(self, originals, pixels, labels, epsilons, rel_stepsize):
        return pgd_step(
            self._folded,
            originals,
            pixels,
            labels,
            epsilon=epsilons[:, None, None, None],
            rel_stepsize=rel_stepsize,
            loss=self._loss_function,
        )


def differentiate(
    model: keras.Model, loss: Loss, pixels: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the loss summed over the batch, its gradient with respect to the pixels, and the logits.

    Args:
        model: Pixels in [0, 1] to logits.
        loss: What to differentiate.
        pixels: float32 (batch, height, width, 3), in [0, 1].
        labels: Class indices (batch,).
    """
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = model(pixels, training=False)
        total = tf.reduce_sum(loss(labels, logits))
    # A model that blocks the gradient gives zeros here instead of an error; the checks of the attack report it.
    gradient = tape.gradient(total, pixels, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return total, gradient, logits


def pgd_step(
    model: keras.Model,
    originals: tf.Tensor,
    pixels: tf.Tensor,
    labels: tf.Tensor,
    *,
    epsilon: float | tf.Tensor,
    rel_stepsize: float | tf.Tensor,
    loss: Loss = cross_entropy,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Take one step of Foolbox's `LinfPGD` from `pixels`.

    Args:
        model: Pixels in [0, 1] to logits.
        originals: float32 (batch, height, width, 3), in [0, 1]: the centres of the balls.
        pixels: The current iterates, of the same shape.
        labels: Class indices (batch,).
        epsilon: L∞ radius on pixels in [0, 1]: one number, or (batch, 1, 1, 1).
        rel_stepsize: Step length as a share of epsilon.
        loss: What to increase.

    Returns:
        The next iterates, inside the balls and inside [0, 1]; the logits at `pixels`; the gradient at `pixels`.
    """
    _, gradient, logits = differentiate(model, loss, pixels, labels)
    moved = pixels + rel_stepsize * epsilon * tf.sign(gradient)
    inside_ball = originals + tf.clip_by_value(moved - originals, -epsilon, epsilon)
    return tf.clip_by_value(inside_ball, 0.0, 1.0), logits, gradient
