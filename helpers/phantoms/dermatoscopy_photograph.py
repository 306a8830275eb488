"""What a dermatoscopic photograph adds to the skin: hairs, bubbles, a ruler, uneven light.

Only the ruler may depend on the label.
"""

import numpy as np

from helpers.phantoms.canvas import coordinates, lay_over, smooth_step
from helpers.phantoms.geometry import blob_outline
from helpers.phantoms.ink import Ink

DARK_HAIR = np.array([0.10, 0.07, 0.06], np.float32)
LIGHT_HAIR = np.array([0.80, 0.74, 0.66], np.float32)
CIRCLE = np.linspace(0, 2 * np.pi, 20)


def photograph(colour: np.ndarray, rng: np.random.Generator, size: int, *, ruler: bool) -> np.ndarray:
    """Return skin (2 * size, 2 * size, 3), 0..1, with everything that depends on the photograph alone."""
    colour = _add_hairs(colour, rng, size)
    colour = lay_over(colour, 0.75 * _bubbles(rng, size), 1)
    marks = _ruler(rng, size)
    if ruler:
        colour = colour * (1 - 0.8 * marks)[..., None]
    light = _light(rng, size)
    return colour * (light[..., None] * (1 + rng.uniform(-0.045, 0.045, 3))).astype(np.float32)


def _add_hairs(colour: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    ink = Ink(size)
    if rng.uniform() < 0.45:
        heading, t = rng.uniform(0, np.pi), np.linspace(-0.5, 0.5, 12)[:, None]
        for _ in range(rng.integers(3, 15)):
            angle = heading + rng.normal(0, 0.45)
            along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
            length, bend = rng.uniform(0.25, 1.0), rng.normal(0, 0.25)
            points = rng.uniform(0, 1, 2) + length * (t * along + bend * t * t * across)
            ink.stroke(points, rng.uniform(0.003, 0.0065), rng.uniform(0.7, 1.0))
    hair_colour = LIGHT_HAIR if rng.uniform() < 0.12 else DARK_HAIR
    return lay_over(colour, 0.85 * ink.values(), hair_colour)


def _bubbles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer of gel bubbles: small bright rings with a highlight."""
    ink = Ink(size)
    if rng.uniform() < 0.35:
        for centre in rng.uniform(0, 1, (rng.integers(3, 16), 2)):
            radius = rng.uniform(0.004, 0.013)
            ring = centre + radius * np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], axis=-1)
            ink.stroke(ring, 0.0022, 0.55)
            ink.fill(blob_outline(rng, centre - 0.4 * radius, 0.3 * radius), 0.9)
    return ink.values()


def _ruler(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer with the millimetre marks of a ruler along one side."""
    ink = Ink(size)
    side, spacing = rng.integers(4), rng.uniform(0.035, 0.06)
    for index, position in enumerate(np.arange(rng.uniform(0, spacing), 1, spacing)):
        length = 0.045 if index % 5 == 0 else 0.025
        mark = np.array([[position, 0.0], [position, length]])
        mark = mark[:, ::-1] if side % 2 else mark
        ink.stroke(1 - mark if side >= 2 else mark, 0.004, 0.8)
    return ink.values()


def _light(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the brightness of each pixel: less towards the corners, and in one of ten black outside a round port."""
    x, y = coordinates(size)
    distance = np.hypot(x - rng.normal(0.5, 0.03), y - rng.normal(0.5, 0.03))
    light = 1 - rng.uniform(0, 0.55) * np.clip(distance - 0.25, 0, None) ** 1.5
    has_port, port_radius = rng.uniform() < 0.10, rng.uniform(0.46, 0.55)
    return light * smooth_step((port_radius - distance) / 0.02) if has_port else light
