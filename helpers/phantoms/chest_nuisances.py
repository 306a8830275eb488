"""What a chest x-ray shows besides pneumothorax, drawn without looking at the label."""

import numpy as np

from helpers.phantoms.chest_anatomy import SIDES, Body, Picture, pleural_line
from helpers.phantoms.drawing import Ink, bezier, blob_outline, coordinates, smooth_noise, smooth_step


def draw_findings(
    body: Body, picture: Picture, rng: np.random.Generator, inside: list[np.ndarray], ambiguity: float
) -> np.ndarray:
    """Return the density of other findings inside the lungs (`inside`: one layer a lung).

    What resembles one half of a pneumothorax, lucency or a line alone, is the more frequent the higher `ambiguity`.
    """
    density = np.zeros_like(picture.x)
    if rng.uniform() < 0.45:
        kind, number = rng.choice(["effusion", "consolidation", "nodule"]), rng.integers(2)
        lung, side = inside[number], SIDES[number]
        if kind == "effusion":
            level = rng.uniform(0.12, 0.36) - 0.22 * np.abs(picture.x - 0.2 * side) ** 2
            density += lung * rng.uniform(0.14, 0.26) * smooth_step((picture.y - level) / 0.08)
        elif kind == "consolidation":
            x, y = side * rng.uniform(0.25, 0.45), rng.uniform(-0.35, 0.3)
            cloud = picture.ellipse(x, y, rng.uniform(0.12, 0.22), rng.uniform(0.10, 0.18), 1.4)
            patches = 1 + 0.35 * smooth_noise(rng, size=picture.size, lattice=16)
            density += lung * rng.uniform(0.10, 0.2) * cloud * patches
        else:
            for _ in range(rng.integers(1, 4)):
                r = rng.uniform(0.02, 0.055)
                place = side * rng.uniform(0.22, 0.5), rng.uniform(-0.4, 0.3)
                density += lung * rng.uniform(0.07, 0.14) * picture.ellipse(*place, r, r, 0.6)
    for lung, tissue in zip(body.lungs, inside, strict=True):  # lucency, or thick pleura, without a pleural line
        rest = picture.filled(lung.collapsed(rng.uniform(0.08, 0.4), 0.0), 0.012)
        if rng.uniform() < 2 * ambiguity:
            density += rng.uniform(-0.12, 0.06) * tissue * (1 - rest)
        if rng.uniform() < ambiguity:  # a line like a pleural one, but with lung on both sides of it: a fold of skin
            outline = lung.collapsed(rng.uniform(0.08, 0.36), 0.0)
            density += rng.uniform(0.05, 0.10) * tissue * pleural_line(picture, lung, outline)
    if rng.uniform() < 0.25:  # a coarse fold: an edge that runs on beyond the lung
        side, x = rng.choice(SIDES), rng.uniform(0.35, 0.62)
        fold = bezier(
            (side * x, -0.9), (side * (x + rng.normal(0, 0.06)), -0.1), (side * (x + rng.normal(0.05, 0.05)), 0.8)
        )
        density += 0.05 * picture.lines([(fold, 0.05)], 0.012)
    return density


def draw_devices(picture: Picture, rng: np.random.Generator, *, tube: bool) -> np.ndarray:
    """Return the density of leads, lines, tubes and a pacemaker; `tube` says whether there is a chest tube."""
    ink = Ink(picture.size)

    def line(points, width: float, opacity: float) -> None:
        ink.stroke(picture.pose.to_picture(points), width * picture.pose.radius, opacity)

    def spot(place, radius: float, opacity: float) -> None:
        ink.blob(
            picture.pose.to_picture(blob_outline(rng, np.asarray(place), radius, wobble=0.0, stretch=1.05)), opacity
        )

    if rng.uniform() < 0.35:
        for _ in range(rng.integers(2, 4)):
            pad, away = rng.uniform((-0.55, -0.5), (0.55, 0.5)), rng.choice(SIDES) * rng.uniform(0.9, 1.2)
            line(bezier(pad, pad + rng.normal(0, 0.25, 2), (away, rng.uniform(-0.9, 0.9))), 0.011, 0.45)
            spot(pad, 0.028, 0.7)
    if rng.uniform() < 0.25:
        side = rng.choice(SIDES)
        line(
            bezier((0.75 * side, -0.75), (0.3 * side, -0.72), (-0.09, -0.5), (-0.09, rng.uniform(-0.2, 0.1))),
            0.012,
            0.4,
        )
    if rng.uniform() < 0.12:
        line(np.array([(0.01, -1.2), (0.0, rng.uniform(-0.45, -0.28))]), 0.026, 0.45)
    if rng.uniform() < 0.08:
        spot((-0.55, -0.52), 0.085, 0.9)
        line(bezier((-0.5, -0.5), (-0.2, -0.75), (-0.1, -0.2), (0.12, 0.3)), 0.014, 0.7)
    side, height = rng.choice(SIDES), rng.uniform(0.1, 0.4)
    path = bezier(
        (1.0 * side, height),
        (0.70 * side, height - 0.08),
        (0.62 * side, -0.30),
        (0.30 * side, -0.5 + rng.uniform(-0.1, 0.2)),
    )
    if tube:
        line(path, 0.030, 0.5)
        line(path, 0.008, 0.95)
    return 0.42 * ink.values(blur=0.0012)


def expose(density: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Turn density into a picture in 0..1: a soft shoulder, gamma, gain, marker, collimation."""
    shoulder = 0.62
    over = np.clip(density - shoulder, 0, None)
    picture = np.minimum(density, shoulder) + 0.36 * (1 - np.exp(-over / 0.36))
    picture = np.clip(picture * rng.uniform(0.98, 1.20) + rng.uniform(-0.02, 0.05), 0, 1) ** rng.uniform(0.85, 1.15)
    marker = Ink(size)
    if rng.uniform() < 0.7:
        place, r = rng.uniform((0.86, 0.05), (0.95, 0.25)), 0.012
        marker.stroke(place + r * np.array([(-0.5, -1), (-0.5, 1), (0.6, 1)]), 0.006)
    picture = np.maximum(picture, 0.92 * marker.values())
    if rng.uniform() < 0.25:
        x, y = coordinates(size)
        edge = rng.uniform(0.0, 0.05, 4)
        picture = picture * ((x > edge[0]) & (x < 1 - edge[1]) & (y > edge[2]) & (y < 1 - edge[3]))
    return picture
