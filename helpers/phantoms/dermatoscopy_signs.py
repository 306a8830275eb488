"""How each sign of the dermatoscopy phantom is painted into a scene. Each draws from a random stream of its own."""

from typing import TYPE_CHECKING

import numpy as np

from helpers.phantoms.drawing import Ink, blob_outline, smooth_step, tree

if TYPE_CHECKING:
    from helpers.phantoms.dermatoscopy import Scene


def _lattice_of_lines(scene: "Scene", rng: np.random.Generator) -> np.ndarray:
    """Return a pigment network in 0..1: three crossed cosines whose phases wander."""
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


def _network(scene: "Scene", rng: np.random.Generator) -> None:
    lines = _lattice_of_lines(scene, rng)
    scene.melanin = scene.melanin * (0.55 + 0.75 * lines) + 0.22 * lines * scene.inside


def _globules(scene: "Scene", rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=rng.integers(16, 40), radius=(0.008, 0.013), reach=0.9)
    scene.melanin = scene.melanin + (0.7 + 0.3 * scene.lesion.quantities.melanin) * dots


def _veil(scene: "Scene", rng: np.random.Generator) -> None:
    ink = Ink(scene.size)
    place = scene.lesion.places(rng, 1, reach=0.45)[0]
    radius = rng.uniform(0.32, 0.55)
    ink.blob(scene.pose.to_picture(blob_outline(rng, place, radius, wobble=0.3, stretch=1.8)))
    cloud = ink.values(blur=0.014) * np.clip(0.85 + 0.25 * scene.noise(rng, 8), 0, 1.2) * scene.inside
    scene.veil = scene.veil + rng.uniform(0.55, 0.95) * cloud
    scene.melanin = scene.melanin * (1 - 0.55 * cloud)
    scene.white = np.maximum(scene.white, 0.16 * cloud)


def _milia(scene: "Scene", rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=rng.integers(7, 18), radius=(0.010, 0.019), blur=0.003)
    scene.white = np.maximum(scene.white, 0.72 * dots)


def _comedones(scene: "Scene", rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=rng.integers(5, 12), radius=(0.008, 0.020), wobble=0.25, blur=0.002)
    scene.melanin = scene.melanin + 1.3 * dots
    scene.white = scene.white * (1 - dots)


def _nests(scene: "Scene", rng: np.random.Generator) -> None:
    dots = scene.dots(
        rng, count=rng.integers(4, 10), radius=(0.012, 0.035), reach=0.9, wobble=0.2, stretch=1.9, blur=0.004
    )
    scene.veil = scene.veil + 1.05 * dots
    scene.melanin = scene.melanin + 0.35 * dots


def _vessels(scene: "Scene", rng: np.random.Generator) -> None:
    ink = Ink(scene.size)
    for start in scene.lesion.places(rng, rng.integers(2, 5), reach=1.0):
        inwards = np.arctan2(-start[1], -start[0]) + rng.normal(0, 0.6)
        for points, width in tree(rng, start, inwards, rng.uniform(0.7, 1.2), rng.uniform(0.009, 0.014)):
            ink.stroke(scene.pose.to_picture(points), width)
    scene.haemoglobin = scene.haemoglobin + 0.95 * ink.values(blur=0.0012)


def _scale(scene: "Scene", rng: np.random.Generator) -> None:
    flakes = smooth_step((scene.noise(rng, 30) + 0.6 * scene.noise(rng, 12) - 0.6) / 1.1)
    ridges = 0.68 + 0.32 * np.tanh(2 * scene.noise(rng, 50))
    scene.white = np.maximum(scene.white, 0.8 * flakes * ridges * smooth_step(0.6 + scene.depth / 0.5))


def _follicles(scene: "Scene", rng: np.random.Generator) -> None:
    dots = scene.dots(rng, count=rng.integers(25, 60), radius=(0.007, 0.012), reach=0.95, blur=0.002)
    scene.haemoglobin = scene.haemoglobin * (1.25 - 0.9 * dots)
    scene.white = np.maximum(scene.white, 0.45 * dots)


def _lacunae(scene: "Scene", rng: np.random.Generator) -> None:
    fill, core = Ink(scene.size), Ink(scene.size)
    for place in scene.lesion.places(rng, rng.integers(5, 14), reach=0.85):
        radius, depth = rng.uniform(0.14, 0.30), rng.uniform(0.55, 1.0)
        outline = blob_outline(rng, place, radius, wobble=0.15, stretch=1.6)
        fill.blob(scene.pose.to_picture(outline), depth)
        core.blob(scene.pose.to_picture(place + 0.55 * (outline - place)), depth)
    filled, cores = fill.values(blur=0.003), core.values(blur=0.011)
    scene.haemoglobin = scene.haemoglobin + 0.75 * filled + 0.75 * cores
    scene.veil = scene.veil + rng.uniform(0.05, 0.7) * (0.35 * filled + cores)


def _scar(scene: "Scene", rng: np.random.Generator) -> None:
    radius = rng.uniform(0.30, 0.55)
    distance = np.hypot(scene.u, scene.v) / radius + 0.12 * scene.noise(rng, 8)
    disc = smooth_step((1.35 - distance) / 0.7)
    scene.melanin, scene.haemoglobin = scene.melanin * (1 - 0.8 * disc), scene.haemoglobin * (1 - 0.6 * disc)
    streaks = 0.75 + 0.25 * np.tanh(scene.noise(rng, 30))
    scene.white = np.maximum(scene.white, rng.uniform(0.35, 0.62) * disc * streaks)


def _rim_network(scene: "Scene", rng: np.random.Generator) -> None:
    ring = smooth_step((np.hypot(scene.u, scene.v) - 0.45) / 0.2) * scene.inside
    scene.melanin = scene.melanin * (1 - 0.4 * ring) + 0.55 * ring * _lattice_of_lines(scene, rng)


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
