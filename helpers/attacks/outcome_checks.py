"""Checks that look at the outcome of an attack: its table, radii and adversarials."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.losses import margin
from helpers.attacks.pgd import LOGIT_TOLERANCE
from helpers.attacks.predict import predict, predict_logits
from helpers.attacks.validity import BALL_TOLERANCE
from helpers.backend import tf

NEARER = 0.9  # at this share of its distance, an adversarial should not be one any more


@check(
    "radii are distances",
    "share of images whose radius in the table is not borne out: no adversarial at that distance that the model gets "
    "wrong; or 0 for an image that it gets right. The outcome was mixed up, or is in other units: look at what was "
    "done to it after the attack",
    otherwise="broken",
    at_most=0,
)
def radii_are_distances(evidence: Evidence) -> tuple[int, int]:
    """Count the images whose reported radius does not follow from their adversarial, measured and classified anew.

    Under protocol "paper" the radius is the smallest epsilon that broke the image; the adversarial may be nearer.
    """
    attacked, images, radii = evidence.attacked, evidence.images, evidence.reported
    logits = predict_logits(evidence.compiled, attacked.adversarials)
    is_fooled = margin(evidence.labels, tf.constant(logits)).numpy() > -LOGIT_TOLERANCE * np.abs(logits).max(axis=1)
    excess = np.abs(attacked.adversarials - images).max(axis=(1, 2, 3)) - radii
    is_as_far = (np.abs(excess) if evidence.is_minimal else excess) <= BALL_TOLERANCE
    is_right = evidence.logits.argmax(axis=1) == evidence.labels
    holds = np.where(radii == 0, ~is_right, is_right & (np.isinf(radii) | (is_fooled & is_as_far)))
    return int((~holds).sum()), len(images)


@check(
    "radii end at the boundary",
    f"share of adversarials that still are adversarial at {NEARER:.0%} of their distance: the search stopped short of "
    "the boundary between the classes, so its radii are too large. Take more steps, and see that it takes for "
    "adversarial whatever the model gets wrong",
    otherwise="doubtful",
    at_most=0.1,
    more_steps_may_help=True,
)
def radii_end_at_the_boundary(evidence: Evidence) -> tuple[int, int] | None:
    """Count the adversarials that need not be as far from their images; nothing under protocol "paper"."""
    attacked, images, radii = evidence.attacked, evidence.images, evidence.attacked.radii
    rows = np.flatnonzero((radii > 0) & np.isfinite(radii))
    if not evidence.is_minimal or not len(rows):
        return None
    nearer = images[rows] + np.float32(NEARER) * (attacked.adversarials[rows] - images[rows])
    return int((predict(evidence.compiled, nearer) != evidence.labels[rows]).sum()), len(rows)


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
