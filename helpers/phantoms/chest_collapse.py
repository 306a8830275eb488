"""The pneumothorax of the chest x-ray phantom: air between a collapsed lung and the chest wall."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from helpers.phantoms.canvas import touched_pixels
from helpers.phantoms.chest_body import Body
from helpers.phantoms.chest_lungs import Lung, pleural_line
from helpers.phantoms.chest_picture import ChestPicture
from helpers.phantoms.streams import SIGNS_STREAM, stream

SIGNS = ("gap", "pleural_line")  # the dark band without vessels; the thin bright edge of the lung
LINE_DENSITY = (0.06, 0.11)  # of the pleural line (low, high)
DARKENING = 0.09  # density that a textbook gap lacks, besides the vessels; half of it at ambiguity 0.3


@dataclass(frozen=True)
class Collapse:
    """How one lung collapses.

    Attributes:
        number: Which lung: 0 the patient's right one, 1 the left one.
        severity: How far the outline moves towards the hilum, 0 to 1.
        line_density: Density of the pleural line.
        darkening: Density that the gap lacks, besides the vessels.
        ripple: (n,), unevenness of the lung's outline.
    """

    number: int
    severity: float
    line_density: float
    darkening: float
    ripple: np.ndarray


def make_collapse(body: Body, *, seed: int, view: int, ambiguity: float) -> Collapse:
    """Choose a collapse at random; it is smaller and fainter the higher `ambiguity` (0 to 1) is."""
    rng = stream(seed, SIGNS_STREAM, view)
    number, level = int(rng.integers(2)), rng.uniform()
    severity = 0.10 + (0.26 - 0.16 * ambiguity * rng.beta(1, 2)) * level + 0.04 * (1 - ambiguity)
    line_density = rng.uniform(*LINE_DENSITY)
    darkening = DARKENING * max(1 - ambiguity / 0.6, 0.25)
    return Collapse(number, severity, line_density, darkening, _ripple(rng, len(body.lungs[number].outline)))


def _ripple(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return a slight, smooth unevenness (count,)."""
    along = np.linspace(0, 1, count)
    waves = [rng.normal(0, 0.10 / k) * np.sin(2 * np.pi * k * along + rng.uniform(0, 6.3)) for k in (1, 2, 3, 5)]
    return np.asarray(sum(waves))


def add_collapse(
    density: np.ndarray,
    markings: np.ndarray,
    collapse: Collapse,
    *,
    picture: ChestPicture,
    lung: Lung,
    tissue: np.ndarray,
    signs: Collection[str],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Add the signs of a collapse to `density`, in place.

    Args:
        density: The density of the body so far, (2 * size, 2 * size).
        markings: Density of the lung's vessels and texture.
        collapse: How this lung collapses.
        picture: The canvas.
        lung: The lung.
        tissue: Its layer, 0 to 1, before the collapse.
        signs: Which signs to draw.

    Returns:
        The markings that remain, and {sign: mask}, bool (size, size).
    """
    masks = {}
    outline = lung.collapsed(collapse.severity, collapse.ripple)
    gap = tissue * (1 - picture.filled(outline, 0.004))
    if "gap" in signs:
        markings = markings * (1 - gap / np.maximum(tissue, 1e-6))
        density -= collapse.darkening * gap
        masks["gap"] = touched_pixels(gap)
    if "pleural_line" in signs:
        line = pleural_line(picture, lung, outline) * tissue
        density += collapse.line_density * line
        masks["pleural_line"] = touched_pixels(line)
    return markings, masks
