"""The signs of diabetic retinopathy: one function each paints it into a scene and returns its layer."""

from collections.abc import Mapping

import numpy as np

from helpers.phantoms.fundus_grades import SIGNS
from helpers.phantoms.fundus_scene import RetinaScene
from helpers.phantoms.fundus_vessels import draw_beaded_vessels
from helpers.phantoms.geometry import bezier, blob_outline
from helpers.phantoms.ink import Ink

RETINA_SIGNS = 1  # key of the eye's random generator; the next key is the number of the sign


def paint_signs(scene: RetinaScene, counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Paint signs into a scene, and return {sign: layer}, each (2 * size, 2 * size), 0..1."""
    layers = {}
    for number, sign in enumerate(SIGNS):
        if sign in counts:
            rng = scene.eye.rng(RETINA_SIGNS, number)
            layers[sign] = SIGN_PAINTERS[sign](scene, rng, counts[sign])
    return layers


def _random_points(
    scene: RetinaScene, rng: np.random.Generator, count: int, *, centre: np.ndarray, spread: float
) -> np.ndarray:
    """Return points (count, 2) on the retina, normally distributed around `centre`, outside disc and fovea."""
    eye = scene.eye
    points: list[np.ndarray] = []
    while len(points) < count:
        point = rng.normal(centre, spread)
        is_in_view = np.hypot(*(point - 0.5)) < 0.9 * eye.radius and abs(point[1] - 0.5) < eye.cut - 0.03
        is_off_disc = np.hypot(*(point - eye.disc)) > 1.5 * eye.disc_radius
        if is_in_view and is_off_disc and np.hypot(*(point - eye.fovea)) > 0.03:
            points.append(point)
    return np.array(points).reshape(-1, 2)


def _dots(
    scene: RetinaScene,
    rng: np.random.Generator,
    points: np.ndarray,
    radius: tuple[float, float],
    *,
    wobble: float = 0.1,
    stretch: float = 1.3,
) -> Ink:
    """Return irregular dots of `radius` (low, high; in picture widths) at points (n, 2)."""
    ink = Ink(scene.size)
    for point in points:
        outline = blob_outline(rng, point, rng.uniform(*radius), wobble=wobble, stretch=stretch)
        ink.fill(outline, rng.uniform(0.8, 1.0))
    return ink


def _microaneurysms(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    points = _random_points(scene, rng, count, centre=scene.eye.fovea, spread=0.15)
    layer = _dots(scene, rng, points, (0.0035, 0.006)).values(blur=0.0008)
    scene.blood = scene.blood + 1.15 * layer
    return layer


def _haemorrhages(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    points = _random_points(scene, rng, count, centre=scene.eye.fovea, spread=0.2)
    is_flame = rng.uniform(size=count) < 0.4
    ink = _dots(scene, rng, points[~is_flame], (0.006, 0.016), wobble=0.3, stretch=1.7)
    for point in points[is_flame]:
        _draw_flame(ink, scene, rng, point)
    layer = ink.values(blur=0.0018)
    scene.blood = scene.blood + 1.05 * layer
    return layer


def _draw_flame(ink: Ink, scene: RetinaScene, rng: np.random.Generator, point: np.ndarray) -> None:
    """Draw a flame-shaped haemorrhage: seven strokes along the nerve fibres, which lead away from the disc."""
    length, ahead = rng.uniform(0.010, 0.026), (point - scene.eye.disc) / np.linalg.norm(point - scene.eye.disc)
    across = np.array([-ahead[1], ahead[0]])
    for shift in np.linspace(-0.28, 0.28, 7):
        middle = point + length * (shift * across + rng.normal(0, 0.15) * ahead)
        reach = length * rng.uniform(0.5, 1.0) * (1 - 6 * shift**2)
        ink.stroke(np.array([middle - reach * ahead, middle + reach * ahead]), 0.1 * length, rng.uniform(0.6, 1.0))


def _exudates(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    centres = _random_points(scene, rng, 1 + count // 14, centre=scene.eye.fovea, spread=0.13)
    clusters = centres[rng.integers(0, len(centres), count)]
    points = np.concatenate([_random_points(scene, rng, 1, centre=centre, spread=0.03) for centre in clusters])
    layer = _dots(scene, rng, points, (0.003, 0.009), wobble=0.3, stretch=1.6).values(blur=0.0010)
    scene.lipid = np.maximum(scene.lipid, 0.85 * layer)
    return layer


def _cotton_wool(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    points = _random_points(scene, rng, count, centre=scene.eye.disc, spread=0.17)
    layer = _dots(scene, rng, points, (0.010, 0.018), wobble=0.35, stretch=1.9).values(blur=0.005)
    scene.wool = np.maximum(scene.wool, 0.72 * layer)
    return layer


def _new_vessels(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    """Paint tangles of thin vessels, on the disc or around it."""
    ink = Ink(scene.size)
    for _ in range(count):
        on_disc = rng.uniform() < 0.5
        disc = scene.eye.disc
        root = disc if on_disc else _random_points(scene, rng, 1, centre=disc, spread=0.16)[0]
        for _ in range(rng.integers(11, 18)):
            reach = rng.normal(0, 0.048, (3, 2))
            ink.stroke(root + bezier((0, 0), reach[0], reach[1], reach[2], steps=12), 0.0036, 0.9)
    layer = ink.values(blur=0.0010)
    scene.blood = scene.blood + 1.1 * layer
    return layer


def _boat_haemorrhage(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    """Paint blood in front of the retina, with a level upper edge and a round lower one."""
    ink = Ink(scene.size)
    for point in _random_points(scene, rng, count, centre=scene.eye.fovea, spread=0.15):
        theta, width = np.linspace(0, np.pi, 20), rng.uniform(0.04, 0.075)
        ink.fill(point + np.stack([width * np.cos(theta), rng.uniform(0.5, 0.8) * width * np.sin(theta)], axis=-1))
    layer = ink.values(blur=0.0022)
    scene.blood = scene.blood + 1.5 * layer
    return layer


def _venous_beading(scene: RetinaScene, rng: np.random.Generator, count: int) -> np.ndarray:
    """Paint the veins anew; `count` is always 1."""
    healthy = scene.veins
    scene.veins = draw_beaded_vessels(scene.eye.veins, scene.size, rng)
    return np.abs(scene.veins - healthy)


SIGN_PAINTERS = {
    "microaneurysms": _microaneurysms,
    "haemorrhages": _haemorrhages,
    "exudates": _exudates,
    "cotton_wool": _cotton_wool,
    "new_vessels": _new_vessels,
    "boat_haemorrhage": _boat_haemorrhage,
    "venous_beading": _venous_beading,
}
