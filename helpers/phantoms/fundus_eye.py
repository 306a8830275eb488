"""The healthy eye of the fundus phantom, before it is photographed. A left eye is the mirror image of a right one."""

from dataclasses import dataclass

import numpy as np

from helpers.phantoms.canvas import coordinates, smooth_step
from helpers.phantoms.fundus_vessels import Strokes, make_vessels
from helpers.phantoms.streams import ANATOMY_STREAM, stream


@dataclass(frozen=True)
class Eye:
    """A healthy eye; points and lengths are in coordinates of the picture (0..1).

    Attributes:
        tone: Colour (3,), 0..1.
        radius: Radius of the camera's field of view.
        cut: Half the height of the field of view where it is cut off above and below; 1 if it is round.
        disc: Centre of the optic disc.
        disc_radius: Radius of the optic disc.
        cup: Radius of the cup, as a share of the disc's radius.
        fovea: Centre of the fovea.
        veins: Their points and widths.
        arteries: Their points and widths.
        seed: The phantom's seed.
        side: 0 right, 1 left.
    """

    tone: np.ndarray
    radius: float
    cut: float
    disc: np.ndarray
    disc_radius: float
    cup: float
    fovea: np.ndarray
    veins: Strokes
    arteries: Strokes
    seed: int
    side: int

    def rng(self, *key: int) -> np.random.Generator:
        """Return the random generator of this eye for a key."""
        return stream(self.seed, ANATOMY_STREAM, self.side, *key)

    def field_of_view(self, size: int) -> np.ndarray:
        """Return 1 inside the camera's field of view and 0 outside, (2 * size, 2 * size)."""
        x, y = coordinates(size)
        inside = smooth_step((self.radius - np.hypot(x - 0.5, y - 0.5)) / 0.008)
        return inside if self.cut >= 1 else inside * smooth_step((self.cut - np.abs(y - 0.5)) / 0.006)


def make_eye(*, seed: int, side: int) -> Eye:
    """Choose one eye at random; `side` 0 is the right eye, with the disc on the right of the picture, 1 the left.

    Colour, field of view and size of the disc are the same in both eyes of a patient.
    """
    patient, rng = stream(seed, ANATOMY_STREAM), stream(seed, ANATOMY_STREAM, side)
    tone = patient.uniform((175, 78, 30), (235, 125, 62)) / 255
    tone *= patient.uniform(0.6, 0.85) if patient.uniform() < 0.2 else patient.uniform(0.9, 1.08)
    radius = patient.uniform(0.455, 0.49)
    cut = patient.uniform(0.385, 0.43) if patient.uniform() < 0.35 else 1.0
    disc_radius, cup = patient.uniform(0.048, 0.060), patient.uniform(0.35, 0.62)
    mirror = 1 - 2 * side
    disc = np.array([0.5 + mirror * rng.uniform(0.22, 0.29), 0.5 + rng.normal(0, 0.015)])
    fovea = np.array([disc[0] - mirror * rng.uniform(0.235, 0.265), disc[1] + rng.uniform(0.01, 0.035)])
    veins = make_vessels(rng, disc, fovea, mirror, width=rng.uniform(0.0095, 0.0120), spread=0.0)
    arteries = make_vessels(rng, disc, fovea, mirror, width=rng.uniform(0.0070, 0.0090), spread=0.02)
    return Eye(tone.astype(np.float32), radius, cut, disc, disc_radius, cup, fovea, veins, arteries, seed, side)
