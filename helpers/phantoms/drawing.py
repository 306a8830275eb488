"""What every phantom is drawn with: random streams, smooth noise, ink, and a pose.

All geometry lives in unit coordinates (0..1 across the picture), so that one seed is one scene at
any size. Pictures are drawn at twice their size and averaged down.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OVERSAMPLING = 2
SPURIOUS = 99  # the random stream that says where a shortcut is planted


@dataclass(frozen=True)
class Phantom:
    """A drawn picture.

    Attributes:
        image: uint8 (size, size, 3).
        mask: bool (size, size), what the public dataset would mark: the lesion, or all signs of disease.
        masks: {sign: bool (size, size)}, the pixels that each sign drawn here touches.
        attributes: What was drawn, by name.
    """

    image: np.ndarray
    mask: np.ndarray
    masks: dict[str, np.ndarray]
    attributes: dict


def planted(seed: int, *, spurious: float, positive: bool, otherwise: bool) -> bool:
    """Tell whether a nuisance is there: with probability `spurious` the label decides, else `otherwise`."""
    return positive if stream(seed, SPURIOUS).uniform() < spurious else otherwise


def chosen(present: Collection[str], signs: Collection[str] | None) -> frozenset[str]:
    """Return the signs that are present and, unless `signs` is None, wanted."""
    return frozenset(present) if signs is None else frozenset(present) & frozenset(signs)


def stream(*key: int) -> np.random.Generator:
    """Return a random generator of its own for `key`, independent of every other key's."""
    return np.random.default_rng(np.random.SeedSequence(key))


def coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of every drawn pixel's centre, float32, (2 * size, 2 * size), in 0..1."""
    centres = (np.arange(OVERSAMPLING * size, dtype=np.float32) + 0.5) / (OVERSAMPLING * size)
    return tuple(np.meshgrid(centres, centres))


def smooth_step(values: np.ndarray) -> np.ndarray:
    """Map values <= 0 to 0, values >= 1 to 1, and ease in between (3t² - 2t³)."""
    t = np.clip(values, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def average_down(image: np.ndarray) -> np.ndarray:
    """Average a drawn picture (2h, 2w, ...) down to its final size (h, w, ...)."""
    k = OVERSAMPLING
    return image.reshape(image.shape[0] // k, k, image.shape[1] // k, k, *image.shape[2:]).mean(axis=(1, 3))


def photographed(picture: np.ndarray, rng: np.random.Generator, *, noise: tuple[float, float]) -> np.ndarray:
    """Return a drawn picture (2h, 2w, ...), 0..1, as uint8 (h, w, ...) with the grain of a camera.

    The grain's standard deviation is drawn from `noise` (low, high), in grey levels of 0..255.
    """
    image = 255 * average_down(np.clip(picture, 0, 1))
    image = image + rng.normal(0, rng.uniform(*noise), image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def touched(layer: np.ndarray, threshold: float = 0.25) -> np.ndarray:
    """Return which final pixels (h, w) a drawn layer (2h, 2w) touches with more than `threshold`."""
    k = OVERSAMPLING
    return layer.reshape(layer.shape[0] // k, k, layer.shape[1] // k, k).max(axis=(1, 3)) > threshold


def bezier(*points, steps: int = 24) -> np.ndarray:
    """Return points (steps, 2) along the Bézier curve with these two to four control points."""
    t = np.linspace(0, 1, steps)[:, None]
    n = len(points) - 1
    return sum(math.comb(n, k) * t**k * (1 - t) ** (n - k) * np.asarray(point) for k, point in enumerate(points))


@dataclass(frozen=True)
class Pose:
    """Where an object stands in the picture: its own frame has radius 1 and centre (0, 0)."""

    x: float = 0.5
    y: float = 0.5
    radius: float = 0.5
    angle: float = 0.0
    flip: int = 1

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 2) from the object's frame to unit coordinates of the picture."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        u, v = points[..., 0] * self.flip, points[..., 1]
        turned = np.stack([c * u - s * v, s * u + c * v], axis=-1)
        return turned * self.radius + (self.x, self.y)

    def to_object(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Map unit coordinates of the picture to the object's frame."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        dx, dy = (x - self.x) / self.radius, (y - self.y) / self.radius
        return self.flip * (c * dx + s * dy), -s * dx + c * dy


WHOLE_PICTURE = Pose()


def smooth_noise(
    rng: np.random.Generator, *, size: int, lattice: int, pose: Pose = WHOLE_PICTURE, reach: float = 1.0
) -> np.ndarray:
    """Return smooth Gaussian noise (2 * size, 2 * size): a small lattice, bicubically enlarged.

    The lattice spans -reach..reach of the pose's frame and turns with it; beyond it lies 0.
    """
    values = rng.standard_normal((lattice + 4, lattice + 4)).astype(np.float32)
    pixels = OVERSAMPLING * size if lattice > size / 2 else size  # coarse noise is as smooth at half the cost
    corners = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    u, v = (axis * lattice / (2 * reach) + lattice / 2 + 2 for axis in pose.to_object(*corners))
    affine = ((u[1] - u[0]) / pixels, (u[2] - u[0]) / pixels, u[0])
    affine += ((v[1] - v[0]) / pixels, (v[2] - v[0]) / pixels, v[0])
    enlarged = Image.fromarray(values).transform(
        (pixels, pixels), Image.Transform.AFFINE, affine, resample=Image.Resampling.BICUBIC
    )
    return np.asarray(enlarged.resize((OVERSAMPLING * size, OVERSAMPLING * size), Image.Resampling.BILINEAR))


class Ink:
    """A grey layer in 0..1 that takes strokes and blobs in unit coordinates.

    What is thinner than a pixel becomes opacity instead of vanishing.
    """

    def __init__(self, size: int):
        self._pixels = OVERSAMPLING * size
        self._image = Image.new("L", (self._pixels, self._pixels))
        self._draw = ImageDraw.Draw(self._image)

    def stroke(self, points: np.ndarray, width: float, opacity: float = 1.0) -> None:
        """Draw a line through points (n, 2)."""
        pixels = width * self._pixels
        ink = round(255 * opacity * min(1.0, pixels))
        xy = [tuple(point) for point in np.asarray(points) * self._pixels]
        self._draw.line(xy, fill=ink, width=max(1, round(pixels)), joint="curve")

    def blob(self, outline: np.ndarray, opacity: float = 1.0) -> None:
        """Fill a closed outline (n, 2); one smaller than a pixel is drawn as a pixel of its area's opacity."""
        xy = np.asarray(outline) * self._pixels
        extent = np.ptp(xy, axis=0)
        if extent.max() < 1.2:
            x, y = np.floor(xy.mean(axis=0)).astype(int)
            self._draw.point((x, y), fill=round(255 * opacity * min(1.0, extent[0] * extent[1])))
        else:
            self._draw.polygon([tuple(point) for point in xy], fill=round(255 * opacity))

    def values(self, *, blur: float = 0.0) -> np.ndarray:
        """Return the layer as float32, blurred by a Gaussian of `blur` (standard deviation, unit coordinates)."""
        image = self._image
        if blur > 0:
            image = image.filter(ImageFilter.GaussianBlur(blur * self._pixels))
        return np.asarray(image, dtype=np.float32) / 255.0


def blob_outline(
    rng: np.random.Generator, centre: np.ndarray, radius: float, *, wobble: float = 0.12, stretch: float = 1.3
) -> np.ndarray:
    """Return a closed, slightly irregular ellipse (24, 2) of mean radius `radius` around `centre`."""
    theta = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    r = 1 + wobble * sum(rng.normal() / k * np.cos(k * theta + rng.uniform(0, 6.3)) for k in (2, 3, 4))
    ratio = np.sqrt(rng.uniform(1.0, stretch))
    turn = rng.uniform(0, np.pi)
    a, b = radius * r * ratio * np.cos(theta), radius * r / ratio * np.sin(theta)
    rotated = [np.cos(turn) * a - np.sin(turn) * b, np.sin(turn) * a + np.cos(turn) * b]
    return np.asarray(centre) + np.stack(rotated, axis=-1)


def tree(
    rng: np.random.Generator, start: np.ndarray, heading: float, length: float, width: float, *, levels: int = 3
) -> list[tuple[np.ndarray, float]]:
    """Return the strokes of a branching vessel as (points, width) pairs, thinner with every level."""
    steps = np.full(8, length / 8)
    headings = heading + np.cumsum(rng.normal(0, 0.28, size=8))
    path = start + np.cumsum(np.stack([steps * np.cos(headings), steps * np.sin(headings)], axis=-1), axis=0)
    path = np.vstack([start, path])
    strokes = [(path, width)]
    if levels > 1:
        for knot in rng.choice(np.arange(2, 8), size=rng.integers(1, 4), replace=False):
            turn = headings[knot - 1] + rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
            strokes += tree(rng, path[knot], turn, length * rng.uniform(0.4, 0.7), width * 0.65, levels=levels - 1)
    return strokes
