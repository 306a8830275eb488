"""Protocol "minimal": each image's radius, the smallest L∞ distance at which an adversarial was found.

A search from the image, further ones where images seem hard to fool, from random points and towards each class, and an
attack just below each distance: no radius rests on one trajectory.
"""

from dataclasses import dataclass, field

import numpy as np

from helpers.attacks.balls import attack_balls
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.minimum_norm import Nearest, search_nearest
from helpers.attacks.pgd import LOGIT_TOLERANCE, random_starts
from helpers.attacks.predict import predict
from helpers.progress import progress

CLOSER = 0.97  # a radius is confirmed by another attack that fails at this share of it
CONFIRMING_STEPS = 8
HARD_PARTS = 4  # into which the images are divided, hardest first: the first of them is searched from other starts
LONGER = 4  # times as many steps in the search from a random point
FAR = 8 / 255  # radius of the ball with that point: far enough where logits are saturated; not best everywhere
LESS_FAR = 4  # times smaller is the ball of each further point in a thorough search
CLASS_STEPS = 5  # towards each wrong class, where there are several; the nearest of these adversarials starts a search
TOO_LARGE = 0.9  # if a radius falls below this share of what it was, its image and the next part are searched again
LONGER_SEARCHES = 3  # of an image, at most, each from another random point
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
        steps: Gradient calls of the first search.
        seed: Random starts derive from it, together with the images' numbers.
        first: Number of the first image.
        enough: An image whose radius is found to be as small is not searched longer, nor confirmed.
        thorough: Search all images from other starts, far and less far, not only those that seem hard.

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
    enough: float = 0.0
    thorough: bool = False
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

    def run(self) -> None:
        """Search every image's radius, from other starts, too, where images seem hard; then attack just below it.

        The other starts take the images with the largest radii first, then the next largest while they find that radii
        were far too large, or all. An image that is broken just below its radius is searched again.
        """
        rows, name = np.flatnonzero(self.is_right), self.compiled.model.name
        with progress(description=f"attacking {name}", total=len(rows)) as bar:
            for start in range(0, len(rows), self.compiled.batch_size):
                batch = rows[start : start + self.compiled.batch_size]
                self.search(batch)
                bar.update(len(batch))
        hardest_first = rows[np.argsort(-self.radii[rows], kind="stable")]
        parts = map(self._above_enough, np.array_split(hardest_first, HARD_PARTS))
        for part in progress(parts, description=f"attacking {name} from other starts", total=HARD_PARTS):
            if not self._search_from_other_starts(part) and not self.thorough:
                break
        for number in range(ROUNDS):
            rows = self.confirm(self._above_enough(rows), number)
            self.search(rows)

    def _above_enough(self, rows: np.ndarray) -> np.ndarray:
        return rows[self.radii[rows] > self.enough]

    def _search_from_other_starts(self, rows: np.ndarray) -> bool:
        """Search nearer adversarials of some images from other starts; return whether a radius was far too large."""
        before = self.radii[rows]
        self.search_from_afar(rows)
        self.search_towards_classes(self._above_enough(rows))
        were_too_large = again = rows[self.radii[rows] < TOO_LARGE * before]
        for number in range(1, LONGER_SEARCHES):
            again = rows if self.thorough else again
            before = self.radii[again]
            self.search_from_afar(self._above_enough(again), number)
            again = again[self.radii[again] < TOO_LARGE * before]
        return len(were_too_large) > 0

    def search_from_afar(self, rows: np.ndarray, number: int = 0) -> None:
        """Search nearer adversarials of some images, in more steps, from random points around them.

        On models with saturated logits, the gradient at the image may lead away from the nearest adversarial, and the
        search from there ends at a radius that is far too large. How far away to start differs from image to image.
        """
        shape, restart = self.images.shape[1:], ROUNDS + number
        starts = random_starts(shape, images=self.first + rows, epsilon=FAR, seed=self.seed, restart=restart)
        far = FAR / LESS_FAR ** (number if self.thorough else 0)
        self.search(rows, starts=np.clip(self.images[rows] + far * starts, 0, 1), steps=LONGER * self.steps)

    def search_towards_classes(self, rows: np.ndarray, steps: int = CLASS_STEPS) -> None:
        """Search nearer adversarials of some images from the nearest that short searches towards each class find.

        With several wrong classes, the search from the image may settle on one that is not the nearest, however long it
        goes on. With one wrong class there is nothing to choose, and nothing is done. Where the short searches find
        none, the search starts at the image.

        Args:
            rows: Which images.
            steps: Gradient calls towards each class.
        """
        others = self.compiled.model.output_shape[-1] - 1
        if others == 1 or not len(rows):
            return
        numbers, targets = self.compiled.wrong_classes(self.labels[rows])
        images, labels = self.images[rows[numbers]], self.labels[rows[numbers]]
        found = search_nearest(self.compiled, images, labels, steps=steps, targets=targets)
        self.calls[rows] += steps * others
        nearest = found.radii.reshape(-1, others).argmin(axis=1)
        self.search(rows, starts=found.adversarials[np.arange(len(rows)) * others + nearest])

    def search(self, rows: np.ndarray, *, starts: np.ndarray | None = None, steps: int | None = None) -> None:
        """Search nearer adversarials of some images; keep those that fool the network as it is saved, too.

        Where one fools the folded network only, the search is repeated for iterates that fool it more clearly.

        Args:
            rows: Which images.
            starts: Where their searches start, float32 of their shape; None: at the adversarials so far, or the images.
            steps: Gradient calls of the search; None: `self.steps`.
        """
        steps = steps or self.steps
        tolerance, known = LOGIT_TOLERANCE, Nearest(self.radii[rows], self.adversarials[rows])
        if starts is not None:
            known = Nearest(np.full(len(rows), np.inf, np.float32), starts)
        while len(rows) and tolerance <= LOOSEST_TOLERANCE:
            images, labels = self.images[rows], self.labels[rows]
            found = search_nearest(
                self.compiled, images, labels, steps=steps, known=known, tolerance=tolerance, enough=self.enough
            )
            self.calls[rows] += found.calls
            is_left = self._keep(rows, found.adversarials, found.radii < self.radii[rows])
            rows, known = rows[is_left], Nearest(known.radii[is_left], known.adversarials[is_left])
            tolerance *= 10

    def confirm(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Attack some images just below their radii, from random starts; return which fall, and keep how.

        An image whose adversarial fools the folded network only has not held, either.
        """
        epsilons = np.where(np.isinf(self.radii[rows]), LARGE_RADIUS, CLOSER * self.radii[rows]).astype(np.float32)
        starts = random_starts(
            self.images.shape[1:], images=self.first + rows, epsilon=LARGE_RADIUS, seed=self.seed, restart=number
        )
        images, labels = self.images[rows], self.labels[rows]
        perturbed, is_fooled, calls = attack_balls(
            self.compiled, images, labels, epsilons=epsilons, starts=starts, steps=CONFIRMING_STEPS
        )
        self.calls[rows] += calls
        self._keep(rows, perturbed, is_fooled)
        self.failed_at[rows[~is_fooled]] = np.maximum(self.failed_at[rows], epsilons)[~is_fooled]
        return rows[is_fooled]

    def _keep(self, rows: np.ndarray, adversarials: np.ndarray, is_candidate: np.ndarray) -> np.ndarray:
        """Keep candidates that fool the network as it is saved; return which of them do not, bool (len(rows),)."""
        fools = np.zeros(len(rows), bool)
        fools[is_candidate] = predict(self.compiled, adversarials[is_candidate]) != self.labels[rows[is_candidate]]
        kept = rows[fools]
        self.adversarials[kept] = adversarials[fools]
        self.radii[kept] = np.abs(self.adversarials[kept] - self.images[kept]).max(axis=(1, 2, 3))
        self.is_unconfirmed[rows[is_candidate]] = ~fools[is_candidate]
        return is_candidate & ~fools
