"""Checks that look at the model's outputs and gradients, and at the attack's table."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.losses import cross_entropy, margin
from helpers.attacks.pgd import project, random_starts
from helpers.attacks.predict import are_probabilities, padded_batches, predict_logits
from helpers.backend import tf

DEAD_PIXEL_SHARE = 0.5  # share of an image's pixels without gradient above which its gradient counts as dead
PROBING_NOISE = 8 / 255  # on pixels without gradient: small beside a picture, large beside rounding
SMALL_STEPS = (3e-5, 3e-6)  # L∞: short beside radii, and yet far above float32 rounding
LEAST_RISE = 0.5  # of the margin in such a step, as a share of what the gradient says
ROUNDINGS = 100  # of the largest logit, in float32: a rise must be larger to be judged
LOST_EFFECT = 0.1  # of noise on pixels without gradient, as a share of its effect on the others


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
    "pixels, or on pixels that matter to the model nevertheless: the attack cannot move there. Replace the layer that "
    "blocks the gradient, or attack without gradients",
    otherwise="broken",
    at_most=0.01,
)
def gradients_are_alive(evidence: Evidence) -> tuple[int, int]:
    """Count the rightly classified images whose gradient is lost on most pixels, or on pixels that change the logits.

    Pixels without gradient should not matter: noise on them alone is compared with the same noise on the others.
    """
    images, labels = evidence.images[evidence.is_right], evidence.labels[evidence.is_right]
    is_lost = np.zeros(images.shape, bool)
    for rows, count in padded_batches(evidence.compiled, np.arange(len(images))):
        _, gradient, _ = evidence.compiled.differentiate(tf.constant(images[rows]), tf.constant(labels[rows]))
        values = gradient.numpy()[:count]
        is_lost[rows[:count]] = ~np.isfinite(values) | (values == 0)
    of_lost, of_others = (_change_by_noise(evidence, images, where) for where in (is_lost, ~is_lost))
    lost_share = is_lost.mean(axis=(1, 2, 3))
    is_dead = (lost_share > DEAD_PIXEL_SHARE) | ((lost_share > 0) & (of_lost > LOST_EFFECT * of_others))
    return int(is_dead.sum()), len(images)


def _change_by_noise(evidence: Evidence, images: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return by how much each image's logits change, at most, if noise is added to a part of its pixels, (n,)."""
    rows = np.arange(len(images))
    noise = np.sign(random_starts(images.shape[1:], images=rows, epsilon=PROBING_NOISE, seed=evidence.seed))
    moved = np.clip(images + np.float32(PROBING_NOISE) * np.where(where, noise, 0), 0, 1)
    return np.abs(predict_logits(evidence.compiled, moved) - evidence.logits[evidence.is_right]).max(axis=1, initial=0)


@check(
    "gradients right",
    f"share of rightly classified images whose margin rises by less than {LEAST_RISE:.0%} of what its gradient says in "
    f"steps of {SMALL_STEPS[0]:g} and of {SMALL_STEPS[1]:g} along the gradient's signs: the attack follows a gradient "
    "that is not the model's. Look for a layer with a gradient of its own, or attack without gradients",
    otherwise="broken",
    at_most=0.05,
)
def gradients_are_right(evidence: Evidence) -> tuple[int, int] | None:
    """Count the rightly classified images whose gradient is wrong, of those in which float rounding leaves it visible.

    The margin is that of the model as it was saved; one good step is enough, as a true gradient may change within the
    other. Nothing is counted where all gradients are zero, not finite, or lost in rounding.

    A gradient with wrong signs on a quarter of its weight or less passes. So does one that is right on average over
    many pixels, as that of a rounding through which it passes unchanged is on large pictures.
    """
    images, labels = evidence.images[evidence.is_right], evidence.labels[evidence.is_right]
    gradient = np.zeros_like(images)
    for rows, count in padded_batches(evidence.compiled, np.arange(len(images))):
        pixels, true = tf.constant(images[rows]), tf.constant(labels[rows])
        gradient[rows[:count]] = evidence.compiled.differentiate(pixels, true, loss="margin")[1][:count]
    logits = evidence.logits[evidence.is_right]
    before = margin(labels, tf.constant(logits))
    rounding = ROUNDINGS * np.finfo(np.float32).eps * np.abs(logits).max(axis=1, initial=0)
    is_visible, is_right = np.zeros((2, len(images)), bool)
    for step in SMALL_STEPS:
        moved = project(images + np.float32(step) * np.sign(gradient), images, step).numpy()
        said = (gradient * (moved - images)).sum(axis=(1, 2, 3))
        risen = (margin(labels, tf.constant(predict_logits(evidence.compiled, moved))) - before).numpy()
        is_visible |= said > rounding
        is_right |= (said > rounding) & (risen >= LEAST_RISE * said)
    return (int((is_visible & ~is_right).sum()), int(is_visible.sum())) if is_visible.any() else None


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
def adversarials_are_confirmed(evidence: Evidence) -> float | None:
    """Return the number of images that were broken, but classified right when classified again.

    Nothing under protocol "paper", which counts what is classified again.
    """
    return evidence.attacked.unconfirmed if evidence.is_minimal else None


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
