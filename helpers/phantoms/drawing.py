"""What every kind of phantom returns, and which of its signs are drawn."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Phantom:
    """A drawn picture.

    Attributes:
        image: uint8 (size, size, 3).
        mask: bool (size, size), what the public dataset would mark: the lesion, or all signs of disease.
        masks: {sign: bool (size, size)}, the pixels that each of the drawn signs touches.
        attributes: What was drawn, by name.
    """

    image: np.ndarray
    mask: np.ndarray
    masks: dict[str, np.ndarray]
    attributes: dict


def signs_to_draw(present: Collection[str], signs: Collection[str] | None) -> frozenset[str]:
    """Return those of the present signs that are asked for; `signs=None` asks for all."""
    if signs is None:
        return frozenset(present)
    return frozenset(present) & frozenset(signs)


def join_masks(masks: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """Return the pixels, bool (size, size), that are in any of the masks."""
    return np.any([np.zeros((size, size), bool), *masks.values()], axis=0)
