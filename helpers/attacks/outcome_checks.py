"""Checks that look at the outcome of an attack: its table, radii and adversarials."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.pgd import LOGIT_TOLERANCE, fools
from helpers.attacks.predict import predict, predict_logits
from helpers.attacks.validity import BALL_TOLERANCE
from helpers.backend import tf

RADIUS_TOLERANCE = 0.01  # of a radius: far below what a radius is read for, far above its rounding in a table
NEARER = 0.9  # at this share of its distance, an adversarial should not be one any more


@check(
    "radii are distances",
    f"share of images whose radius in the table is wrong: their adversarial is over {RADIUS_TOLERANCE:.0%} nearer or "
    "further away, or does not fool the model; or the radius is 0 although the image is classified right, or above 0 "
    "although it is not. If the model is deterministic, look at what changed the outcome after the attack: another "
    "order, other units, rounding",
    otherwise="broken",
    at_most=0,
)
def radii_are_distances(evidence: Evidence) -> tuple[int, int]:
    """Count the images whose radius does not follow from their adversarial, measured and classified anew.

    Under protocol "paper" the radius is the smallest epsilon that broke the image; the adversarial may be nearer.
    """
    attacked, labels, radii = evidence.attacked, evidence.labels, evidence.reported
    of_adversarials = tf.constant(predict_logits(evidence.compiled, attacked.adversarials))
    of_images = tf.constant(evidence.logits)
    if evidence.is_minimal:
        is_as_far = np.isclose(evidence.distances, radii, rtol=RADIUS_TOLERANCE, atol=BALL_TOLERANCE)
    else:
        is_as_far = evidence.distances - radii <= BALL_TOLERANCE
    is_fooled = fools(labels, of_adversarials, -LOGIT_TOLERANCE).numpy()
    may_be_wrong, is_wrong = (fools(labels, of_images, way * LOGIT_TOLERANCE).numpy() for way in (-1, 1))
    is_borne_out = np.where(np.isinf(radii), evidence.distances == 0, is_fooled & is_as_far) & ~is_wrong
    is_the_attacks = np.isclose(radii, attacked.radii, rtol=RADIUS_TOLERANCE, atol=BALL_TOLERANCE)
    holds = np.where(radii == 0, may_be_wrong, is_borne_out) & is_the_attacks
    return int((~holds).sum()), len(radii)


@check(
    "radii end at the boundary",
    f"share of adversarials that still fool the model at {NEARER:.0%} of their distance: the radii are too large. Take "
    "more steps; every misclassified image should count as an adversarial",
    otherwise="doubtful",
    at_most=0.1,
    more_steps_may_help=True,
)
def radii_end_at_the_boundary(evidence: Evidence) -> tuple[int, int] | None:
    """Count the adversarials that need not be as far from their images; nothing under protocol "paper"."""
    if not evidence.is_minimal or not evidence.is_broken.any():
        return None
    images, adversarials, labels = (
        part[evidence.is_broken] for part in (evidence.images, evidence.attacked.adversarials, evidence.labels)
    )
    nearer = images + np.float32(NEARER) * (adversarials - images)
    return int((predict(evidence.compiled, nearer) != labels).sum()), len(labels)


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
    is_broken = evidence.is_broken
    if evidence.is_minimal or not is_broken.any():
        return None
    return 1 - np.median(evidence.distances[is_broken] / evidence.attacked.radii[is_broken])


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
