"""The outline of a lung, how it collapses, and the pleural line along its edge."""

from dataclasses import dataclass

import numpy as np

from helpers.phantoms.canvas import smooth_step
from helpers.phantoms.chest_picture import ChestPicture
from helpers.phantoms.geometry import bezier

MEDIASTINUM_POINTS, DIAPHRAGM_POINTS, WALL_POINTS = 30, 24, 46  # of the three parts of an outline
MOBILE_SHARE = 0.2  # the pleural line is drawn where the outline moves by more than this share

LINE_WIDTH = 0.0055  # of the pleural line, in picture widths, from FULL_DETAIL pixels on
SMALL_PICTURE, FULL_DETAIL = 64, 224  # pixels; in a small picture, the line is 1.8 times as wide


@dataclass(frozen=True)
class Lung:
    """One lung, in the body's frame.

    Attributes:
        outline: (n, 2), closed: down along the mediastinum, along the diaphragm, and up along the chest wall.
        hilum: The point (2,) that a collapse moves the outline to.
        mobility: (n,), how far a collapse moves each point: from 0 along the mediastinum to 1 at the apex.
        side: -1 for the patient's right lung, 1 for the left one.
    """

    outline: np.ndarray
    hilum: np.ndarray
    mobility: np.ndarray
    side: int

    def collapsed(self, severity: float, ripple: np.ndarray | float) -> np.ndarray:
        """Return the outline (n, 2) after a collapse.

        Args:
            severity: How far the most mobile point moves, as a share (0 to 1) of its distance from the hilum.
            ripple: Unevenness of the movement, as a share of it: one number, or one for each point.
        """
        return self.outline + (severity * self.mobility * (1 + ripple))[:, None] * (self.hilum - self.outline)


def make_lung(rng: np.random.Generator, side: int) -> Lung:
    """Choose one lung at random; `side` is -1 or 1."""
    apex = np.array([0.27 + rng.normal(0, 0.015), -0.66 + rng.normal(0, 0.02)])
    notch = 0.12 if side < 0 else 0.16  # the heart needs more space on the patient's left
    base = 0.42 + rng.normal(0, 0.03) + (0.0 if side < 0 else 0.03)
    inner = np.array([notch + rng.normal(0, 0.01), base + rng.uniform(-0.02, 0.03)])
    corner = np.array([0.68 + rng.normal(0, 0.025), base + rng.uniform(0.08, 0.16)])
    dome = np.array([0.38, base - rng.uniform(0.13, 0.22)])
    mediastinum = bezier(apex, (0.11, -0.60), (0.13, 0.0), inner, steps=MEDIASTINUM_POINTS)
    diaphragm = bezier(inner, dome, corner - (0.08, 0.10), corner, steps=DIAPHRAGM_POINTS)
    wall = bezier(corner, (0.74, -0.02), (0.56, -0.72), apex, steps=WALL_POINTS)
    outline = np.concatenate([mediastinum, diaphragm[1:], wall[1:-1]])
    hilum = np.array([0.16, -0.10 + rng.normal(0, 0.02)])
    return Lung(outline * (side, 1), hilum * (side, 1), _mobility(), side)


def _mobility() -> np.ndarray:
    along_diaphragm, along_wall = np.linspace(0, 1, DIAPHRAGM_POINTS - 1), np.linspace(0, 1, WALL_POINTS - 2)
    mediastinum = smooth_step(np.linspace(1, -3, MEDIASTINUM_POINTS)) * 0.9
    diaphragm = 0.45 * smooth_step(along_diaphragm * 1.2 - 0.2)
    wall = 0.45 + 0.55 * smooth_step(along_wall * 1.6)
    return np.concatenate([mediastinum, diaphragm, wall]).astype(np.float32)


def pleural_line(picture: ChestPicture, lung: Lung, outline: np.ndarray) -> np.ndarray:
    """Return a layer with the thin line, 0..1, along the free edge of a lung that has collapsed to `outline`."""
    smallness = float(smooth_step(np.asarray((FULL_DETAIL - picture.size) / (FULL_DETAIL - SMALL_PICTURE), np.float32)))
    width = LINE_WIDTH * (1 + 0.8 * smallness) / picture.pose.radius
    from_diaphragm = np.roll(np.arange(len(outline)), -MEDIASTINUM_POINTS)  # then up the wall to the apex, and down
    free = from_diaphragm[lung.mobility[from_diaphragm] > MOBILE_SHARE]
    return picture.lines([(outline[free], width)], 0.0010)
