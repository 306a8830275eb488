"""Drawing in the frame of the body.

x goes from -1 (left in the image, the patient's right) to 1, and y from -1 (top) to 1. A pose maps this frame into the
picture.
"""

from collections.abc import Iterable

import numpy as np

from helpers.phantoms.canvas import coordinates, smooth_step
from helpers.phantoms.geometry import Pose
from helpers.phantoms.ink import Ink

SIDES = (-1, 1)  # the patient's right side is on the left of the image

BodyStrokes = Iterable[tuple[np.ndarray, float]]  # points (n, 2) and width, in the body's frame


class BodyInk(Ink):
    """Ink whose points and widths are in the body's frame."""

    def __init__(self, pose: Pose, size: int):
        super().__init__(size)
        self._pose = pose

    def stroke(self, points: np.ndarray, width: float, opacity: float = 1.0) -> None:
        """Draw a line through points (n, 2)."""
        super().stroke(self._pose.to_picture(points), width * self._pose.radius, opacity)

    def fill(self, outline: np.ndarray, opacity: float = 1.0) -> None:
        """Fill a closed outline (n, 2)."""
        super().fill(self._pose.to_picture(outline), opacity)


class ChestPicture:
    """The canvas and the pose of a body; its methods return layers (2 * size, 2 * size).

    Attributes:
        pose: The pose of the body.
        size: Side of the picture in pixels.
        x, y: Coordinates in the body's frame, (2 * size, 2 * size).
    """

    def __init__(self, pose: Pose, size: int):
        self.pose, self.size = pose, size
        self.x, self.y = pose.to_object(*coordinates(size))

    def filled(self, outline: np.ndarray, blur: float) -> np.ndarray:
        """Return a filled outline (n, 2), 0..1, with a blurred edge."""
        ink = BodyInk(self.pose, self.size)
        ink.fill(outline)
        return ink.values(blur=blur)

    def lines(self, strokes: BodyStrokes, blur: float) -> np.ndarray:
        """Return lines, 0..1."""
        ink = BodyInk(self.pose, self.size)
        for points, width in strokes:
            ink.stroke(points, width)
        return ink.values(blur=blur)

    def ellipse(self, x: float, y: float, rx: float, ry: float, edge: float) -> np.ndarray:
        """Return a soft ellipse, 1 inside and 0 outside; `edge` is the width of its rim, as a share of its radius."""
        return smooth_step((1 + edge / 2 - np.hypot((self.x - x) / rx, (self.y - y) / ry)) / edge)
