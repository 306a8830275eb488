"""Values that checks of an attack compute from the model's outputs and gradients and from the sweep's result."""

import numpy as np

from helpers.attacks.evidence import Evidence
from helpers.attacks.losses import cross_entropy
from helpers.attacks.predict import are_probabilities, predict_logits
from helpers.backend import tf

DEAD_PIXEL_SHARE = 0.5  # share of an image's pixels without gradient above which its gradient counts as dead


def returns_probabilities(evidence: Evidence) -> float:
    """Return 1 if the model returns probabilities, else 0."""
    return float(are_probabilities(evidence.logits))


def difference_between_passes(evidence: Evidence) -> float:
    """Return the largest difference between the logits of two forward passes."""
    second = predict_logits(evidence.compiled, evidence.images)
    return float(np.abs(evidence.logits - second).max())


def unconfirmed_count(evidence: Evidence) -> float:
    """Return the number of images that were broken, but classified right when classified again."""
    return float(evidence.swept.unconfirmed)


def dead_gradient_share(evidence: Evidence) -> float:
    """Return the share of rightly classified images whose gradient is mostly zero or not finite; NaN without images."""
    images = evidence.images[evidence.is_right]
    labels = evidence.labels[evidence.is_right]
    batch_size = evidence.compiled.batch_size
    is_dead = []
    for start in range(0, len(images), batch_size):
        rows = np.arange(start, start + batch_size).clip(max=len(images) - 1)
        pixels = tf.constant(images[rows])
        radii = tf.zeros(len(rows))
        _, _, gradient = evidence.compiled.pgd_step(pixels, pixels, tf.constant(labels[rows]), radii, tf.constant(0.0))
        gradient = gradient.numpy().reshape(batch_size, -1)
        is_lost = ~np.isfinite(gradient) | (gradient == 0)
        is_dead.append((is_lost.mean(axis=1) > DEAD_PIXEL_SHARE)[: len(images) - start])
    return float(np.concatenate(is_dead).mean()) if is_dead else float("nan")


def zero_loss_share(evidence: Evidence) -> float:
    """Return the share of rightly classified images whose cross-entropy is exactly 0; 0 if there are none."""
    is_right = evidence.is_right
    if not is_right.any():
        return 0.0
    loss = cross_entropy(evidence.labels[is_right], evidence.logits[is_right]).numpy()
    return float(np.mean(loss == 0))


def unused_radius_share(evidence: Evidence) -> float:
    """Return 1 minus the adversarials' L∞ distance as a share of their epsilon, median; 0 if there are none."""
    minimal_epsilon = evidence.swept.minimal_epsilon
    is_broken = (minimal_epsilon > 0) & np.isfinite(minimal_epsilon)
    if not is_broken.any():
        return 0.0
    changes = np.abs(evidence.swept.adversarials[is_broken] - evidence.images[is_broken])
    distances = changes.reshape(len(changes), -1).max(axis=1)
    return float(1 - np.median(distances / minimal_epsilon[is_broken]))


def majority_share(evidence: Evidence) -> float:
    """Return the share of the largest class: the accuracy of always predicting it."""
    return float(np.bincount(evidence.labels).max() / len(evidence.labels))


def largest_accuracy_rise(evidence: Evidence) -> float:
    """Return the largest rise of accuracy from one epsilon to the next; 0 if it never rises."""
    return float(max(evidence.accuracy.diff().max(), 0))
