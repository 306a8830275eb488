"""What the checks of an attack look at."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.sweep import Sweep


@dataclass(frozen=True)
class Evidence:
    """An attacked model, its images, and the result of the sweep.

    Attributes:
        compiled: The attacked model, with cross-entropy as its loss.
        images: The attacked images, float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        swept: The result of the sweep.
        logits: float32 (n, classes), of the unperturbed images.
        seed: Random noise and random starts derive from it.
    """

    compiled: CompiledModel
    images: np.ndarray
    labels: np.ndarray
    swept: Sweep
    logits: np.ndarray
    seed: int

    @property
    def is_right(self) -> np.ndarray:
        """Which images are classified right without perturbation, bool (n,)."""
        return self.swept.table.query("epsilon == 0").correct.to_numpy()

    @property
    def accuracy(self) -> pd.Series:
        """Accuracy by epsilon, 0 included."""
        return self.swept.table.groupby("epsilon").correct.mean()

    @property
    def held_pairs(self) -> pd.DataFrame:
        """The sweep's rows of (image, epsilon) pairs that were attacked and not broken."""
        return self.swept.table.query("epsilon > 0 and correct")

    @property
    def largest_held_epsilon(self) -> pd.Series:
        """The largest epsilon that did not break each image, by image index; without images broken at every epsilon."""
        return self.held_pairs.groupby("image").epsilon.max()
