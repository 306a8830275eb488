"""The signs of diabetic retinopathy, each painted from a random stream of its own."""

from typing import TYPE_CHECKING

import numpy as np

from helpers.phantoms.drawing import Ink, bezier, blob_outline

if TYPE_CHECKING:
    from helpers.phantoms.fundus import Scene


def _near(rng: np.random.Generator, scene: "Scene", count: int, *, centre=None, spread: float = 0.2) -> np.ndarray:
    """Return points (count, 2) on the retina: spread around `centre` (default the fovea), off disc and fovea."""
    eye, points = scene.eye, []
    centre = eye.fovea if centre is None else centre
    while len(points) < count:
        point = rng.normal(centre, spread)
        inside = np.hypot(*(point - 0.5)) < 0.9 * eye.radius and abs(point[1] - 0.5) < eye.cut - 0.03
        if inside and np.hypot(*(point - eye.disc)) > 1.5 * eye.disc_radius and np.hypot(*(point - eye.fovea)) > 0.03:
            points.append(point)
    return np.array(points).reshape(-1, 2)


def _dots(scene, rng, points, radius, *, wobble=0.1, stretch=1.3, opacity=(0.8, 1.0)) -> Ink:
    ink = Ink(scene.size)
    for point in points:
        outline = blob_outline(rng, point, rng.uniform(*radius), wobble=wobble, stretch=stretch)
        ink.blob(outline, rng.uniform(*opacity))
    return ink


def _microaneurysms(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    layer = _dots(scene, rng, _near(rng, scene, count, spread=0.15), (0.0035, 0.006)).values(blur=0.0008)
    scene.blood = scene.blood + 1.15 * layer
    return layer


def _haemorrhages(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    points = _near(rng, scene, count)
    flames = rng.uniform(size=count) < 0.4
    ink = _dots(scene, rng, points[~flames], (0.006, 0.016), wobble=0.3, stretch=1.7)
    for point in points[flames]:  # along the nerve fibres, that is away from the disc
        length, ahead = rng.uniform(0.010, 0.026), (point - scene.eye.disc) / np.linalg.norm(point - scene.eye.disc)
        across = np.array([-ahead[1], ahead[0]])
        for shift in np.linspace(-0.28, 0.28, 7):
            middle = point + length * (shift * across + rng.normal(0, 0.15) * ahead)
            reach = length * rng.uniform(0.5, 1.0) * (1 - 6 * shift**2)
            ink.stroke(np.array([middle - reach * ahead, middle + reach * ahead]), 0.1 * length, rng.uniform(0.6, 1.0))
    layer = ink.values(blur=0.0018)
    scene.blood = scene.blood + 1.05 * layer
    return layer


def _exudates(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    clusters = _near(rng, scene, 1 + count // 14, spread=0.13)
    points = np.concatenate(
        [_near(rng, scene, 1, centre=c, spread=0.03) for c in clusters[rng.integers(0, len(clusters), count)]]
    )
    layer = _dots(scene, rng, points, (0.003, 0.009), wobble=0.3, stretch=1.6).values(blur=0.0010)
    scene.lipid = np.maximum(scene.lipid, 0.85 * layer)
    return layer


def _cotton_wool(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    points = _near(rng, scene, count, centre=scene.eye.disc, spread=0.17)
    layer = _dots(scene, rng, points, (0.010, 0.018), wobble=0.35, stretch=1.9).values(blur=0.005)
    scene.wool = np.maximum(scene.wool, 0.72 * layer)
    return layer


def _new_vessels(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    ink = Ink(scene.size)
    for _ in range(count):  # a tangle on the disc or along an arcade
        on_disc = rng.uniform() < 0.5
        root = scene.eye.disc if on_disc else _near(rng, scene, 1, centre=scene.eye.disc, spread=0.16)[0]
        for _ in range(rng.integers(11, 18)):
            reach = rng.normal(0, 0.048, (3, 2))
            ink.stroke(root + bezier((0, 0), reach[0], reach[1], reach[2], steps=12), 0.0036, 0.9)
    layer = ink.values(blur=0.0010)
    scene.blood = scene.blood + 1.1 * layer
    return layer


def _boat_haemorrhage(scene: "Scene", rng: np.random.Generator, count: int) -> np.ndarray:
    ink = Ink(scene.size)
    for point in _near(rng, scene, count, spread=0.15):  # blood in front of the retina: level above, round below
        theta, width = np.linspace(0, np.pi, 20), rng.uniform(0.04, 0.075)
        ink.blob(point + np.stack([width * np.cos(theta), rng.uniform(0.5, 0.8) * width * np.sin(theta)], axis=-1))
    layer = ink.values(blur=0.0022)
    scene.blood = scene.blood + 1.5 * layer
    return layer


PAINTERS = {
    "microaneurysms": _microaneurysms,
    "haemorrhages": _haemorrhages,
    "exudates": _exudates,
    "cotton_wool": _cotton_wool,
    "new_vessels": _new_vessels,
    "boat_haemorrhage": _boat_haemorrhage,
}
