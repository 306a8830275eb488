"""The signs of the dermatoscopy phantom: one function each paints it into the layers of a scene."""

import numpy as np

from helpers.phantoms.canvas import smooth_step, touched_pixels
from helpers.phantoms.dermatoscopy_classes import SIGNS
from helpers.phantoms.dermatoscopy_scene import LesionScene
from helpers.phantoms.geometry import blob_outline
from helpers.phantoms.ink import Ink

VISIBLE_CHANGE = 0.05  # a pixel belongs to a sign where the layers change by more than this


def paint_signs(scene: LesionScene) -> dict[str, np.ndarray]:
    """Paint the signs of the scene's lesion, and return {sign: mask}, bool (size, size)."""
    masks = {}
    for sign in SIGNS:
        if sign in scene.lesion.signs:
            before = scene.layers()
            SIGN_PAINTERS[sign](scene, scene.lesion.rng(sign))
            changes = [np.abs(new - old) for new, old in zip(scene.layers(), before, strict=True)]
            masks[sign] = touched_pixels(sum(changes), VISIBLE_CHANGE)
    return masks


def _network_lines(scene: LesionScene, rng: np.random.Generator) -> np.ndarray:
    """Return a pigment network, about 0..1: the sum of three cosine gratings with irregular phases."""
    period = rng.uniform(0.040, 0.062) / scene.pose.radius
    wander = 0.5 + 1.2 * scene.lesion.atypical
    turn = rng.uniform(0, np.pi)
    total = np.zeros_like(scene.inside)
    for k in range(3):
        angle = turn + k * np.pi / 3
        phase = 2 * np.pi / period * (np.cos(angle) * scene.u + np.sin(angle) * scene.v)
        total += np.cos(phase + wander * scene.noise(rng, 9))
    lines = smooth_step((1.1 - total) / 2.2)
    return lines * np.clip(1 + 0.35 * (1 + scene.lesion.atypical) * scene.noise(rng, 6), 0.1, 1.8)


def _network(scene: LesionScene, rng: np.random.Generator) -> None:
    lines = _network_lines(scene, rng)
    scene.melanin = scene.melanin * (0.55 + 0.75 * lines) + 0.22 * lines * scene.inside


def _globules(scene: LesionScene, rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=int(rng.integers(16, 40)), radius=(0.008, 0.013), reach=0.9)
    scene.melanin = scene.melanin + (0.7 + 0.3 * scene.lesion.quantities.melanin) * dots


def _veil(scene: LesionScene, rng: np.random.Generator) -> None:
    ink = Ink(scene.size)
    centre = scene.lesion.random_points(rng, 1, reach=0.45)[0]
    radius = rng.uniform(0.32, 0.55)
    ink.fill(scene.pose.to_picture(blob_outline(rng, centre, radius, wobble=0.3, stretch=1.8)))
    cloud = ink.values(blur=0.014) * np.clip(0.85 + 0.25 * scene.noise(rng, 8), 0, 1.2) * scene.inside
    scene.veil = scene.veil + rng.uniform(0.55, 0.95) * cloud
    scene.melanin = scene.melanin * (1 - 0.55 * cloud)
    scene.white = np.maximum(scene.white, 0.16 * cloud)


def _milia(scene: LesionScene, rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=int(rng.integers(7, 18)), radius=(0.010, 0.019), blur=0.003)
    scene.white = np.maximum(scene.white, 0.72 * dots)


def _comedones(scene: LesionScene, rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=int(rng.integers(5, 12)), radius=(0.008, 0.020), wobble=0.25, blur=0.002)
    scene.melanin = scene.melanin + 1.3 * dots
    scene.white = scene.white * (1 - dots)


def _nests(scene: LesionScene, rng: np.random.Generator) -> None:
    dots = scene.dots(
        rng, count=int(rng.integers(4, 10)), radius=(0.012, 0.035), reach=0.9, wobble=0.2, stretch=1.9, blur=0.004
    )
    scene.veil = scene.veil + 1.05 * dots
    scene.melanin = scene.melanin + 0.35 * dots


def _vessel_strokes(
    rng: np.random.Generator, start: np.ndarray, heading: float, length: float, width: float, *, levels: int = 3
) -> list[tuple[np.ndarray, float]]:
    """Return the strokes (points, width) of a vessel and its branches, which are thinner at every level."""
    steps = np.full(8, length / 8)
    headings = heading + np.cumsum(rng.normal(0, 0.28, size=8))
    path = start + np.cumsum(np.stack([steps * np.cos(headings), steps * np.sin(headings)], axis=-1), axis=0)
    path = np.vstack([start, path])
    strokes = [(path, width)]
    if levels > 1:
        for knot in rng.choice(np.arange(2, 8), size=rng.integers(1, 4), replace=False):
            turn = headings[knot - 1] + rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
            branch_length = length * rng.uniform(0.4, 0.7)
            strokes += _vessel_strokes(rng, path[knot], turn, branch_length, width * 0.65, levels=levels - 1)
    return strokes


def _vessels(scene: LesionScene, rng: np.random.Generator) -> None:
    ink = Ink(scene.size)
    for start in scene.lesion.random_points(rng, int(rng.integers(2, 5)), reach=1.0):
        inwards = np.arctan2(-start[1], -start[0]) + rng.normal(0, 0.6)
        for points, width in _vessel_strokes(rng, start, inwards, rng.uniform(0.7, 1.2), rng.uniform(0.009, 0.014)):
            ink.stroke(scene.pose.to_picture(points), width)
    scene.haemoglobin = scene.haemoglobin + 0.95 * ink.values(blur=0.0012)


def _scale(scene: LesionScene, rng: np.random.Generator) -> None:
    flakes = smooth_step((scene.noise(rng, 30) + 0.6 * scene.noise(rng, 12) - 0.6) / 1.1)
    ridges = 0.68 + 0.32 * np.tanh(2 * scene.noise(rng, 50))
    scene.white = np.maximum(scene.white, 0.8 * flakes * ridges * smooth_step(0.6 + scene.depth / 0.5))


def _follicles(scene: LesionScene, rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=int(rng.integers(25, 60)), radius=(0.007, 0.012), reach=0.95, blur=0.002)
    scene.haemoglobin = scene.haemoglobin * (1.25 - 0.9 * dots)
    scene.white = np.maximum(scene.white, 0.45 * dots)


def _lacunae(scene: LesionScene, rng: np.random.Generator) -> None:
    patch_ink, core_ink = Ink(scene.size), Ink(scene.size)
    for centre in scene.lesion.random_points(rng, int(rng.integers(5, 14)), reach=0.85):
        radius, depth = rng.uniform(0.14, 0.30), rng.uniform(0.55, 1.0)
        outline = blob_outline(rng, centre, radius, wobble=0.15, stretch=1.6)
        patch_ink.fill(scene.pose.to_picture(outline), depth)
        core_ink.fill(scene.pose.to_picture(centre + 0.55 * (outline - centre)), depth)
    patches, cores = patch_ink.values(blur=0.003), core_ink.values(blur=0.011)
    scene.haemoglobin = scene.haemoglobin + 0.75 * patches + 0.75 * cores
    scene.veil = scene.veil + rng.uniform(0.05, 0.7) * (0.35 * patches + cores)


def _scar(scene: LesionScene, rng: np.random.Generator) -> None:
    radius = rng.uniform(0.30, 0.55)
    distance = np.hypot(scene.u, scene.v) / radius + 0.12 * scene.noise(rng, 8)
    disc = smooth_step((1.35 - distance) / 0.7)
    scene.melanin, scene.haemoglobin = scene.melanin * (1 - 0.8 * disc), scene.haemoglobin * (1 - 0.6 * disc)
    streaks = 0.75 + 0.25 * np.tanh(scene.noise(rng, 30))
    scene.white = np.maximum(scene.white, rng.uniform(0.35, 0.62) * disc * streaks)


def _rim_network(scene: LesionScene, rng: np.random.Generator) -> None:
    ring = smooth_step((np.hypot(scene.u, scene.v) - 0.45) / 0.2) * scene.inside
    scene.melanin = scene.melanin * (1 - 0.4 * ring) + 0.55 * ring * _network_lines(scene, rng)


SIGN_PAINTERS = {
    "network": _network,
    "globules": _globules,
    "veil": _veil,
    "milia": _milia,
    "comedones": _comedones,
    "nests": _nests,
    "vessels": _vessels,
    "scale": _scale,
    "follicles": _follicles,
    "lacunae": _lacunae,
    "scar": _scar,
    "rim_network": _rim_network,
}
