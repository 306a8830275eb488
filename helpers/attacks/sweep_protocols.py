"""The two protocols of a sweep: attack every image at every epsilon, or less, because the balls contain each other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import foolbox
import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import CompiledLinfPGD, Settings
from helpers.attacks.predict import padded_batches, predict
from helpers.attacks.search import search_smallest_epsilons
from helpers.attacks.validity import check_perturbation
from helpers.backend import tf


@dataclass(frozen=True)
class Outcome:
    """The result of a protocol on n images.

    Attributes:
        predictions: Class indices, int64 (epsilons, n).
        adversarials, minimal_epsilon, unconfirmed: As in `helpers.attacks.sweep.Sweep`.
    """

    predictions: np.ndarray
    adversarials: np.ndarray
    minimal_epsilon: np.ndarray
    unconfirmed: int = 0


def run_paper_protocol(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    on_progress: Callable[[int], None],
) -> Outcome:
    """Attack every image separately at every epsilon, and count the predictions at the last iterates.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        clean: int64 (n,), predictions of the unperturbed images.
        settings: Of the attacks.
        on_progress: Called with the number of (image, epsilon) pairs that were just attacked.
    """
    predictions = []
    adversarials = images.copy()
    minimal_epsilon = np.where(clean == labels, np.inf, 0.0)
    attacked = attack_anew(compiled, images, labels, settings, on_progress)
    for epsilon, perturbed in zip(settings.epsilons, attacked, strict=True):
        prediction = predict(compiled, perturbed)
        is_newly_broken = (prediction != labels) & np.isinf(minimal_epsilon)
        adversarials[is_newly_broken] = perturbed[is_newly_broken]
        minimal_epsilon[is_newly_broken] = epsilon
        predictions.append(prediction)
    return Outcome(np.array(predictions), adversarials, minimal_epsilon)


def attack_anew(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    settings: Settings,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Iterator[np.ndarray]:
    """Attack every image with Foolbox's own loop, separately at every epsilon.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        settings: Of the attacks.
        on_progress: Called with the number of (image, epsilon) pairs that were just attacked.

    Yields:
        For each epsilon the last iterates, of the images' shape.
    """
    for level, epsilon in enumerate(settings.epsilons):
        batches = []
        for rows, count in padded_batches(compiled, np.arange(len(images))):
            starts = settings.starts(images.shape[1:], rows, level)
            attack = CompiledLinfPGD(compiled, starts=starts, steps=settings.steps, rel_stepsize=settings.rel_stepsize)
            criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
            last = attack.run(compiled.for_foolbox, tf.constant(images[rows]), criterion, epsilon=epsilon)
            batches.append(last.numpy()[:count])
            on_progress(count)
        perturbed = np.concatenate(batches)
        check_perturbation(images, perturbed, epsilon=epsilon)
        yield perturbed


def run_nested_protocol(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    on_progress: Callable[[int], None],
    *,
    restarts: int,
) -> Outcome:
    """Search each image's minimal epsilon; at every larger epsilon the image counts as broken.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        clean: int64 (n,), predictions of the unperturbed images. Misclassified images are not attacked.
        settings: Of the attacks.
        on_progress: Called with the number of (image, epsilon) pairs that were just decided.
        restarts: How many more times to search below the minimal epsilons found so far.
    """
    epsilons = np.asarray(settings.epsilons)
    adversarials = images.copy()
    broken_levels = np.where(clean == labels, len(epsilons), 0)  # a level is the index of an epsilon in the grid
    for restart in range(1 + restarts):
        on_progress(int((broken_levels == 0).sum()) * len(epsilons))
        searches = search_smallest_epsilons(compiled, images, labels, broken_levels.copy(), settings, restart=restart)
        for search in searches:
            if search.adversarial is not None:
                adversarials[search.image] = search.adversarial
                broken_levels[search.image] = search.broken_level
            on_progress(len(epsilons))
    predictions = predict(compiled, adversarials)
    is_right = predictions == labels  # never broken, or broken by an adversarial that is not confirmed here
    unconfirmed = int((is_right & (broken_levels < len(epsilons))).sum())
    adversarials[is_right] = images[is_right]
    broken_levels[is_right] = len(epsilons)
    minimal_epsilon = np.where(clean == labels, np.append(epsilons, np.inf)[broken_levels], 0.0)
    for epsilon in epsilons:
        is_here = minimal_epsilon == epsilon
        check_perturbation(images[is_here], adversarials[is_here], epsilon=epsilon)
    is_held = epsilons[:, None] < minimal_epsilon
    return Outcome(np.where(is_held, labels, predictions), adversarials, minimal_epsilon, unconfirmed)
