"""Checks that look at the model's outputs and gradients, and at the attack's table."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.losses import cross_entropy
from helpers.attacks.predict import are_probabilities, padded_batches, predict_logits
from helpers.backend import tf

DEAD_PIXEL_SHARE = 0.5  # share of an image's pixels without gradient above which its gradient counts as dead


@check(
    "outputs are logits",
    "1 if the model returns probabilities: they hide gradients from the attack. Attack the model without its softmax",
    otherwise="broken",
    at_most=0,
)
def outputs_are_logits(evidence: Evidence) -> float:
    """Return 1 if the model returns probabilities, else 0."""
    return are_probabilities(evidence.logits)


@check(
    "deterministic",
    "largest difference between the logits of two forward passes: if they are random, so is each gradient. Switch "
    "random layers off, or attack their mean",
    otherwise="broken",
    at_most=1e-3,
)
def is_deterministic(evidence: Evidence) -> float:
    """Return the largest difference between the logits of two forward passes."""
    return np.abs(evidence.logits - predict_logits(evidence.compiled, evidence.images)).max()


@check(
    "predictions vary",
    "share of the most frequent prediction: a model that always says the same keeps its share of right answers at any "
    "epsilon. Train it better",
    otherwise="doubtful",
    at_most=0.98,
)
def predictions_vary(evidence: Evidence) -> float:
    """Return the share of the most frequent prediction among the unperturbed images."""
    return np.bincount(evidence.logits.argmax(axis=1)).max() / len(evidence.images)


@check(
    "gradients alive",
    f"share of rightly classified images whose gradient is zero or not finite on over {DEAD_PIXEL_SHARE:.0%} of their "
    "pixels: the attack cannot move there. Replace the layer that blocks the gradient, or attack without gradients",
    otherwise="broken",
    at_most=0.01,
)
def gradients_are_alive(evidence: Evidence) -> tuple[int, int]:
    """Count the rightly classified images whose gradient is mostly zero or not finite."""
    images, labels = evidence.images[evidence.is_right], evidence.labels[evidence.is_right]
    dead = 0
    for rows, count in padded_batches(evidence.compiled, np.arange(len(images))):
        _, gradient, _ = evidence.compiled.differentiate(tf.constant(images[rows]), tf.constant(labels[rows]))
        gradient = gradient.numpy()[:count]
        is_lost = ~np.isfinite(gradient) | (gradient == 0)
        dead += int((is_lost.mean(axis=(1, 2, 3)) > DEAD_PIXEL_SHARE).sum())
    return dead, len(images)


@check(
    "loss above 0",
    "share of rightly classified images whose cross-entropy, which the attack increases, is 0 in float32: the logits "
    "are so large that part of its gradient, or all, is lost. Attack with the margin loss",
    otherwise="doubtful",
    at_most=0.05,
)
def loss_is_above_0(evidence: Evidence) -> tuple[int, int] | None:
    """Count the rightly classified images whose cross-entropy is exactly 0; nothing if another loss was used."""
    if evidence.compiled.loss != "cross_entropy":
        return None
    loss = cross_entropy(evidence.labels[evidence.is_right], evidence.logits[evidence.is_right]).numpy()
    return int((loss == 0).sum()), len(loss)


@check(
    "adversarials confirmed",
    "number of images that the attack broke, but that were classified right when classified again: they count as not "
    "broken. Look for a layer that behaves differently from call to call",
    otherwise="doubtful",
    at_most=0,
)
def adversarials_are_confirmed(evidence: Evidence) -> float:
    """Return the number of images that were broken, but classified right when classified again."""
    return evidence.attacked.unconfirmed


@check(
    "epsilon in units of pixels",
    "unused share of the radius, median over the adversarials: 1/2 if epsilon was read on [-1, 1], nearly 1 if on "
    "0..255",
    otherwise="broken",
    at_most=0.25,
)
def radius_is_used(evidence: Evidence) -> float | None:
    """Return 1 minus the adversarials' distance as a share of their epsilon, median; nothing without epsilons."""
    radii = evidence.attacked.radii
    is_broken = (radii > 0) & np.isfinite(radii)
    if evidence.is_minimal or not is_broken.any():
        return None
    changes = np.abs(evidence.attacked.adversarials[is_broken] - evidence.images[is_broken])
    return 1 - np.median(changes.max(axis=(1, 2, 3)) / radii[is_broken])


@check(
    "accuracy never rises",
    "largest rise of accuracy from one epsilon to the next: a larger ball contains every smaller one. Take more or "
    "longer steps",
    otherwise="doubtful",
    at_most=0,
)
def accuracy_never_rises(evidence: Evidence) -> float | None:
    """Return the largest rise of accuracy from one epsilon to the next; nothing without epsilons."""
    return None if evidence.is_minimal else max(evidence.accuracy.diff().max(), 0)
