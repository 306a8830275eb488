"""Protocol "minimal": each image's radius, the smallest L∞ distance at which an adversarial was found."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.minimum_norm import Nearest, search_nearest
from helpers.attacks.pgd import LOGIT_TOLERANCE, attack_balls, random_starts
from helpers.attacks.predict import predict

CLOSER = 0.97  # a radius is confirmed by another attack that fails at this share of it
CONFIRMING_STEPS = 10
ROUNDS = 3  # of confirmation: an image that falls in the last one is searched again, but not confirmed
LARGE_RADIUS = 0.5  # in this ball any image can be made grey; here confirmation begins if no adversarial was found
LOOSEST_TOLERANCE = 0.1  # share of the largest logit: no rounding is as large


@dataclass
class RadiusSearch:
    """The search for the radii of n images, and what it has found so far.

    Args:
        compiled: The attacked model; its loss is the margin.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        is_right: bool (n,), which images are classified right clean; no others are attacked.
        steps: Gradient calls of one search.
        seed: The starts of the confirming attacks derive from it, together with the images' numbers.
        first: Number of the first image.

    Attributes:
        radii: float32 (n,), L∞ distances of the adversarials; 0 if misclassified clean, infinite if none was found.
        adversarials: float32 (n, height, width, 3); the images themselves where none was found or none was needed.
        failed_at: float32 (n,), the largest distance at which a confirming attack, from another start, failed; 0 if
            none did, or none was needed.
        calls: int (n,), gradient calls.
        is_unconfirmed: bool (n,), whose adversarials fooled the folded network only: they do not count.
    """

    compiled: CompiledModel
    images: np.ndarray
    labels: np.ndarray
    is_right: np.ndarray
    steps: int
    seed: int
    first: int = 0
    radii: np.ndarray = field(init=False)
    adversarials: np.ndarray = field(init=False)
    failed_at: np.ndarray = field(init=False)
    calls: np.ndarray = field(init=False)
    is_unconfirmed: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.images)
        self.radii = np.where(self.is_right, np.inf, 0).astype(np.float32)
        self.adversarials = self.images.copy()
        self.failed_at, self.calls = np.zeros(count, np.float32), np.zeros(count, int)
        self.is_unconfirmed = np.zeros(count, bool)

    def run(self, on_progress: Callable[[int], None] = lambda _: None) -> None:
        """Search every image's radius, then attack just below it, from another start; who falls is searched again.

        `on_progress` is called with the numbers of images that were searched, and, at last, of all that are confirmed.
        """
        rows = np.flatnonzero(self.is_right)
        on_progress(len(self.images) - len(rows))
        for start in range(0, len(rows), self.compiled.batch_size):
            batch = rows[start : start + self.compiled.batch_size]
            self.search(batch)
            on_progress(len(batch))
        for number in range(ROUNDS):
            rows = self.confirm(rows, number)
            self.search(rows)

    def search(self, rows: np.ndarray) -> None:
        """Search nearer adversarials of some images; keep those that fool the network as it is saved, too.

        Where one fools the folded network only, the search is repeated for iterates that fool it more clearly.
        """
        tolerance = LOGIT_TOLERANCE
        while len(rows) and tolerance <= LOOSEST_TOLERANCE:
            images, labels = self.images[rows], self.labels[rows]
            known = Nearest(self.radii[rows], self.adversarials[rows])
            found = search_nearest(self.compiled, images, labels, steps=self.steps, known=known, tolerance=tolerance)
            self.calls[rows] += self.steps
            rows = self._keep(rows, found.adversarials, found.radii < known.radii)
            tolerance *= 10

    def confirm(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Attack some images just below their radii, from random starts; return which fall, and keep how."""
        epsilons = np.where(np.isinf(self.radii[rows]), LARGE_RADIUS, CLOSER * self.radii[rows]).astype(np.float32)
        starts = random_starts(
            self.images.shape[1:], images=self.first + rows, epsilon=LARGE_RADIUS, seed=self.seed, restart=number
        )
        perturbed, is_fooled, calls = attack_balls(
            self.compiled,
            self.images[rows],
            self.labels[rows],
            epsilons=epsilons,
            starts=starts,
            steps=CONFIRMING_STEPS,
        )
        self.calls[rows] += calls
        missed = self._keep(rows, perturbed, is_fooled)
        has_held = ~is_fooled | np.isin(rows, missed)
        self.failed_at[rows[has_held]] = np.maximum(self.failed_at[rows], epsilons)[has_held]
        return rows[~has_held]

    def _keep(self, rows: np.ndarray, adversarials: np.ndarray, is_candidate: np.ndarray) -> np.ndarray:
        """Keep candidates that fool the network as it is saved; return the rows of those that do not."""
        rows, adversarials = rows[is_candidate], adversarials[is_candidate]
        fools = predict(self.compiled, adversarials) != self.labels[rows]
        kept = rows[fools]
        self.adversarials[kept] = adversarials[fools]
        self.radii[kept] = np.abs(self.adversarials[kept] - self.images[kept]).max(axis=(1, 2, 3))
        self.is_unconfirmed[rows] = ~fools
        return rows[~fools]
