"""A lesion in front of the camera, as layers of pigment and of white on the canvas."""

import numpy as np

from helpers.phantoms.canvas import average_down, coordinates, lay_over, smooth_step
from helpers.phantoms.dermatoscopy_lesion import Lesion
from helpers.phantoms.dermatoscopy_skin import BLUE_VEIL, HAEMOGLOBIN, MELANIN
from helpers.phantoms.geometry import Pose, blob_outline
from helpers.phantoms.ink import Ink
from helpers.phantoms.noise import smooth_noise
from helpers.phantoms.streams import ANATOMY_STREAM, stream

LESION_TEXTURE = 1  # key within the stream of the anatomy
DIRECTIONS = np.linspace(-np.pi, np.pi, 721)


class LesionScene:
    """The layers of a lesion without its signs; the painters of the signs change them.

    Attributes:
        u, v: Coordinates in the lesion's frame.
        depth: Distance inside the rim, in lesion radii; negative outside.
        inside: 0 outside to 1 inside, with the soft edge of the lesion.
        melanin, haemoglobin, veil: Amount of each pigment.
        white: Opacity of keratin, 0 to 1.

    All are float32 (2 * size, 2 * size).
    """

    def __init__(self, lesion: Lesion, pose: Pose, *, size: int):
        self.lesion, self.pose, self.size = lesion, pose, size
        self.u, self.v = pose.to_object(*coordinates(size))
        rng = stream(lesion.seed, ANATOMY_STREAM, LESION_TEXTURE)
        self._draw_shape(rng)
        self._draw_pigments(rng)
        self.veil = np.zeros_like(self.inside)
        self.white = np.zeros_like(self.inside)

    def _draw_shape(self, rng: np.random.Generator) -> None:
        """Set the depth and the soft edge. Noise displaces the coordinates, so that the rim is rough."""
        quantities, u, v = self.lesion.quantities, self.u, self.v
        for lattice, reach in (
            (6, 0.03 + 0.35 * quantities.irregularity),
            (18, 0.012 + 0.16 * quantities.irregularity),
        ):
            u, v = u + reach * self.noise(rng, lattice), v + reach * self.noise(rng, lattice)
        theta = np.arctan2(v, u)
        # The outline is looked up in a table, which is a hundred times faster than seven cosines a pixel.
        rim = np.interp(theta, DIRECTIONS, self.lesion.outline(DIRECTIONS)).astype(np.float32)
        self.depth = rim - np.hypot(u, v)
        softness = quantities.edge * (1 + 0.5 * np.cos(theta + rng.uniform(0, 6.3)))
        self.inside = smooth_step(0.5 + self.depth / (2 * softness))

    def _draw_pigments(self, rng: np.random.Generator) -> None:
        quantities = self.lesion.quantities
        variegation = quantities.variegation
        self.melanin = quantities.melanin * self.inside * np.exp(0.75 * variegation * self.noise(rng, 7))
        self.haemoglobin = quantities.haemoglobin * self.inside * np.exp(0.6 * variegation * self.noise(rng, 6))
        mottle = 1 + 0.10 * self.noise(rng, 22) + 0.07 * self.noise(rng, 46)
        self.melanin, self.haemoglobin = self.melanin * mottle, self.haemoglobin * mottle

    def layers(self) -> tuple[np.ndarray, ...]:
        """Return the pigments and the white, each (2 * size, 2 * size)."""
        return self.melanin, self.haemoglobin, self.veil, self.white

    def mask(self) -> np.ndarray:
        """Return the pixels inside the rim, bool (size, size)."""
        return average_down((self.depth > 0).astype(np.float32)) >= 0.5

    def colour(self, skin: np.ndarray, white: np.ndarray) -> np.ndarray:
        """Return the colour of the lesion on `skin`, both (2 * size, 2 * size, 3); `white` (3,) is that of keratin."""
        absorbed = self.melanin[..., None] * MELANIN + self.haemoglobin[..., None] * HAEMOGLOBIN
        absorbed += self.veil[..., None] * BLUE_VEIL
        return lay_over(skin * np.exp(-absorbed), self.white, white)

    def noise(self, rng: np.random.Generator, lattice: int) -> np.ndarray:
        """Return smooth noise that moves and turns with the lesion."""
        return smooth_noise(rng, size=self.size, lattice=lattice, pose=self.pose, reach=2.2)

    def dots(
        self,
        rng: np.random.Generator,
        *,
        count: int,
        radius: tuple[float, float],
        reach: float = 0.8,
        wobble: float = 0.1,
        stretch: float = 1.3,
        blur: float = 0.0015,
    ) -> np.ndarray:
        """Return a layer of `count` irregular dots of `radius` (low, high; in picture widths) inside the lesion."""
        ink = Ink(self.size)
        for point in self.lesion.random_points(rng, count, reach=reach):
            centre = self.pose.to_picture(point)
            outline = blob_outline(rng, centre, rng.uniform(*radius), wobble=wobble, stretch=stretch)
            ink.fill(outline, rng.uniform(0.75, 1.0))
        return ink.values(blur=blur)
