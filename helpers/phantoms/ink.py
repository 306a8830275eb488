"""Ink: lines and filled outlines on a layer of their own."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from helpers.phantoms.canvas import OVERSAMPLING

SMALLEST_OUTLINE = 1.2  # pixels of the canvas; a smaller outline is drawn as one pixel


class Ink:
    """A grey layer, 0 to 1, on which lines and outlines are drawn in coordinates of the picture (0..1).

    A shape thinner than a pixel is drawn one pixel wide, and fainter instead.
    """

    def __init__(self, size: int):
        self._pixels = OVERSAMPLING * size
        self._image = Image.new("L", (self._pixels, self._pixels))
        self._draw = ImageDraw.Draw(self._image)

    def stroke(self, points: np.ndarray, width: float, opacity: float = 1.0) -> None:
        """Draw a line through points (n, 2); `width` is in picture widths."""
        pixels = width * self._pixels
        grey = round(255 * opacity * min(1.0, pixels))
        xy = [tuple(point) for point in np.asarray(points) * self._pixels]
        self._draw.line(xy, fill=grey, width=max(1, round(pixels)), joint="curve")

    def fill(self, outline: np.ndarray, opacity: float = 1.0) -> None:
        """Fill a closed outline (n, 2). One smaller than a pixel becomes a pixel, fainter by its area."""
        xy = np.asarray(outline) * self._pixels
        extent = np.ptp(xy, axis=0)
        if extent.max() < SMALLEST_OUTLINE:
            x, y = np.floor(xy.mean(axis=0)).astype(int)
            self._draw.point((x, y), fill=round(255 * opacity * min(1.0, extent[0] * extent[1])))
        else:
            self._draw.polygon([tuple(point) for point in xy], fill=round(255 * opacity))

    def values(self, *, blur: float = 0.0) -> np.ndarray:
        """Return the layer, float32 (2 * size, 2 * size), 0..1.

        `blur` is the standard deviation of a Gaussian, in picture widths.
        """
        image = self._image
        if blur > 0:
            image = image.filter(ImageFilter.GaussianBlur(blur * self._pixels))
        return np.asarray(image, dtype=np.float32) / 255.0
