"""The retina's vessels: trees of Bézier curves from the optic disc, drawn as layers."""

import numpy as np

from helpers.phantoms.geometry import bezier
from helpers.phantoms.ink import Ink

Strokes = list[tuple[np.ndarray, np.ndarray]]  # points (n, 2) and the vessel's width at each of them (n,)

WIDE_VESSEL = 0.005  # picture widths
NEAREST_TO_FOVEA = 0.085  # no branch ends nearer to it than this


def make_vessels(
    rng: np.random.Generator, disc: np.ndarray, fovea: np.ndarray, mirror: int, *, width: float, spread: float
) -> Strokes:
    """Choose the four main veins or arteries of an eye at random, with their branches.

    Args:
        rng: Random generator.
        disc: Centre of the optic disc, where the vessels start.
        fovea: Centre of the fovea, which they go around.
        mirror: 1 for a right eye, -1 for a left one.
        width: Their width at the disc.
        spread: How much farther than usual they are from the line through disc and fovea.
    """
    strokes = []
    for up in (-1, 1):
        height = rng.uniform(0.20, 0.29) + spread
        reach = fovea + (-mirror * rng.uniform(0.12, 0.24), up * rng.uniform(0.09, 0.24))
        over = np.array([disc[0] + mirror * rng.uniform(-0.09, 0.03), disc[1] + up * height])
        beyond = np.array(
            [fovea[0] + mirror * rng.uniform(-0.10, 0.06), fovea[1] + up * (height + rng.normal(0.02, 0.03))]
        )
        strokes += _with_branches(rng, bezier(disc, over, beyond, reach), width, fovea, levels=3)
        out = disc + (mirror * rng.uniform(0.12, 0.2), up * rng.uniform(0.2, 0.34))
        bend = disc + (mirror * rng.uniform(-0.02, 0.05), up * rng.uniform(0.08, 0.16))
        strokes += _with_branches(rng, bezier(disc, bend, out), 0.75 * width, fovea, levels=3)
    for _ in range(2):  # small vessels from the disc towards the macula
        end = fovea + (mirror * rng.uniform(0.07, 0.11), rng.uniform(-0.06, 0.06))
        strokes.append((bezier(disc, (disc + end) / 2 + (0, rng.normal(0, 0.03)), end), np.full(24, 0.32 * width)))
    return strokes


def _with_branches(
    rng: np.random.Generator, path: np.ndarray, width: float, fovea: np.ndarray, *, levels: int
) -> Strokes:
    """Return a vessel along `path`, which winds slightly and gets thinner, and its branches."""
    along = np.linspace(0, 1, len(path))
    if levels == 1:
        return [(path, width * (1 - 0.6 * along))]
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=-1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    winding = sum(rng.normal(0, 0.004) * np.sin(np.pi * k * along + rng.uniform(0, 6)) for k in (2, 3, 5, 7))
    path = path + (np.sin(np.pi * along / 2) * winding)[:, None] * normal
    strokes = [(path, width * (1 - 0.6 * along))]
    for knot in rng.choice(np.arange(4, 22), size=rng.integers(3, 6), replace=False):
        start, ahead, sideways = path[knot], tangent[knot] / np.hypot(*tangent[knot]), normal[knot]
        bend, end = _branch_points(rng, start, ahead, sideways, fovea)
        if np.hypot(*(end - fovea)) > NEAREST_TO_FOVEA:
            branch_width = width * (1 - 0.6 * along[knot]) * rng.uniform(0.45, 0.7)
            curve = bezier(start, bend, end, steps=24 if levels > 2 else 8)
            strokes += _with_branches(rng, curve, branch_width, fovea, levels=levels - 1)
    return strokes


def _branch_points(
    rng: np.random.Generator, start: np.ndarray, ahead: np.ndarray, sideways: np.ndarray, fovea: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the middle control point and the end of a branch; most branches turn away from the fovea."""
    away = np.sign(sideways @ (start - fovea))
    side = away if rng.uniform() < 0.72 else -away
    turn = rng.uniform(0.5, 1.1) * side
    length = rng.uniform(0.06, 0.16) * (1.0 if side == away else 0.55)
    end = start + length * (np.cos(turn) * ahead + np.sin(turn) * sideways)
    bend = start + 0.5 * length * (ahead + 0.2 * turn * sideways)
    return bend, end


def draw_vessels(strokes: Strokes, size: int) -> np.ndarray:
    """Return a layer (2 * size, 2 * size) of vessels."""
    ink = Ink(size)
    for points, widths in strokes:
        _stroke_in_pieces(ink, points, widths, piece_length=4 if widths[0] > WIDE_VESSEL else 12)
    return ink.values(blur=0.0011)


def draw_beaded_vessels(strokes: Strokes, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the same layer with the wider vessels alternately swollen and narrow, as beads on a string."""
    ink = Ink(size)
    for points, widths in strokes:
        if widths[0] > WIDE_VESSEL:
            waves = rng.uniform(28, 44)  # radians from end to end
            swelling = np.sin(np.linspace(0, waves, len(widths)) + rng.uniform(0, 6))
            widths = widths * (1.1 + 0.55 * swelling)
        _stroke_in_pieces(ink, points, widths, piece_length=2)
    return ink.values(blur=0.0011)


def _stroke_in_pieces(ink: Ink, points: np.ndarray, widths: np.ndarray, *, piece_length: int) -> None:
    """Draw a line in pieces, each with its mean width."""
    for start in range(0, len(points) - 1, piece_length):
        piece = slice(start, start + piece_length + 1)
        ink.stroke(points[piece], float(widths[piece].mean()))
