"""The healthy eye of the fundus phantom: field of view, colour, optic disc, macula, vessels.

Places are in unit coordinates of the picture. A left eye is a right eye's mirror image.
"""

from dataclasses import dataclass

import numpy as np

from helpers.phantoms.drawing import Ink, bezier, coordinates, smooth_noise, smooth_step, stream

VEIN = np.array([0.26, 0.72, 0.50], np.float32)  # absorption in red, green, blue
ARTERY = np.array([0.10, 0.48, 0.40], np.float32)
PIGMENT = np.array([0.30, 0.62, 0.75], np.float32)
DISC = np.array([1.00, 0.86, 0.60], np.float32)
CUP = np.array([1.00, 0.95, 0.80], np.float32)

Strokes = list[tuple[np.ndarray, np.ndarray]]  # points (n, 2) and widths (n,)


@dataclass(frozen=True)
class Eye:
    """What a patient's eye looks like before anything is wrong with it."""

    tone: np.ndarray  # colour, 0..1
    radius: float  # of the field of view
    cut: float  # half height of the field of view; 1 if it is round
    disc: np.ndarray
    disc_radius: float
    cup: float  # share of the disc
    fovea: np.ndarray
    veins: Strokes
    arteries: Strokes
    seed: int
    side: int

    def rng(self, *key: int) -> np.random.Generator:
        """Return a random stream that belongs to this eye and `key` alone."""
        return stream(self.seed, 0, self.side, *key)


def make_eye(*, seed: int, side: int) -> Eye:
    """Draw the quantities of one eye; `side` 0 is the right eye (disc at the right), 1 the left."""
    patient, rng = stream(seed, 0), stream(seed, 0, side)
    tone = patient.uniform((175, 78, 30), (235, 125, 62)) / 255
    tone *= patient.uniform(0.6, 0.85) if patient.uniform() < 0.2 else patient.uniform(0.9, 1.08)
    radius = patient.uniform(0.455, 0.49)
    cut = patient.uniform(0.385, 0.43) if patient.uniform() < 0.35 else 1.0
    disc_radius, cup = patient.uniform(0.048, 0.060), patient.uniform(0.35, 0.62)
    mirror = 1 - 2 * side
    disc = np.array([0.5 + mirror * rng.uniform(0.22, 0.29), 0.5 + rng.normal(0, 0.015)])
    fovea = np.array([disc[0] - mirror * rng.uniform(0.235, 0.265), disc[1] + rng.uniform(0.01, 0.035)])
    veins = _vessels(rng, disc, fovea, mirror, width=rng.uniform(0.0095, 0.0120), spread=0.0)
    arteries = _vessels(rng, disc, fovea, mirror, width=rng.uniform(0.0070, 0.0090), spread=0.02)
    return Eye(tone.astype(np.float32), radius, cut, disc, disc_radius, cup, fovea, veins, arteries, seed, side)


def _vessels(rng, disc, fovea, mirror: int, *, width: float, spread: float) -> Strokes:
    """Return the four arcades of one kind of vessel, and their branches."""
    strokes = []
    for up in (-1, 1):
        height = rng.uniform(0.20, 0.29) + spread
        reach = fovea + (-mirror * rng.uniform(0.12, 0.24), up * rng.uniform(0.09, 0.24))
        over = np.array([disc[0] + mirror * rng.uniform(-0.09, 0.03), disc[1] + up * height])
        beyond = np.array(
            [fovea[0] + mirror * rng.uniform(-0.10, 0.06), fovea[1] + up * (height + rng.normal(0.02, 0.03))]
        )
        strokes += _branching(rng, bezier(disc, over, beyond, reach), width, fovea, levels=3)
        out = disc + (mirror * rng.uniform(0.12, 0.2), up * rng.uniform(0.2, 0.34))
        bend = disc + (mirror * rng.uniform(-0.02, 0.05), up * rng.uniform(0.08, 0.16))
        strokes += _branching(rng, bezier(disc, bend, out), 0.75 * width, fovea, levels=3)
    for _ in range(2):  # twigs from the disc towards the macula
        end = fovea + (mirror * rng.uniform(0.07, 0.11), rng.uniform(-0.06, 0.06))
        strokes.append((bezier(disc, (disc + end) / 2 + (0, rng.normal(0, 0.03)), end), np.full(24, 0.32 * width)))
    return strokes


def _branching(rng, path: np.ndarray, width: float, fovea: np.ndarray, *, levels: int) -> Strokes:
    """Return a vessel along `path`, tapering and slightly winding, with branches that stay off the fovea."""
    along = np.linspace(0, 1, len(path))
    if levels == 1:
        return [(path, width * (1 - 0.6 * along))]
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=-1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    wander = sum(rng.normal(0, 0.004) * np.sin(np.pi * k * along + rng.uniform(0, 6)) for k in (2, 3, 5, 7))
    path = path + (np.sin(np.pi * along / 2) * wander)[:, None] * normal
    strokes = [(path, width * (1 - 0.6 * along))]
    for knot in rng.choice(np.arange(4, 22), size=rng.integers(3, 6), replace=False):
        start, ahead, outwards = path[knot], tangent[knot] / np.hypot(*tangent[knot]), normal[knot]
        away = np.sign(outwards @ (start - fovea))
        side = away if rng.uniform() < 0.72 else -away
        turn = rng.uniform(0.5, 1.1) * side
        length = rng.uniform(0.06, 0.16) * (1.0 if side == away else 0.55)
        end = start + length * (np.cos(turn) * ahead + np.sin(turn) * outwards)
        bend = start + 0.5 * length * (ahead + 0.2 * turn * outwards)
        if np.hypot(*(end - fovea)) > 0.085:
            branch = width * (1 - 0.6 * along[knot]) * rng.uniform(0.45, 0.7)
            curve = bezier(start, bend, end, steps=24 if levels > 2 else 8)
            strokes += _branching(rng, curve, branch, fovea, levels=levels - 1)
    return strokes


def draw_vessels(strokes: Strokes, size: int, *, beading: np.random.Generator | None = None) -> np.ndarray:
    """Return a layer (2 * size, 2 * size) of vessels; `beading` makes the wider ones swell and narrow."""
    ink = Ink(size)
    for points, widths in strokes:
        if beading is not None and widths[0] > 0.005:
            waves = beading.uniform(28, 44)  # radians from end to end
            swelling = np.sin(np.linspace(0, waves, len(widths)) + beading.uniform(0, 6))
            widths = widths * (1.1 + 0.55 * swelling)
        step = 2 if beading is not None else 4 if widths[0] > 0.005 else 12
        for start in range(0, len(points) - 1, step):
            ink.stroke(points[start : start + step + 1], float(widths[start : start + step + 1].mean()))
    return ink.values(blur=0.0011)


def field_of_view(eye: Eye, size: int) -> np.ndarray:
    """Return 1 inside the camera's field of view, 0 outside, (2 * size, 2 * size)."""
    x, y = coordinates(size)
    inside = smooth_step((eye.radius - np.hypot(x - 0.5, y - 0.5)) / 0.008)
    return inside if eye.cut >= 1 else inside * smooth_step((eye.cut - np.abs(y - 0.5)) / 0.006)


def draw_background(eye: Eye, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the retina without vessels, (2 * size, 2 * size, 3), and how far the disc covers it (0..1)."""
    x, y = coordinates(size)
    rng = eye.rng(1)
    distance = np.hypot(x - 0.5, y - 0.5) / eye.radius
    light = 1.06 - rng.uniform(0.10, 0.28) * distance**2
    light += rng.uniform(0.03, 0.12) * ((x - 0.5) * np.cos(turn := rng.uniform(0, 6.3)) + (y - 0.5) * np.sin(turn))
    pigment = 0.03 * smooth_noise(rng, size=size, lattice=14) + 0.04 * smooth_noise(rng, size=size, lattice=48)
    if rng.uniform() < 0.4:  # tessellated: choroidal vessels shine through
        ridges = np.abs(smooth_noise(rng, size=size, lattice=16)) + 0.5 * np.abs(
            smooth_noise(rng, size=size, lattice=30)
        )
        pigment = pigment + rng.uniform(0.05, 0.11) * (0.8 - ridges)
    to_fovea = np.hypot(x - eye.fovea[0], (y - eye.fovea[1]) * 1.1)
    pigment += rng.uniform(0.25, 0.5) * np.exp(-((to_fovea / 0.085) ** 2))
    pigment += rng.uniform(0.2, 0.5) * np.exp(-((to_fovea / 0.026) ** 2))
    colour = eye.tone * light[..., None].astype(np.float32) * np.exp(-pigment[..., None] * PIGMENT)
    to_disc = np.hypot(x - eye.disc[0], (y - eye.disc[1]) * 0.92) / eye.disc_radius
    colour *= 1 + 0.10 * np.exp(-((to_disc / 2.6) ** 2))[..., None]  # the nerve fibres' sheen
    disc = 0.85 * smooth_step((1.12 - to_disc) / 0.22)
    brightness = np.clip(eye.tone[0] * 1.12, 0.55, 1.0)
    colour = colour + disc[..., None] * (brightness * DISC - colour)
    cup = 0.7 * smooth_step((eye.cup + 0.18 - to_disc) / 0.3)
    return colour + cup[..., None] * (np.clip(1.08 * brightness, 0, 1) * CUP - colour), disc
