"""Curves, outlines, and the pose of an object in the picture."""

import math
from dataclasses import dataclass

import numpy as np


def bezier(*points, steps: int = 24) -> np.ndarray:
    """Return points (steps, 2) along the Bézier curve with these two to four control points."""
    t = np.linspace(0, 1, steps)[:, None]
    n = len(points) - 1
    return sum(math.comb(n, k) * t**k * (1 - t) ** (n - k) * np.asarray(point) for k, point in enumerate(points))


def blob_outline(
    rng: np.random.Generator, centre: np.ndarray, radius: float, *, wobble: float = 0.12, stretch: float = 1.3
) -> np.ndarray:
    """Return a slightly irregular ellipse around `centre`: a closed outline (24, 2) of mean radius `radius`.

    Args:
        rng: Random generator.
        centre: x and y.
        radius: In the same units as `centre`.
        wobble: Standard deviation of the irregularity, as a share of the radius.
        stretch: Largest ratio of the two axes.
    """
    theta = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    r = 1 + wobble * sum(rng.normal() / k * np.cos(k * theta + rng.uniform(0, 6.3)) for k in (2, 3, 4))
    ratio = np.sqrt(rng.uniform(1.0, stretch))
    turn = rng.uniform(0, np.pi)
    a, b = radius * r * ratio * np.cos(theta), radius * r / ratio * np.sin(theta)
    rotated = [np.cos(turn) * a - np.sin(turn) * b, np.sin(turn) * a + np.cos(turn) * b]
    return np.asarray(centre) + np.stack(rotated, axis=-1)


@dataclass(frozen=True)
class Pose:
    """Where an object is in the picture. In the object's own frame its centre is (0, 0) and its radius 1.

    Attributes:
        x, y: The centre, from 0 (left, top) to 1.
        radius: The object's radius in picture widths.
        angle: Rotation, in radians.
        flip: -1 mirrors the object, 1 does not.
    """

    x: float = 0.5
    y: float = 0.5
    radius: float = 0.5
    angle: float = 0.0
    flip: int = 1

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 2) from the object's frame to the picture."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        u, v = points[..., 0] * self.flip, points[..., 1]
        turned = np.stack([c * u - s * v, s * u + c * v], axis=-1)
        return turned * self.radius + (self.x, self.y)

    def to_object(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Map x and y in the picture to the object's frame."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        dx, dy = (x - self.x) / self.radius, (y - self.y) / self.radius
        return self.flip * (c * dx + s * dy), -s * dx + c * dy
