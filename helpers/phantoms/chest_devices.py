"""Leads, lines, tubes and pacemakers on the chest x-ray phantom. Only the chest tube may depend on the label."""

import numpy as np

from helpers.phantoms.chest_picture import SIDES, BodyInk, ChestPicture
from helpers.phantoms.geometry import bezier, blob_outline

METAL_DENSITY = 0.42
ECG_SHARE, CENTRAL_LINE_SHARE, TRACHEAL_TUBE_SHARE, PACEMAKER_SHARE = 0.35, 0.25, 0.12, 0.08  # of photographs


def draw_devices(picture: ChestPicture, rng: np.random.Generator, *, tube: bool) -> np.ndarray:
    """Return the density of all devices; `tube` says whether there is a chest tube."""
    ink = BodyInk(picture.pose, picture.size)
    if rng.uniform() < ECG_SHARE:
        _draw_ecg_leads(ink, rng)
    if rng.uniform() < CENTRAL_LINE_SHARE:
        _draw_central_line(ink, rng)
    if rng.uniform() < TRACHEAL_TUBE_SHARE:
        ink.stroke(np.array([(0.01, -1.2), (0.0, rng.uniform(-0.45, -0.28))]), 0.026, 0.45)
    if rng.uniform() < PACEMAKER_SHARE:
        _draw_disc(ink, rng, (-0.55, -0.52), 0.085, 0.9)
        ink.stroke(bezier((-0.5, -0.5), (-0.2, -0.75), (-0.1, -0.2), (0.12, 0.3)), 0.014, 0.7)
    tube_path = _chest_tube_path(rng)
    if tube:
        ink.stroke(tube_path, 0.030, 0.5)
        ink.stroke(tube_path, 0.008, 0.95)
    return METAL_DENSITY * ink.values(blur=0.0012)


def _draw_ecg_leads(ink: BodyInk, rng: np.random.Generator) -> None:
    """Draw two or three electrodes, each with its wire."""
    for _ in range(rng.integers(2, 4)):
        electrode, away = rng.uniform((-0.55, -0.5), (0.55, 0.5)), rng.choice(SIDES) * rng.uniform(0.9, 1.2)
        bend = electrode + rng.normal(0, 0.25, 2)
        ink.stroke(bezier(electrode, bend, (away, rng.uniform(-0.9, 0.9))), 0.011, 0.45)
        _draw_disc(ink, rng, electrode, 0.028, 0.7)


def _draw_central_line(ink: BodyInk, rng: np.random.Generator) -> None:
    """Draw a catheter from one shoulder to the vena cava."""
    side = rng.choice(SIDES)
    tip = (-0.09, rng.uniform(-0.2, 0.1))
    ink.stroke(bezier((0.75 * side, -0.75), (0.3 * side, -0.72), (-0.09, -0.5), tip), 0.012, 0.4)


def _draw_disc(
    ink: BodyInk, rng: np.random.Generator, centre: np.ndarray | tuple[float, float], radius: float, opacity: float
) -> None:
    ink.fill(blob_outline(rng, np.asarray(centre), radius, wobble=0.0, stretch=1.05), opacity)


def _chest_tube_path(rng: np.random.Generator) -> np.ndarray:
    side, height = rng.choice(SIDES), rng.uniform(0.1, 0.4)
    return bezier(
        (1.0 * side, height),
        (0.70 * side, height - 0.08),
        (0.62 * side, -0.30),
        (0.30 * side, -0.5 + rng.uniform(-0.1, 0.2)),
    )
