"""The body of the chest x-ray phantom without lungs, as layers of density: more density is brighter."""

import numpy as np

from helpers.phantoms.canvas import smooth_step
from helpers.phantoms.chest_body import Body
from helpers.phantoms.chest_picture import SIDES, ChestPicture
from helpers.phantoms.geometry import bezier


def draw_silhouette(body: Body, picture: ChestPicture) -> np.ndarray:
    """Return 1 inside the body and 0 outside."""
    half = np.array(
        [(0.0, -1.6), (body.neck, -1.6), (body.neck, -0.92), (body.neck + 0.06, -0.82), (0.62 * body.shoulders, -0.70)]
        + [(0.96 * body.shoulders, -0.60), (1.06 * body.shoulders, -0.36), (1.02 * body.shoulders, -0.02)]
        + [(0.90 * body.waist, 0.10), (0.88 * body.waist, 0.55), (0.94 * body.waist, 1.6), (0.0, 1.6)]
    )
    return picture.filled(_rounded(np.concatenate([half, half[::-1] * (-1, 1)])), 0.008)


def _rounded(corners: np.ndarray) -> np.ndarray:
    """Return a closed outline with its corners cut four times (Chaikin's algorithm)."""
    for _ in range(4):
        following = np.roll(corners, -1, axis=0)
        cut = [0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following]
        corners = np.stack(cut, axis=1).reshape(-1, 2)
    return corners


def draw_trunk(body: Body, picture: ChestPicture, silhouette: np.ndarray) -> np.ndarray:
    """Return the density of soft tissue, spine, mediastinum, heart, trachea and abdomen."""
    x, y = picture.x, picture.y
    density = silhouette * (0.50 + 0.05 * smooth_step((y + 0.7) / 1.6))
    density += 0.16 * silhouette * smooth_step((y - 0.22) / 0.35)  # abdomen
    spine = np.exp(-((x / 0.105) ** 4))
    density += silhouette * spine * (0.14 + 0.02 * np.cos(2 * np.pi * y / 0.115))
    density += 0.09 * silhouette * np.exp(-((x / 0.17) ** 4)) * smooth_step((y + 0.75) / 0.5)  # mediastinum
    heart = picture.ellipse(body.heart_x, 0.23, body.heart_size + 0.03, body.heart_size, 0.30)
    aortic_knob = picture.ellipse(0.10, -0.34, 0.09, 0.10, 0.9)
    density += 0.17 * heart + 0.08 * aortic_knob
    for side in SIDES:
        density += 0.06 * picture.ellipse(0.17 * side, -0.10, 0.07, 0.15, 1.2)  # hilum
    density -= 0.10 * np.exp(-((x / 0.040) ** 2)) * smooth_step((-0.18 - y) / 0.15) * silhouette  # trachea
    if body.has_stomach_bubble:
        density -= 0.12 * picture.ellipse(0.36, 0.72, 0.16, 0.09, 0.5)
    return density


def draw_bones(body: Body, picture: ChestPicture) -> np.ndarray:
    """Return the density of ribs, clavicles and scapulae."""
    posterior = [path for side in SIDES for path in _posterior_ribs(body, side)]
    anterior = [path for side in SIDES for path in _anterior_ribs(side)]
    clavicles = [
        bezier((0.08 * side, -0.56), (0.25 * side, -0.66), (0.45 * side, -0.58), (0.80 * side, -0.72), steps=20)
        for side in SIDES
    ]
    edges = [path + (0, shift) for path in posterior for shift in (-0.024, 0.024)]
    density = body.rib_density * (_bars(picture, posterior, 0.050, 0.003) + 1.1 * _bars(picture, edges, 0.007, 0.0018))
    front = 0.55 * body.rib_density * _bars(picture, anterior, 0.046, 0.004)
    density += front + 0.055 * _bars(picture, clavicles, 0.055, 0.003)
    for side in SIDES:
        scapula = np.array([(0.62, -0.62), (0.92, -0.55), (0.78, -0.30), (0.70, 0.0), (0.60, -0.30)]) * (side, 1)
        shoulder_joint = picture.ellipse(0.95 * side, -0.55, 0.10, 0.10, 0.6)
        density += 0.05 * picture.filled(scapula, 0.006) + 0.05 * shoulder_joint
    return density


def _bars(picture: ChestPicture, paths: list[np.ndarray], width: float, blur: float) -> np.ndarray:
    """Return lines of one width along the paths."""
    return picture.lines([(path, width) for path in paths], blur)


def _posterior_ribs(body: Body, side: int) -> list[np.ndarray]:
    paths = []
    for number in range(10):
        y = -0.70 + 0.118 * number
        reach = 0.40 + 0.34 * np.sin(np.pi * min(1.0, (number + 1.5) / 8.5) / 2)
        slope = body.rib_slope * (0.5 + 0.07 * number)
        path = bezier((0.09, y), (0.30, y - 0.075), (reach, y - 0.02), (reach + 0.03, y + slope), steps=20)
        paths.append(path * (side, 1))
    return paths


def _anterior_ribs(side: int) -> list[np.ndarray]:
    paths = []
    for number in range(7):
        y = -0.42 + 0.13 * number
        path = bezier((0.70, y - 0.12), (0.62, y + 0.05), (0.42, y + 0.10), (0.26, y + 0.02), steps=16)
        paths.append(path * (side, 1))
    return paths
