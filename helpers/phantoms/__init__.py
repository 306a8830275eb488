"""Drawn stand-ins for medical images, whose signs of disease are known."""

from dataclasses import dataclass

import numpy as np

from helpers.config import one_of
from helpers.phantoms import dermatoscopy


@dataclass(frozen=True)
class Phantom:
    """A drawn picture: `image` uint8 (size, size, 3), `mask` bool (size, size), `attributes` (what was drawn)."""

    image: np.ndarray
    mask: np.ndarray
    attributes: dict


def phantom(kind: str, label: str, seed: int, size: int = 64, *, view: int = 0, ambiguity: float = 0.3) -> Phantom:
    """Draw one phantom.

    Args:
        kind: "dermatoscopy".
        label: Its class, e.g. "mel".
        seed: Same seed, same picture, at any size.
        size: Side in pixels.
        view: Which photograph of the same lesion.
        ambiguity: 0 (textbook) to 1 (hard).
    """
    one_of("kind", kind, ("dermatoscopy",))
    one_of("label", label, dermatoscopy.CLASSES)
    image, mask, lesion = dermatoscopy.draw(label=label, seed=seed, size=size, view=view, ambiguity=ambiguity)
    return Phantom(image, mask, {**lesion.quantities._asdict(), "signs": sorted(lesion.signs)})
