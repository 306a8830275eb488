"""Protocol "paper": Foolbox's PGD at each epsilon of a grid, on every image anew."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import foolbox
import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import REL_STEPSIZE, CompiledLinfPGD, random_starts
from helpers.attacks.predict import padded_batches
from helpers.attacks.validity import check_perturbation
from helpers.backend import tf


@dataclass(frozen=True)
class PGD:
    """Settings of Foolbox's PGD.

    Attributes:
        steps: Gradient steps.
        rel_stepsize: Step length as a share of epsilon.
        seed: Each image's random start derives from it, together with the image's number and the epsilon.
        first: Number of the first image. A set that is attacked in parts, each with its own `first`, gives the same
            results as the whole set attacked at once.
    """

    steps: int = 40
    rel_stepsize: float = REL_STEPSIZE
    seed: int = 0
    first: int = 0


def attack_anew(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilons: Sequence[float],
    pgd: PGD,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Iterator[np.ndarray]:
    """Attack every image with Foolbox's own loop, separately at every epsilon.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        epsilons: L∞ radii on pixels in [0, 1], above 0.
        pgd: Settings of the attacks.
        on_progress: Called with the number of (image, epsilon) pairs that were just attacked.

    Yields:
        For each epsilon the last iterates, of the images' shape, each inside its ball and inside [0, 1].
    """
    for epsilon in epsilons:
        batches = []
        for rows, count in padded_batches(compiled, np.arange(len(images))):
            starts = random_starts(images.shape[1:], images=pgd.first + rows, epsilon=epsilon, seed=pgd.seed)
            attack = CompiledLinfPGD(compiled, starts=starts, steps=pgd.steps, rel_stepsize=pgd.rel_stepsize)
            criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
            last = attack.run(compiled.for_foolbox, tf.constant(images[rows]), criterion, epsilon=epsilon)
            batches.append(last.numpy()[:count])
            on_progress(count)
        perturbed = np.concatenate(batches)
        check_perturbation(images, perturbed, epsilon=epsilon)
        yield perturbed
