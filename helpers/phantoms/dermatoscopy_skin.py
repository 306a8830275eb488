"""Skin and what colours it: pigments absorb light (Beer-Lambert), keratin covers it."""

import numpy as np

from helpers.phantoms.canvas import smooth_step
from helpers.phantoms.noise import smooth_noise

MELANIN = np.array([0.40, 0.78, 1.08], np.float32)  # absorption in red, green, blue
HAEMOGLOBIN = np.array([0.13, 0.80, 0.52], np.float32)  # absorption
BLUE_VEIL = np.array([0.95, 0.80, 0.42], np.float32)  # absorption
KERATIN = np.array([0.97, 0.93, 0.84], np.float32)  # colour, white to yellow
SKIN_TONES = np.array([[222, 172, 176], [222, 148, 142], [190, 160, 176], [196, 150, 128]], np.float32) / 255


def draw_skin(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return bare skin (2 * size, 2 * size, 3), 0..1: a mix of four tones, with stains and fine furrows."""
    tone = rng.dirichlet(np.full(len(SKIN_TONES), 0.6)) @ SKIN_TONES * rng.uniform(0.97, 1.18)
    light = 1 + 0.04 * smooth_noise(rng, size=size, lattice=3)
    for lattice, depth in ((40, rng.uniform(0.012, 0.026)), (90, rng.uniform(0.012, 0.026))):
        light = light * (1 + depth * smooth_noise(rng, size=size, lattice=lattice))
    flush = np.clip(0.05 * smooth_noise(rng, size=size, lattice=9), -0.12, 0.12)
    freckles = 0.35 * rng.uniform(0, 1) ** 3 * smooth_step((smooth_noise(rng, size=size, lattice=14) - 1.6) / 0.8)
    absorbed = flush[..., None] * HAEMOGLOBIN + freckles[..., None] * MELANIN
    return tone.astype(np.float32) * np.exp(-absorbed) * light[..., None]
