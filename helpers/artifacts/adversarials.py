"""A sample of attacked images, each with its adversarial: adversarials.npz."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from helpers.artifacts.arrays import load_arrays, save_arrays

SHORTENED = "shortened"  # in the record of a file that holds the few images of a figure


@dataclass(frozen=True)
class Adversarials:
    """Attacked images with all that is needed to look at them later; n images.

    Attributes:
        images: float32 (n, height, width, 3), pixels in [0, 1].
        adversarials: Of the same shape: the nearest that was found; the image itself if none was found or needed.
        radii: float64 (n,): their L∞ distances, or under protocol "paper" the smallest epsilons that broke the images;
            0 if misclassified clean, infinite if not broken.
        labels: int64 (n,), class indices.
        names: str (n,), as in the manifest.
        groups: str (n,), the lesion or patient.
        masks: bool (n, height, width); all False without a mask.
        has_mask: bool (n,).
    """

    images: np.ndarray
    adversarials: np.ndarray
    radii: np.ndarray
    labels: np.ndarray
    names: np.ndarray
    groups: np.ndarray
    masks: np.ndarray
    has_mask: np.ndarray

    @property
    def is_broken(self) -> np.ndarray:
        """Return which images were classified right clean and broken by the attack: bool (n,)."""
        return (self.radii > 0) & np.isfinite(self.radii)

    def first(self, count: int | None) -> "Adversarials":
        """Return the first `count` images, or all if it is None."""
        return self.only(slice(count))

    def only(self, which: slice | np.ndarray) -> "Adversarials":
        """Return the images of these indices."""
        return Adversarials(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def save(self, path: Path) -> None:
        """Write them to a file, atomically."""
        save_arrays(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Adversarials":
        """Read them from a file.

        Raises:
            StudyError: the file is not there, cannot be read, or is of an older version.
        """
        names = [field.name for field in fields(cls)]
        arrays = load_arrays(path, needed=names, made_by="notebook 04_evaluate_pgd")
        return cls(**{name: arrays[name] for name in names})
