"""Perturbations that survive a file: adversarials in whole grey levels, and what rounding and JPEG leave of others.

A picture file has 256 grey levels. A perturbation below half a level is gone when the picture is saved, so only an
adversarial in whole levels is one that somebody could send.
"""

from io import BytesIO

import numpy as np
from PIL import Image

from helpers.attacks.balls import move_until_fooled
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import project
from helpers.attacks.predict import predict
from helpers.backend import tf

LEVELS = 255  # steps between black and white
MOST_LEVELS = 128  # in a ball of half the range, any image can be made grey


def rounded(images: np.ndarray) -> np.ndarray:
    """Return images in [0, 1] as a file without loss would keep them: float32, in multiples of 1/255."""
    return (np.round(images * LEVELS) / LEVELS).astype(np.float32)


def through_jpeg(images: np.ndarray, *, quality: int = 95) -> np.ndarray:
    """Return images (n, height, width, 3) in [0, 1] after they were saved as JPEG and read again."""
    read = []
    for pixels in np.round(images * LEVELS).astype(np.uint8):
        file = BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        read.append(np.asarray(Image.open(file), np.float32) / LEVELS)
    return np.array(read, np.float32).reshape(images.shape)


def file_columns(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, adversarials: np.ndarray, *, steps: int
) -> dict[str, np.ndarray]:
    """Return what a table says of perturbations that have to survive a file.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        adversarials: Each image's nearest adversarial in floating point, or the image itself, of the images' shape.
        steps: Gradient calls of an attack at one number of levels.

    Returns:
        levels, float64 (n,): what `search_levels` finds; fools_rounded and fools_jpeg, bool (n,): whether the given
        adversarial is misclassified after rounding to whole levels, and after JPEG of quality 95.
    """
    levels, _ = search_levels(compiled, images, labels, steps=steps, known=adversarials)
    saved = rounded(adversarials)
    return {
        "levels": levels,
        "fools_rounded": predict(compiled, saved) != labels,
        "fools_jpeg": predict(compiled, through_jpeg(saved)) != labels,
    }


def search_levels(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int = 20,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Search each image's smallest perturbation in whole grey levels.

    The number of levels is doubled until an attack succeeds, then bisected: an adversarial of few levels is in every
    larger ball, too. An attack starts at the rounded image; if it fails, again at the corner of the ball towards a
    known adversarial. A known adversarial that fools the model after rounding is where the search begins.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        steps: Gradient calls of one attack.
        known: Adversarials in floating point, of the images' shape; None: there is no second start.

    Returns:
        The numbers of levels, float64 (n,): 0 if the rounded image is misclassified, infinite if nothing was found up
        to `MOST_LEVELS`. The adversarials, float32 of the images' shape, in multiples of 1/255; the rounded image where
        there is none.
    """
    originals = rounded(images)
    directions = [np.zeros_like(images)] + ([] if known is None else [np.sign(known - images)])
    found, is_right = originals.copy(), predict(compiled, originals) == labels
    failed, reached = np.zeros(len(images), int), np.where(is_right, 2 * MOST_LEVELS, 0)  # more than the most: none
    if known is not None:
        saved = rounded(known)
        survives = is_right & (predict(compiled, saved) != labels)
        found[survives], reached[survives] = saved[survives], _levels_between(saved, originals)[survives]
    while True:
        tried = np.where(reached > MOST_LEVELS, np.maximum(1, 2 * failed), (failed + reached) // 2)
        rows = np.flatnonzero((tried > failed) & (tried < reached) & (tried <= MOST_LEVELS))
        if not len(rows):
            return np.where(reached > MOST_LEVELS, np.inf, reached), found
        left = rows
        for direction in directions:
            perturbed = _attack_levels(compiled, originals[left], labels[left], tried[left], steps, direction[left])
            is_fooled = predict(compiled, perturbed) != labels[left]  # of the last iterates, too
            found[left[is_fooled]], reached[left[is_fooled]] = perturbed[is_fooled], tried[left[is_fooled]]
            left = left[~is_fooled]
        failed[left] = tried[left]


def _levels_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the largest difference of each two pictures on the grid, in grey levels, int (n,)."""
    return np.round(LEVELS * np.abs(one - other).max(axis=(1, 2, 3))).astype(int)


def _attack_levels(compiled, images, labels, levels, steps, direction) -> np.ndarray:
    """Attack each image in a ball of so many levels; return the iterates that fool the model, or the last ones."""
    balls = (levels / LEVELS).astype(np.float32)[:, None, None, None]

    def move(iterates, gradient, originals, balls, step):
        length = tf.maximum(balls * (1 - step / steps), 1 / LEVELS)  # at least one level
        return tf.round(project(iterates + length * tf.sign(gradient), originals, balls) * LEVELS) / LEVELS

    iterates = rounded(project(images + balls * direction, images, balls).numpy())
    return move_until_fooled(compiled, images, labels, iterates, aims=labels, balls=balls, steps=steps, move=move)[0]
