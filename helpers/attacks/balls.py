"""Attacks in which each image has a ball of its own, and which end at the first iterate that fools the model."""

from collections.abc import Callable

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import LOGIT_TOLERANCE, STEP_LENGTHS, decayed, finite, fools, project
from helpers.attacks.predict import filled, padded_batches
from helpers.backend import tf

Move = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, int], tf.Tensor]


def attack_balls(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilons: np.ndarray,
    starts: np.ndarray,
    steps: int,
    targets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attack with PGD whose steps become shorter, each image in a ball of its own, until it fools the model.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        epsilons: float32 (n,), L∞ radii on pixels in [0, 1].
        starts: Of the images' shape, in [-1, 1]; scaled by epsilon.
        steps: Most gradient calls per image.
        targets: The class towards which each image's attack goes, int64 (n,); None: any wrong one.

    Returns:
        The first iterates that fool the model, else the last ones, float32 of the images' shape; whether they do, bool
        (n,); and the gradient calls, int (n,).
    """
    balls, away = epsilons[:, None, None, None], 1 if targets is None else -1

    def move(iterates, gradient, originals, balls, step):
        moved = iterates + away * decayed(STEP_LENGTHS, step, steps) * balls * tf.sign(gradient)
        return project(moved, originals, balls)

    iterates = np.asarray(project(images + balls * starts, images, balls))
    aims = labels if targets is None else targets
    return move_until_fooled(compiled, images, labels, iterates, aims=aims, balls=balls, steps=steps, move=move)


def move_until_fooled(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    iterates: np.ndarray,
    *,
    aims: np.ndarray,
    balls: np.ndarray,
    steps: int,
    move: Move,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move images step by step until they fool the model; those that do take no part in the next gradient call.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1]: the centres of the balls.
        labels: int64 (n,), class indices.
        iterates: Where the images start, of their shape.
        aims: The class indices with which the loss is computed, int64 (n,).
        balls: float32 (n, 1, 1, 1), L∞ radii on pixels in [0, 1].
        steps: Most gradient calls per image.
        move: Given iterates, finite gradients, centres, balls and the step's number, returns the next iterates.

    Returns:
        As `attack_balls`.
    """
    last, is_fooled, calls = iterates.copy(), np.zeros(len(images), bool), np.zeros(len(images), int)
    for rows, _ in padded_batches(compiled, np.arange(len(images))):
        parts = [tf.constant(part[rows]) for part in (iterates, labels, aims, images, balls)]
        for step in range(steps):
            moving, true, aimed_at, originals, radii = parts
            _, gradient, logits = compiled.differentiate(moving, aimed_at)
            calls[rows] += 1
            fooled = fools(true, logits, LOGIT_TOLERANCE).numpy()
            last[rows[fooled]], is_fooled[rows[fooled]] = moving.numpy()[fooled], True
            parts[0] = move(moving, finite(gradient), originals, radii, step)
            if fooled.any():
                left = filled(compiled, np.flatnonzero(~fooled))
                rows, parts = rows[left], [tf.gather(part, left) for part in parts]
            if not len(rows):
                break
        last[rows] = parts[0].numpy()
    return last, is_fooled, calls
