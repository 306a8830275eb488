"""The smallest epsilon that breaks each image, searched from the middle of the grid down or up."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.attacks.pgd import CompiledModel, Settings, random_starts
from helpers.backend import tf


@dataclass
class Search:
    """The search for one image's smallest epsilon.

    Attributes:
        image: Its index.
        adversarial: What broke it at the smallest epsilon so far; the unperturbed image as long as nothing did.
        level: Place of that epsilon in the grid; the grid's length as long as there is none.
        held: Place of the largest epsilon that did not break it; -1 as long as there is none.
        attacking: Place of the epsilon whose ball is being searched now.
        pixels: Where in that ball the search is, after `taken` steps.
    """

    image: int
    adversarial: np.ndarray
    level: int
    attacking: int
    pixels: np.ndarray
    held: int = -1
    taken: int = 0


def search_smallest_epsilons(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    targets: np.ndarray,
    settings: Settings,
) -> Iterator[Search]:
    """Attack each image with PGD at the middle epsilon of the grid, then downwards if that broke it, else upwards.

    The balls are nested: an adversarial of a smaller ball lies in every larger one, and what cannot be broken in a
    ball cannot be broken in a smaller one. So an image's search ends where an epsilon broke it and the next smaller one
    did not. Only the latter takes all steps: an iterate that fools the model ends its attack at once.
    Whoever leaves the batch makes room for the next image.

    Args:
        compiled: The model under attack.
        images, labels: float32 (n, height, width, 3) in [0, 1], int64 (n,).
        targets: Indices of the images to attack.
        settings: Of the attacks.

    Yields:
        Each image's ended search, in the order in which they end.
    """

    epsilons = settings.epsilons

    def start(search: Search) -> Search:
        epsilon = epsilons[search.attacking]
        one = random_starts(images.shape[1:], images=[search.image], epsilon=epsilon, seed=settings.seed)[0]
        search.pixels, search.taken = np.clip(images[search.image] + np.float32(epsilon) * one, 0, 1), 0
        return search

    waiting, running = deque(targets.tolist()), []
    while waiting or running:
        while waiting and len(running) < compiled.batch_size:
            image = waiting.popleft()
            running.append(start(Search(image, images[image], len(epsilons), len(epsilons) // 2, images[image])))
        filled = running + [running[-1]] * (compiled.smallest_batch(len(running)) - len(running))
        rows = [search.image for search in filled]
        following, logits, _ = compiled.pgd_step(
            tf.constant(images[rows]),
            tf.constant(np.stack([search.pixels for search in filled])),
            tf.constant(labels[rows]),
            tf.constant([epsilons[search.attacking] for search in filled], tf.float32),
            tf.constant(settings.rel_stepsize, tf.float32),
        )
        predictions = logits.numpy().argmax(axis=1)
        going_on = []
        for search, pixels, prediction in zip(running, following.numpy(), predictions, strict=False):
            if prediction != labels[search.image]:
                search.adversarial, search.level = search.pixels, search.attacking
            elif search.taken == settings.steps:
                search.held = search.attacking
            else:
                search.pixels, search.taken = pixels, search.taken + 1
                going_on.append(search)
                continue
            if search.level - search.held == 1:
                yield search
            else:
                search.attacking = search.level - 1 if search.level < len(epsilons) else search.held + 1
                going_on.append(start(search))
        running = going_on
