"""What the checks of an attack look at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from helpers.attacks.attacked import Attacked
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.predict import predict_logits

LARGE_EPSILON = 0.5  # in a ball as large, any image can be made grey
HELD_SHARE = 0.8  # share of a radius at which other attacks must not break the image


@dataclass(frozen=True)
class Evidence:
    """An attacked model, its images, and the outcome of the attack.

    Attributes:
        compiled: The attacked model, with the loss that the attack increased.
        images: The attacked images, float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        attacked: The outcome.
        seed: Random noise and random starts derive from it.
    """

    compiled: CompiledModel
    images: np.ndarray
    labels: np.ndarray
    attacked: Attacked
    seed: int

    @cached_property
    def logits(self) -> np.ndarray:
        """Logits of the unperturbed images, float32 (n, classes)."""
        return predict_logits(self.compiled, self.images)

    @property
    def is_minimal(self) -> bool:
        """Whether the attack searched radii; else it attacked at the epsilons of a grid."""
        return "radius" in self.attacked.table

    @property
    def reported(self) -> np.ndarray:
        """The radii in the table, float64 (n,); under protocol "paper" the smallest epsilon that broke each."""
        if self.is_minimal:
            return self.attacked.table.radius.to_numpy()
        broken = self.attacked.table.query("not correct").groupby("image").epsilon.min()
        return broken.reindex(np.arange(len(self.images)), fill_value=np.inf).to_numpy()

    @cached_property
    def distances(self) -> np.ndarray:
        """L∞ distances of the adversarials from their images, float32 (n,); 0 where the attack has none."""
        return np.abs(self.attacked.adversarials - self.images).max(axis=(1, 2, 3))

    @property
    def is_broken(self) -> np.ndarray:
        """Which images are classified right without perturbation, and have an adversarial, bool (n,)."""
        return self.is_right & np.isfinite(self.attacked.radii)

    @property
    def is_right(self) -> np.ndarray:
        """Which images are classified right without perturbation, bool (n,)."""
        return self.attacked.radii > 0

    @property
    def accuracy(self) -> pd.Series:
        """Protocol "paper": accuracy by epsilon, 0 included."""
        return self.attacked.table.groupby("epsilon").correct.mean()

    @property
    def held(self) -> np.ndarray:
        """The largest distance at which each image is said to hold, float64 (n,).

        A share of its radius; under protocol "paper" the largest epsilon that did not break it. 0 if there is none.
        """
        if self.is_minimal:
            return np.where(np.isinf(self.attacked.radii), LARGE_EPSILON, HELD_SHARE * self.attacked.radii)
        held = self.attacked.table.query("correct").groupby("image").epsilon.max()
        return held.reindex(np.arange(len(self.images)), fill_value=0.0).to_numpy()

    def hardest(self, count: int, others: int = 0) -> np.ndarray:
        """Return the rows of up to `count` images that held out longest, the hardest first; none that never held.

        Up to `others` more follow, evenly spread from the next hardest to the easiest.
        """
        rows = np.argsort(-self.held, kind="stable")
        rows = rows[self.held[rows] > 0]
        rest = rows[count:]
        spread = np.linspace(0, len(rest) - 1, min(others, len(rest))).round().astype(int)
        return np.concatenate([rows[:count], rest[spread]])
