"""The outcome of an attack, and how it is kept until it is checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.artifacts.arrays import load_arrays, save_arrays
from helpers.errors import StudyError

COLUMN = "table."  # before the name of a column of the table, in a file


@dataclass(frozen=True)
class Attacked:
    """The outcome of an attack on n images.

    Attributes:
        table: Protocol "minimal": a row per image, with the columns image (index), label (class index), attack, seed,
            radius, failed_at, calls and prediction (of the adversarial, or of the image where there is none). Protocol
            "paper": a row per image and epsilon, epsilon 0 (clean) first, with the columns image, label, attack, seed,
            epsilon, prediction and correct.
        adversarials: float32 (n, height, width, 3): the nearest adversarial that was found; the unperturbed image if
            none was found or none was needed.
        radii: float64 (n,), L∞: the adversarials' distances, or under protocol "paper" the smallest epsilon of the grid
            that broke the image; 0 if it was misclassified clean, infinite if it was not broken.
        settings: Of the attack: protocol, steps, rel_stepsize, loss and seed.
        unconfirmed: Number of images that the attack broke, but that were classified right when classified again. They
            count as not broken, which may be wrong.
    """

    table: pd.DataFrame
    adversarials: np.ndarray
    radii: np.ndarray
    settings: Mapping[str, Any]
    unconfirmed: int = 0

    def save(self, path: Path) -> None:
        """Write the outcome to a file, atomically."""
        arrays = {"adversarials": self.adversarials, "radii": self.radii, "unconfirmed": np.array(self.unconfirmed)}
        columns = {COLUMN + name: np.array(column.tolist()) for name, column in self.table.items()}
        save_arrays(path, arrays | columns | {"settings": np.array(json.dumps(dict(self.settings)))})

    @classmethod
    def load(cls, path: Path) -> "Attacked | None":
        """Read an outcome from a file; None if it is not there, or was damaged: then the attack can be made again."""
        needed = ("adversarials", "radii", "unconfirmed", "settings")
        try:
            arrays = load_arrays(path, needed=needed, made_by="notebook 04_evaluate_pgd")
        except StudyError:
            return None
        table = {name.removeprefix(COLUMN): values for name, values in arrays.items() if name not in needed}
        settings, unconfirmed = json.loads(arrays["settings"].item()), int(arrays["unconfirmed"])
        return cls(pd.DataFrame(table), arrays["adversarials"], arrays["radii"], settings, unconfirmed)


def nearer(first: Attacked, second: Attacked) -> Attacked:
    """Return the nearer adversarial of each image, of two attacks with protocol "minimal" on the same images.

    The table is the second's, with the calls of both and the seed of the first. Which images an attack left unconfirmed
    is not kept, only how many. So the other one may have broken them or not, and as many as possible are counted.
    """
    is_first = first.radii < second.radii
    table = second.table.assign(calls=first.table.calls + second.table.calls, seed=first.table.seed)
    for column in ("radius", "failed_at", "prediction"):
        table[column] = np.where(is_first, first.table[column], second.table[column])
    adversarials = np.where(is_first[:, None, None, None], first.adversarials, second.adversarials)
    radii = np.minimum(first.radii, second.radii)
    unconfirmed = min(first.unconfirmed + second.unconfirmed, int(np.isinf(radii).sum()))
    return replace(second, table=table, adversarials=adversarials, radii=radii, unconfirmed=unconfirmed)
