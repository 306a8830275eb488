"""What a fundus photograph adds to the retina: drusen, dust, a flare, haze, exposure.

Only the flare may depend on the grade.
"""

import numpy as np

from helpers.phantoms.canvas import coordinates, lay_over, smooth_step
from helpers.phantoms.fundus_eye import Eye
from helpers.phantoms.fundus_scene import LIPID
from helpers.phantoms.geometry import blob_outline
from helpers.phantoms.ink import Ink
from helpers.phantoms.noise import smooth_noise

DRUSEN = LIPID * 0.95
FLARE = np.array([0.85, 0.8, 0.72], np.float32)
HAZE = np.array([0.66, 0.56, 0.42], np.float32)
DARKEST = 0.012  # grey value, 0..1, outside the field of view


def photograph(colour: np.ndarray, eye: Eye, rng: np.random.Generator, size: int, *, flare: bool) -> np.ndarray:
    """Return a retina (2 * size, 2 * size, 3), 0..1, with everything that depends on the photograph alone."""
    drusen, dust = _drusen(eye, rng, size), _dust(rng, size)
    colour = lay_over(colour, 0.5 * drusen, DRUSEN)
    colour = colour * (1 - 0.6 * dust)[..., None]
    flare_layer = _flare(rng, size)
    if flare:
        colour = colour + flare_layer[..., None] * FLARE
    haze = rng.uniform(0.0, 0.16) * smooth_step(0.5 + 0.5 * smooth_noise(rng, size=size, lattice=3))
    colour = lay_over(colour, haze, HAZE)
    exposure = rng.uniform(0.75, 1.12) * (1 + rng.uniform(-0.04, 0.04, 3))
    return colour * (eye.field_of_view(size)[..., None] * exposure).astype(np.float32) + DARKEST


def _drusen(eye: Eye, rng: np.random.Generator, size: int) -> np.ndarray:
    ink = Ink(size)
    if rng.uniform() < 0.30:
        for point in rng.normal(eye.fovea, 0.06, (rng.integers(5, 25), 2)):
            ink.fill(blob_outline(rng, point, rng.uniform(0.003, 0.007)), rng.uniform(0.3, 0.6))
    return ink.values(blur=0.003)


def _dust(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer of dark spots from dust on the lens."""
    ink = Ink(size)
    if rng.uniform() < 0.30:
        for point in rng.uniform(0.1, 0.9, (rng.integers(1, 6), 2)):
            ink.fill(blob_outline(rng, point, rng.uniform(0.006, 0.016)), rng.uniform(0.1, 0.3))
    return ink.values(blur=0.006)


def _flare(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer with a bright spot near the edge of the picture."""
    x, y = coordinates(size)
    direction = rng.uniform(0, 6.3)
    distance = np.hypot(x - 0.5 - 0.42 * np.cos(direction), y - 0.5 - 0.42 * np.sin(direction))
    strength, width = rng.uniform(0.25, 0.55), rng.uniform(0.09, 0.2)
    return strength * np.exp(-((distance / width) ** 2))
