"""From density to the grey values of an x-ray."""

import numpy as np

from helpers.phantoms.canvas import coordinates
from helpers.phantoms.ink import Ink

LINEAR_UP_TO = 0.62  # density; more is compressed, as by film
SHOULDER = 0.36  # the most that the compressed part adds


def expose(density: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Return density (2 * size, 2 * size) as grey values, 0..1, with a letter at the side and dark edges."""
    excess = np.clip(density - LINEAR_UP_TO, 0, None)
    picture = np.minimum(density, LINEAR_UP_TO) + SHOULDER * (1 - np.exp(-excess / SHOULDER))
    picture = np.clip(picture * rng.uniform(0.98, 1.20) + rng.uniform(-0.02, 0.05), 0, 1) ** rng.uniform(0.85, 1.15)
    picture = np.maximum(picture, 0.92 * _side_marker(rng, size))
    if rng.uniform() < 0.25:  # collimated
        x, y = coordinates(size)
        left, right, top, bottom = rng.uniform(0.0, 0.05, 4)
        picture = picture * ((x > left) & (x < 1 - right) & (y > top) & (y < 1 - bottom))
    return picture


def _side_marker(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer with the letter L near a corner, or without it."""
    ink = Ink(size)
    if rng.uniform() < 0.7:
        centre, radius = rng.uniform((0.86, 0.05), (0.95, 0.25)), 0.012
        ink.stroke(centre + radius * np.array([(-0.5, -1), (-0.5, 1), (0.6, 1)]), 0.006)
    return ink.values()
