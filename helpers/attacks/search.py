"""Search for the smallest epsilon of a grid that breaks each image, from the middle of the grid down or up.

A level is the index of an epsilon in the grid.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import Settings
from helpers.backend import tf

LOGIT_TOLERANCE = 1e-4  # how much float32 rounding may change a logit, as a share of the image's largest logit


@dataclass
class Search:
    """The state of the search for one image.

    Attributes:
        image: Its index.
        broken_level: Level of the smallest epsilon so far that broke the image; the number of epsilons while there is
            none.
        untried_levels: Levels not attacked yet.
        level: Level attacked now.
        pixels: float32 (height, width, 3): the iterate after `steps_taken` steps in the ball of that level.
        steps_taken: Gradient steps so far at that level.
        adversarial: The adversarial found at `broken_level`; None while this search has not broken the image.
    """

    image: int
    broken_level: int
    untried_levels: set[int]
    level: int
    pixels: np.ndarray
    steps_taken: int = 0
    adversarial: np.ndarray | None = None

    def next_level(self, grid_size: int) -> int | None:
        """Return the level to attack next in a grid of `grid_size` epsilons, or None if the search has ended.

        Once an epsilon broke the image, the next smaller one follows. Until then, the next larger one follows. If even
        the largest epsilon did not break the image, the attack is not reliable on it, and the smaller ones are tried
        as well.
        """
        if self.broken_level < grid_size:
            smaller = self.broken_level - 1
            return smaller if smaller in self.untried_levels else None
        larger = [level for level in self.untried_levels if level > self.level]
        return min(larger) if larger else max(self.untried_levels, default=None)


def search_smallest_epsilons(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    broken_levels: np.ndarray,
    settings: Settings,
    *,
    restart: int = 0,
) -> Iterator[Search]:
    """Attack each image with PGD at the middle epsilon of the grid; if that breaks it, go down the grid, else up.

    The balls are nested: an adversarial of a smaller ball is inside every larger one, and an image that cannot be
    broken in a ball cannot be broken in a smaller one. So an image's search ends when an epsilon broke it and the next
    smaller one did not. But if an attack breaks an image at no epsilon, the image is tried at every epsilon. An attack
    stops at the first iterate that fools the model, so only a failing attack takes all its steps. When an image's
    search ends, the next waiting image takes its place in the batch.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        broken_levels: int (n,): level of the smallest epsilon known to break each image; the number of epsilons if none
            is known. Images with level 0 are not attacked. Must not change during the search.
        settings: Of the attacks.
        restart: Number of the restart. A restart uses random starts of its own, and begins with the epsilon just below
            the smallest one known to break the image.

    Yields:
        Each image's ended search, in the order in which they end.
    """
    grid_size = len(settings.epsilons)
    waiting = deque(np.flatnonzero(broken_levels).tolist())
    running: list[Search] = []
    while waiting or running:
        while waiting and len(running) < compiled.batch_size:
            image = waiting.popleft()
            known = broken_levels[image]
            search = Search(image, known, set(range(known)), 0, images[image])
            _begin_level(search, known - 1 if restart else known // 2, images, settings, restart)
            running.append(search)
        iterates, fooled = _step(compiled, images, labels, settings, running)
        still_running = []
        for search, iterate, is_broken in zip(running, iterates, fooled, strict=True):
            if not is_broken and search.steps_taken < settings.steps:
                search.pixels = iterate
                search.steps_taken += 1
                still_running.append(search)
                continue
            if is_broken:
                search.adversarial = search.pixels
                search.broken_level = search.level
            level = search.next_level(grid_size)
            if level is None:
                yield search
            else:
                _begin_level(search, level, images, settings, restart)
                still_running.append(search)
        running = still_running


def _begin_level(search: Search, level: int, images: np.ndarray, settings: Settings, restart: int) -> None:
    """Set a search to the random start of a level."""
    start = settings.starts(images.shape[1:], [search.image], level, restart=restart)[0]
    radius = np.float32(settings.epsilons[level])
    search.pixels = np.clip(images[search.image] + radius * start, 0, 1)
    search.steps_taken = 0
    search.level = level
    search.untried_levels.remove(level)


def _step(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, settings: Settings, running: list[Search]
) -> tuple[np.ndarray, np.ndarray]:
    """Return each search's next iterate, and whether its current iterate fools the model, bool (searches,)."""
    count = len(running)
    padded = running + [running[-1]] * (compiled.smallest_batch(count) - count)
    rows = [search.image for search in padded]
    iterates, logits, _ = compiled.pgd_step(
        tf.constant(images[rows]),
        tf.constant(np.stack([search.pixels for search in padded])),
        tf.constant(labels[rows]),
        tf.constant([settings.epsilons[search.level] for search in padded], tf.float32),
        tf.constant(settings.rel_stepsize, tf.float32),
    )
    return iterates.numpy()[:count], is_fooled(logits.numpy(), labels[rows])[:count]


def is_fooled(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which images are misclassified by more than float rounding could undo, bool (batch,).

    Adversarials are confirmed later by the network without folded batch norms, whose logits differ by rounding. An
    image that is misclassified by less takes one more step.

    Args:
        logits: float32 (batch, classes).
        labels: Class indices (batch,).
    """
    rows = np.arange(len(labels))
    true_logit = logits[rows, labels]
    wrong_logits = logits.copy()
    wrong_logits[rows, labels] = -np.inf
    tolerance = LOGIT_TOLERANCE * np.abs(logits).max(axis=1)
    is_right = wrong_logits.max(axis=1) - true_logit <= tolerance
    return ~is_right  # NaN counts as misclassified
