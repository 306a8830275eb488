"""Losses that an attack increases: class indices (batch,) and logits (batch, classes) to one number per image."""

from collections.abc import Callable

from helpers.backend import tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # labels (batch,), logits (batch, classes) -> (batch,)


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return each image's cross-entropy, (batch,): the loss of Foolbox's `LinfPGD`.

    In float32 it is exactly 0 once the true logit is about 17 above all others; then the true class's part of its
    gradient is lost. From a difference of about 100 on, the whole gradient is 0.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def margin(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the best wrong logit minus the true class's logit, (batch,): above 0 the image is misclassified.

    Its gradient does not vanish when the model is confident, and it also works with two classes.
    Source: Carlini, Wagner: "Towards Evaluating the Robustness of Neural Networks", 2017, arXiv 1608.04644.
    """
    is_true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    best_wrong = tf.reduce_max(tf.where(is_true, logits.dtype.min, logits), axis=-1)
    return best_wrong - tf.reduce_sum(tf.where(is_true, logits, 0), axis=-1)


def soft_margin(labels: tf.Tensor, logits: tf.Tensor, softness: float | tf.Tensor) -> tf.Tensor:
    """Return the margin with a smooth maximum over the wrong logits, (batch,): it follows all near classes, not one.

    With two classes it is the margin. Its gradient has the direction of the cross-entropy's where the temperature is 1,
    but does not vanish when the model is confident.

    Args:
        labels: Class indices (batch,).
        logits: float32 (batch, classes).
        softness: Temperature of the maximum, as a share of the standard deviation of an image's logits, above 0.
    """
    temperature = softness * tf.stop_gradient(tf.math.reduce_std(logits, axis=-1, keepdims=True)) + 1e-12
    is_true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    true_logit = tf.reduce_sum(tf.where(is_true, logits, 0), axis=-1, keepdims=True)
    ahead = tf.where(is_true, -1e30, (logits - true_logit) / temperature)
    return temperature[:, 0] * tf.reduce_logsumexp(ahead, axis=-1)


def logits_ratio(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the difference-of-logits ratio (DLR), (batch,): a margin that does not depend on the logits' scale.

    Needs at least three classes.
    Source: Croce, Hein: "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
    Attacks", 2020, arXiv 2003.01690.
    """
    descending = tf.sort(logits, axis=-1, direction="DESCENDING")
    return margin(labels, logits) / (descending[:, 0] - descending[:, 2] + 1e-12)


LOSS_FUNCTIONS = {"cross_entropy": cross_entropy, "margin": margin, "logits_ratio": logits_ratio}
LOSSES = ("cross_entropy", "margin")  # what a configuration may name
