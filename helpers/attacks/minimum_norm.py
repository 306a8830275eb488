"""The fast minimum-norm attack (FMN) in L∞: the smallest perturbation that fools a model, for many images at once.

Source: Pintor, Roli, Brendel, Biggio: "Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints", 2021,
arXiv 2102.12827; its loop is that of Foolbox's `LInfFMNAttack`. In each step, the perturbation follows the gradient of
the margin and is projected into a ball, whose radius shrinks while the model is fooled and grows while it is not. Here,
a step follows the sign of the gradients' running mean (momentum), as in Dong et al., 2018, arXiv 1710.06081, its length
is a share of the radius, the radius changes by up to 30% in a step, not 5%, and the margin is soft at first, so that
the search does not settle on the class that is nearest at the image. That finds smaller perturbations in fewer steps
(see benchmarks/README.md). An iterate counts if it fools the model by more than float rounding could undo.
"""

from dataclasses import dataclass

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.losses import margin
from helpers.attacks.pgd import LOGIT_TOLERANCE, decayed, finite, fools, project
from helpers.attacks.predict import padded_batches
from helpers.backend import tf

SEARCH_STEP_LENGTHS = (1.0, 0.02)  # of the first step and of the last, as shares of the radius
SOFTNESS = (0.2, 0.05)  # of the margin in the first step and in the last
MOMENTUM = 0.75  # weight of the gradients so far
TINY = 1e-30  # instead of division by 0 where there is no gradient
RADIUS_CHANGES = (0.3, 0.001)  # share by which the radius grows or shrinks in the first step and in the last


@dataclass(frozen=True)
class Nearest:
    """The nearest adversarials that a search found for n images.

    Attributes:
        radii: float32 (n,), their L∞ distance; infinite where there is none.
        adversarials: float32 (n, height, width, 3); the start where there is none.
        calls: int (n,), gradient calls of the search; 0 if there was none.
    """

    radii: np.ndarray
    adversarials: np.ndarray
    calls: np.ndarray | int = 0


def search_nearest(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int,
    known: Nearest | None = None,
    targets: np.ndarray | None = None,
    tolerance: float = LOGIT_TOLERANCE,
    enough: float = 0.0,
) -> Nearest:
    """Search each image's smallest adversarial perturbation.

    Args:
        compiled: The attacked model; its loss is the margin.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        steps: Most gradient calls per image.
        known: Adversarials to start from; None: the search starts at the images.
        targets: The class towards which each image's search goes, int64 (n,); None: any wrong one. Whichever wrong
            class an iterate has, it counts.
        tolerance: An iterate counts if its margin is above this share of its largest logit.
        enough: The search of a batch ends when the radii of all its images are at most this.
    """
    known = known or Nearest(np.full(len(images), np.inf, np.float32), images)
    aims, sign = (labels, 1) if targets is None else (targets, -1)  # away from the true class, or towards another
    found = []
    for rows, count in padded_batches(compiled, np.arange(len(images))):
        batch = (images[rows], labels[rows], aims[rows], known.radii[rows], known.adversarials[rows])
        parts = _search_batch(compiled, *batch, sign=sign, steps=steps, tolerance=tolerance, enough=enough)
        found.append([part[:count] for part in parts])
    if not found:
        return known
    return Nearest(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _search_batch(
    compiled, images, labels, aims, radii, starts, *, sign, steps, tolerance, enough
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the radii, the nearest adversarials and the gradient calls of one batch."""
    originals, labels, aims, best, nearest = map(tf.constant, (images, labels, aims, radii, starts))
    largest = tf.reduce_max(tf.maximum(originals, 1 - originals), axis=(1, 2, 3))  # at this radius all is allowed
    iterates, radius, velocity = nearest, best, tf.zeros_like(nearest)
    for step in range(steps):
        softness = decayed(SOFTNESS, step, steps)
        _, gradient, logits = compiled.differentiate(iterates, aims, softness=softness)
        distance = tf.reduce_max(tf.abs(iterates - originals), axis=(1, 2, 3))
        is_fooled, margins = fools(labels, logits, tolerance), margin(aims, logits)
        is_nearer = is_fooled & (distance <= best)
        best = tf.where(is_nearer, distance, best)
        nearest = tf.where(is_nearer[:, None, None, None], iterates, nearest)
        if tf.reduce_all(best <= enough):
            break
        length, change = (decayed(values, step, steps) for values in (SEARCH_STEP_LENGTHS, RADIUS_CHANGES))
        gradient = finite(gradient)
        slope = tf.reduce_sum(tf.abs(gradient), axis=(1, 2, 3))
        to_boundary = distance + tf.abs(margins) / slope  # if the margin were linear
        outside = tf.where(tf.math.is_finite(best), radius, to_boundary) * (1 + change)
        radius = tf.minimum(tf.where(is_fooled, tf.minimum(radius * (1 - change), best), outside), largest)
        ball = radius[:, None, None, None]
        velocity = MOMENTUM * velocity + sign * gradient / tf.maximum(slope, TINY)[:, None, None, None]
        iterates = project(iterates + length * ball * tf.sign(velocity), originals, ball)
    return best.numpy(), nearest.numpy(), np.full(len(images), step + 1)
