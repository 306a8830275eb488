"""What pictures of an explanation are drawn from: explanations.npz."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.artifacts.arrays import load_arrays, save_arrays

MAPS = "maps_"  # start of the names of the arrays that hold activation maps


@dataclass(frozen=True)
class ExplanationArrays:
    """Activation maps of n explained images, clean and attacked, and the pixels of the first few, k.

    The file holds pixels in 8 bits, as a picture shows them: `images` and `changes` that are read from it are rounded.

    Attributes:
        names: str (n,), as in the manifest.
        groups: str (n,), the lesion or patient.
        labels: int64 (n,), class indices.
        epsilons: float64 (e,), L∞ radii on pixels in [0, 1].
        predictions: int64 (1 + e, n), class indices: clean first, then attacked at each epsilon.
        maps: {target: float32 (1 + e, n, H, W)}: activation maps for the "true" and the "predicted" class.
        images: float32 (k, height, width, 3), pixels in [0, 1].
        changes: float32 (e, k, height, width, 3): perturbations in units of epsilon, -1 to 1.
        shapes: bool (k, height, width): the outline of the lesion or eye; all False if unknown.
        attention: float32 (1 + e, n, H, W), each map summing to 1; None without an attention map.
    """

    names: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    epsilons: np.ndarray
    predictions: np.ndarray
    maps: dict[str, np.ndarray]
    images: np.ndarray
    changes: np.ndarray
    shapes: np.ndarray
    attention: np.ndarray | None = None

    def save(self, path: Path) -> None:
        """Write them to a file, atomically."""
        arrays = {name: getattr(self, name) for name in _PLAIN}
        arrays |= {name: _rounded(arrays[name], kind) for name, kind in _PIXELS.items()}
        arrays |= {f"{MAPS}{target}": maps for target, maps in self.maps.items()}
        if self.attention is not None:
            arrays["attention"] = self.attention
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "ExplanationArrays":
        """Read them from a file.

        Raises:
            StudyError: the file is not there, cannot be read, or is of an older version.
        """
        arrays = load_arrays(path, needed=_PLAIN, made_by="notebook 06_explain_gradcam, or make study,")
        arrays |= {name: _as_floats(arrays[name]) for name in _PIXELS}
        maps = {name.removeprefix(MAPS): values for name, values in arrays.items() if name.startswith(MAPS)}
        return cls(**{name: arrays[name] for name in _PLAIN}, maps=maps, attention=arrays.get("attention"))


_PLAIN = ("names", "groups", "labels", "epsilons", "predictions", "images", "changes", "shapes")
_PIXELS = {"images": np.dtype(np.uint8), "changes": np.dtype(np.int8)}  # what the file holds in 8 bits


def _rounded(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Return values of at most 1, and at least 0 or -1, as whole numbers up to the largest of a kind."""
    largest = np.iinfo(kind).max
    return np.rint(np.clip(values, -1, 1) * largest).astype(kind)


def _as_floats(values: np.ndarray) -> np.ndarray:
    """Return the values that were rounded, float32; those of older files, which are floating-point, as they are."""
    largest = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1
    return values.astype(np.float32) / np.float32(largest)
