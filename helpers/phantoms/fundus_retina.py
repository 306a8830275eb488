"""The retina without vessels: light, pigment, and the optic disc."""

import numpy as np

from helpers.phantoms.canvas import coordinates, lay_over, smooth_step
from helpers.phantoms.fundus_eye import Eye
from helpers.phantoms.noise import smooth_noise

PIGMENT = np.array([0.30, 0.62, 0.75], np.float32)  # absorption in red, green, blue
DISC = np.array([1.00, 0.86, 0.60], np.float32)  # colour
CUP = np.array([1.00, 0.95, 0.80], np.float32)  # colour
RETINA_TEXTURE = 1  # key of the eye's random generator


def draw_retina(eye: Eye, size: int) -> np.ndarray:
    """Return the retina without vessels, (2 * size, 2 * size, 3)."""
    x, y = coordinates(size)
    rng = eye.rng(RETINA_TEXTURE)
    light = _light(eye, rng, x, y)
    pigment = _pigment(eye, rng, x, y)
    colour = eye.tone * light[..., None].astype(np.float32) * np.exp(-pigment[..., None] * PIGMENT)
    return _add_disc(colour, eye, x, y)


def _light(eye: Eye, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the brightness: less towards the edge, and more on one side than on the other."""
    distance = np.hypot(x - 0.5, y - 0.5) / eye.radius
    light = 1.06 - rng.uniform(0.10, 0.28) * distance**2
    slope, direction = rng.uniform(0.03, 0.12), rng.uniform(0, 6.3)
    light += slope * ((x - 0.5) * np.cos(direction) + (y - 0.5) * np.sin(direction))
    return light


def _pigment(eye: Eye, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the amount of pigment: uneven, and most at the fovea."""
    size = len(x) // 2
    pigment = 0.03 * smooth_noise(rng, size=size, lattice=14) + 0.04 * smooth_noise(rng, size=size, lattice=48)
    if rng.uniform() < 0.4:  # a tessellated fundus: the vessels of the choroid can be seen
        ridges = np.abs(smooth_noise(rng, size=size, lattice=16))
        ridges = ridges + 0.5 * np.abs(smooth_noise(rng, size=size, lattice=30))
        pigment = pigment + rng.uniform(0.05, 0.11) * (0.8 - ridges)
    to_fovea = np.hypot(x - eye.fovea[0], (y - eye.fovea[1]) * 1.1)
    pigment += rng.uniform(0.25, 0.5) * np.exp(-((to_fovea / 0.085) ** 2))
    pigment += rng.uniform(0.2, 0.5) * np.exp(-((to_fovea / 0.026) ** 2))
    return pigment


def _add_disc(colour: np.ndarray, eye: Eye, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    to_disc = np.hypot(x - eye.disc[0], (y - eye.disc[1]) * 0.92) / eye.disc_radius
    colour *= 1 + 0.10 * np.exp(-((to_disc / 2.6) ** 2))[..., None]  # the sheen of the nerve fibres
    brightness = np.clip(eye.tone[0] * 1.12, 0.55, 1.0)
    colour = lay_over(colour, 0.85 * smooth_step((1.12 - to_disc) / 0.22), brightness * DISC)
    cup_brightness = np.clip(1.08 * brightness, 0, 1)
    return lay_over(colour, 0.7 * smooth_step((eye.cup + 0.18 - to_disc) / 0.3), cup_brightness * CUP)
