"""Checks that look at the gradients that the attack follows."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.losses import margin
from helpers.attacks.pgd import project, random_starts
from helpers.attacks.predict import padded_batches, predict_logits
from helpers.backend import tf

DEAD_PIXEL_SHARE = 0.5  # share of an image's pixels without gradient above which its gradient counts as dead
PROBING_NOISE = 8 / 255  # on pixels without gradient: small beside a picture, large beside rounding
SMALL_STEPS = (3e-5, 3e-6)  # L∞: short beside radii, and yet far above float32 rounding
LEAST_RISE = 0.5  # of the margin in such a step, as a share of what the gradient says
ROUNDINGS = 100  # of the largest logit, in float32: a rise must be larger to be judged
PROBED_IMAGES = 20  # one batch of profile quick
RANDOM_DIRECTIONS = 4  # signs of all pixels
RANDOM_STEPS = (1e-3, 1e-4, 8 / 255)  # L∞; the longest shows the mean of what goes in small jumps
LEAST_COSINE = 0.866  # of 30 degrees, between the differences in these steps that a gradient says and those found
OFF_IMAGE = 1e-3  # L∞: large enough to tell pixels of one colour apart
PROBES = 8  # times that pixels without gradient are changed by noise
LOST_EFFECT = 1 / 3  # of pixels without gradient, as a share of the others' effect: by this share radii are too large


@check(
    "gradients alive",
    f"share of rightly classified images whose gradient is zero or not finite on over {DEAD_PIXEL_SHARE:.0%} of their "
    f"pixels, or on pixels that matter: by what noise on them does, radii are over {LOST_EFFECT:.0%} too large. The "
    "attack cannot move there: replace the layer that blocks the gradient, or attack without gradients",
    otherwise="broken",
    at_most=0.05,
)
def gradients_are_alive(evidence: Evidence) -> tuple[int, int]:
    """Count the rightly classified images whose gradient is lost on most pixels, or on pixels that change the logits.

    Pixels without gradient should not matter: noise on them alone is compared with the same noise on the others. The
    effects of pixels add up in noise by their squares, but in a perturbation along the gradient's signs by their sizes.
    """
    images, labels = evidence.images[evidence.is_right], evidence.labels[evidence.is_right]
    is_lost = np.zeros(images.shape, bool)
    for rows, count in padded_batches(evidence.compiled, np.arange(len(images))):
        _, gradient, _ = evidence.compiled.differentiate(tf.constant(images[rows]), tf.constant(labels[rows]))
        values = gradient.numpy()[:count]
        is_lost[rows[:count]] = ~np.isfinite(values) | (values == 0)
    if not is_lost.any():
        return 0, len(images)
    of_lost, of_others = (_change_by_noise(evidence, images, where) for where in (is_lost, ~is_lost))
    lost = is_lost.mean(axis=(1, 2, 3))
    is_used = np.sqrt(lost) * of_lost > LOST_EFFECT * np.sqrt(1 - lost) * of_others
    return int(((lost > DEAD_PIXEL_SHARE) | is_used).sum()), len(images)


def _change_by_noise(evidence: Evidence, images: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return by how much noise on a part of its pixels changes each image's logits, root mean square, (n,)."""
    squares = np.zeros(len(images))
    for probe in range(PROBES):
        noise = random_starts(
            images.shape[1:], images=np.arange(len(images)), epsilon=PROBING_NOISE, seed=evidence.seed, restart=probe
        )
        moved = np.clip(images + np.float32(PROBING_NOISE) * np.where(where, np.sign(noise), 0), 0, 1)
        changes = predict_logits(evidence.compiled, moved) - evidence.logits[evidence.is_right]
        squares += np.abs(changes.astype(float)).max(axis=1, initial=0) ** 2  # in float32, large logits overflow
    return np.sqrt(squares / PROBES)


@check(
    "gradients right",
    f"share of up to {PROBED_IMAGES} rightly classified images whose margin, as far as rounding lets it be seen, does "
    f"not change as its gradient says. In {RANDOM_DIRECTIONS} random directions, the cosine between what it says and "
    f"what is found is at most {LEAST_COSINE:g} in every one of the steps "
    f"{', '.join(f'{step:.2g}' for step in RANDOM_STEPS)}. Where rounding hides that, the margin rises along the "
    f"gradient's signs by less than {LEAST_RISE:.0%} of what it says, in steps of {SMALL_STEPS[0]:g}, of "
    f"{SMALL_STEPS[1]:g} and of the image's radius. The attack follows a gradient that is not the model's: look for a "
    "layer with a gradient of its own, or attack without gradients",
    otherwise="broken",
    at_most=0.1,
)
def gradients_are_right(evidence: Evidence) -> tuple[int, int] | None:
    """Count the images near which the gradient is wrong, of those in which float rounding leaves it visible.

    The margin is that of the model as it was saved. A rounding in fine levels through which the gradient passes
    unchanged is right on average over many pixels; on large pictures, it is not found.
    """
    images, labels = (part[evidence.is_right][:PROBED_IMAGES] for part in (evidence.images, evidence.labels))
    is_visible, is_right = _in_random_directions(evidence, images, labels)
    is_visible_along, is_right_along = _along_signs(evidence, images, labels)
    is_right = np.where(is_visible, is_right, is_right_along)
    is_visible |= is_visible_along
    return (int((is_visible & ~is_right).sum()), int(is_visible.sum())) if is_visible.any() else None


def _in_random_directions(evidence: Evidence, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for which images random directions show anything, and for which the gradient is right in them.

    It may be wrong by a factor. That does no harm: attacks use a gradient's signs, or make its length that of their
    step. One good step is enough: float rounding is large beside a short one, and the gradient may change within a long
    one. It shows nothing if differences are lost in rounding in the short ones. The gradient is taken a little off each
    image: on areas of one colour, a max pooling has no gradient, as all pixels there are its largest.
    """
    offset, *directions = (
        random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=1, seed=evidence.seed, restart=k)
        for k in range(1 + RANDOM_DIRECTIONS)
    )
    images = np.clip(images + np.float32(OFF_IMAGE) * offset, 0, 1)
    gradient, rounding = _margin_gradient(evidence, images, labels), _rounding(evidence)[: len(images)]
    is_visible, is_right = np.zeros((2, len(images)), bool)
    for step in RANDOM_STEPS:
        left = np.flatnonzero(~(is_visible & is_right))  # of the others, no further step changes anything
        said, found = np.empty((2, RANDOM_DIRECTIONS, len(left)))
        for k, direction in enumerate(np.sign(directions)):
            ahead, behind = (np.clip(images + np.float32(way) * direction, 0, 1)[left] for way in (step, -step))
            said[k] = (gradient[left] * (ahead - behind)).sum(axis=(1, 2, 3))
            found[k] = _margins(evidence, ahead, labels[left]) - _margins(evidence, behind, labels[left])
        sizes = [np.sqrt((values**2).mean(axis=0)) for values in (said, found)]
        is_large = np.maximum(*sizes) > rounding[left]
        is_visible[left] |= is_large & (step < max(RANDOM_STEPS))
        is_right[left] |= is_large & ((said * found).mean(axis=0) > LEAST_COSINE * np.prod(sizes, axis=0))
    return is_visible, is_right


def _along_signs(evidence: Evidence, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for which images steps along the gradient's signs show anything, and for which the margin rises there.

    These steps change the margin most, so that rounding hides the least. One good step is enough: a true gradient may
    change within the one that is as long as the radius, and one that passes through a rounding, as if there were none,
    may be right in that one only. It shows nothing if the gradient is zero, not finite, or lost in rounding in all.
    """
    gradient = _margin_gradient(evidence, images, labels)
    before, rounding = _margins(evidence, images, labels), _rounding(evidence)[: len(images)]
    is_visible, is_right = np.zeros((2, len(images)), bool)
    own_steps = evidence.distances[evidence.is_right][: len(images), None, None, None]  # 0 where nothing was found
    for step in (*map(np.float32, SMALL_STEPS), own_steps):
        moved = project(images + step * np.sign(gradient), images, step).numpy()
        said = (gradient * (moved - images)).sum(axis=(1, 2, 3))
        risen = _margins(evidence, moved, labels) - before
        is_visible |= said > rounding
        is_right |= (said > rounding) & (risen >= LEAST_RISE * said)
    return is_visible, is_right


def _margin_gradient(evidence: Evidence, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gradient of the margin at each image, float32 (n, height, width, 3)."""
    gradient = np.zeros_like(images)
    for rows, count in padded_batches(evidence.compiled, np.arange(len(images))):
        pixels, true = tf.constant(images[rows]), tf.constant(labels[rows])
        gradient[rows[:count]] = evidence.compiled.differentiate(pixels, true, loss="margin")[1][:count]
    return gradient


def _margins(evidence: Evidence, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the margins of the model as it was saved, float32 (n,)."""
    return margin(labels, tf.constant(predict_logits(evidence.compiled, images))).numpy()


def _rounding(evidence: Evidence) -> np.ndarray:
    """Return by how much float rounding may change the margin of each image that is classified right, (right,)."""
    largest = np.abs(evidence.logits[evidence.is_right]).max(axis=1, initial=0)
    return ROUNDINGS * np.finfo(np.float32).eps * largest
