"""What the dermatoscopy phantom owes to skin and photograph, drawn without knowing the lesion's class."""

import numpy as np

from helpers.phantoms.drawing import Ink, blob_outline, coordinates, smooth_noise, smooth_step

MELANIN = np.array([0.40, 0.78, 1.08], np.float32)  # absorption in red, green, blue
HAEMOGLOBIN = np.array([0.13, 0.80, 0.52], np.float32)
SKIN = np.array([[222, 172, 176], [222, 148, 142], [190, 160, 176], [196, 150, 128]], np.float32) / 255
ROUND = np.linspace(0, 2 * np.pi, 20)


def draw_skin(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return bare skin (2 * size, 2 * size, 3), 0..1: a mix of four tones, uneven, finely furrowed."""
    tone = rng.dirichlet(np.full(len(SKIN), 0.6)) @ SKIN * rng.uniform(0.97, 1.18)
    light = 1 + 0.04 * smooth_noise(rng, size=size, lattice=3)
    for lattice, depth in ((40, rng.uniform(0.012, 0.026)), (90, rng.uniform(0.012, 0.026))):
        light = light * (1 + depth * smooth_noise(rng, size=size, lattice=lattice))
    flush = np.clip(0.05 * smooth_noise(rng, size=size, lattice=9), -0.12, 0.12)
    freckles = 0.35 * rng.uniform(0, 1) ** 3 * smooth_step((smooth_noise(rng, size=size, lattice=14) - 1.6) / 0.8)
    absorbed = flush[..., None] * HAEMOGLOBIN + freckles[..., None] * MELANIN
    return tone.astype(np.float32) * np.exp(-absorbed) * light[..., None]


def _hairs(rng: np.random.Generator, size: int) -> tuple[np.ndarray, float]:
    """Return a layer of hairs and how dark (0) or light (1) they are."""
    ink = Ink(size)
    if rng.uniform() < 0.45:
        heading, t = rng.uniform(0, np.pi), np.linspace(-0.5, 0.5, 12)[:, None]
        for _ in range(rng.integers(3, 15)):
            angle = heading + rng.normal(0, 0.45)
            along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
            length, bend = rng.uniform(0.25, 1.0), rng.normal(0, 0.25)
            points = rng.uniform(0, 1, 2) + length * (t * along + bend * t * t * across)
            ink.stroke(points, rng.uniform(0.003, 0.0065), rng.uniform(0.7, 1.0))
    return ink.values(), float(rng.uniform() < 0.12)


def _bubbles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a layer of gel bubbles: small bright rings with a glint."""
    ink = Ink(size)
    if rng.uniform() < 0.35:
        for centre in rng.uniform(0, 1, (rng.integers(3, 16), 2)):
            radius = rng.uniform(0.004, 0.013)
            ring = centre + radius * np.stack([np.cos(ROUND), np.sin(ROUND)], axis=-1)
            ink.stroke(ring, 0.0022, 0.55)
            ink.blob(blob_outline(rng, centre - 0.4 * radius, 0.3 * radius), 0.9)
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


def photograph(colour: np.ndarray, rng: np.random.Generator, size: int, *, ruler: bool) -> np.ndarray:
    """Lay over a clean scene what depends on the photograph alone: hairs, bubbles, ruler, light, port."""
    hairs, light_hair = _hairs(rng, size)
    hair_colour = np.array([0.80, 0.74, 0.66] if light_hair else [0.10, 0.07, 0.06], np.float32)
    colour = colour + (0.85 * hairs)[..., None] * (hair_colour - colour)
    colour = colour + (0.75 * _bubbles(rng, size))[..., None] * (1 - colour)
    marks = _ruler(rng, size)
    if ruler:
        colour = colour * (1 - 0.8 * marks)[..., None]
    x, y = coordinates(size)
    distance = np.hypot(x - rng.normal(0.5, 0.03), y - rng.normal(0.5, 0.03))
    light = 1 - rng.uniform(0, 0.55) * np.clip(distance - 0.25, 0, None) ** 1.5
    port, port_radius = rng.uniform() < 0.10, rng.uniform(0.46, 0.55)
    if port:
        light = light * smooth_step((port_radius - distance) / 0.02)
    return colour * (light[..., None] * (1 + rng.uniform(-0.045, 0.045, 3))).astype(np.float32)
