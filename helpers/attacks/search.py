"""The smallest epsilon that breaks each image, searched from the middle of the grid down or up."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.attacks.pgd import CompiledModel, Settings
from helpers.backend import tf

ROUNDING = 1e-4  # how far float32 may move a logit, as a share of the largest


@dataclass
class Search:
    """The search for one image's smallest epsilon.

    Attributes:
        image: Its index.
        level: Place of the smallest epsilon so far that broke it; the grid's length as long as there is none.
        untried: Places of the epsilons not attacked yet.
        attacking: Place of the epsilon whose ball is being searched now.
        pixels: Where in that ball the search is, after `taken` steps.
        adversarial: What broke it at `level`; None as long as this search has not broken it.
    """

    image: int
    level: int
    untried: set[int]
    attacking: int
    pixels: np.ndarray
    taken: int = 0
    adversarial: np.ndarray | None = None

    def following(self, grid: int) -> int | None:
        """Return the place to attack next in a grid of so many epsilons, None where the search has ended.

        Below an epsilon that broke the image, that is the next smaller one. As long as none did, it is the next larger
        one. Where even the largest did not, the attack failed, and what it says of smaller balls is worth nothing: they
        are attacked, too.
        """
        if self.level < grid:
            return self.level - 1 if self.level - 1 in self.untried else None
        larger = [place for place in self.untried if place > self.attacking]
        return min(larger) if larger else max(self.untried, default=None)


def search_smallest_epsilons(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    levels: np.ndarray,
    settings: Settings,
    *,
    restart: int = 0,
) -> Iterator[Search]:
    """Attack each image with PGD at the middle epsilon of the grid, then downwards if that broke it, else upwards.

    The balls are nested: an adversarial of a smaller ball lies in every larger one, and what cannot be broken in a
    ball cannot be broken in a smaller one. So an image's search ends where an epsilon broke it and the next smaller one
    did not; but an attack that breaks nothing at all is not believed, and is tried at every epsilon. Only an attack
    that fails takes all steps: an iterate that fools the model ends it at once.
    Whoever leaves the batch makes room for the next image.

    Args:
        compiled: The model under attack.
        images, labels: float32 (n, height, width, 3) in [0, 1], int64 (n,).
        levels: Place of the smallest epsilon known to break each image, int (n,); the grid's length where none is.
            Where it is 0 there is nothing to search.
        settings: Of the attacks.
        restart: A restart has random starts of its own, and begins below what is known.

    Yields:
        Each image's ended search, in the order in which they end.
    """
    grid = len(settings.epsilons)

    def begin(search: Search, place: int) -> Search:
        start = settings.starts(images.shape[1:], [search.image], place, restart=restart)[0]
        radius = np.float32(settings.epsilons[place])
        search.pixels, search.taken = np.clip(images[search.image] + radius * start, 0, 1), 0
        search.attacking = place
        search.untried.remove(place)
        return search

    waiting, running = deque(np.flatnonzero(levels).tolist()), []
    while waiting or running:
        while waiting and len(running) < compiled.batch_size:
            image = waiting.popleft()
            first = levels[image] - 1 if restart else levels[image] // 2
            running.append(begin(Search(image, levels[image], set(range(levels[image])), 0, images[image]), first))
        filled = running + [running[-1]] * (compiled.smallest_batch(len(running)) - len(running))
        rows = [search.image for search in filled]
        moved, logits, _ = compiled.pgd_step(
            tf.constant(images[rows]),
            tf.constant(np.stack([search.pixels for search in filled])),
            tf.constant(labels[rows]),
            tf.constant([settings.epsilons[search.attacking] for search in filled], tf.float32),
            tf.constant(settings.rel_stepsize, tf.float32),
        )
        fooled = _fooled(logits.numpy(), labels[rows])
        going_on = []
        for search, pixels, success in zip(running, moved.numpy(), fooled, strict=False):
            if success:
                search.adversarial, search.level = search.pixels, search.attacking
            elif search.taken < settings.steps:
                search.pixels, search.taken = pixels, search.taken + 1
                going_on.append(search)
                continue
            place = search.following(grid)
            if place is None:
                yield search
            else:
                going_on.append(begin(search, place))
        running = going_on


def _fooled(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which images are misclassified, bool (batch,), by more than rounding could undo.

    What misses by less takes a step more: whoever looks again, through the unfolded network, shall see the same.
    """
    places = np.arange(len(labels))
    true, wrong = logits[places, labels], logits.copy()
    wrong[places, labels] = -np.inf
    return ~(wrong.max(axis=1) - true <= ROUNDING * np.abs(logits).max(axis=1))  # no number is no right answer
