"""The patient of the chest x-ray phantom: everything that is the same in all photographs of one chest."""

import numpy as np

from helpers.phantoms.chest_lungs import Lung, make_lung
from helpers.phantoms.chest_picture import SIDES, ChestPicture
from helpers.phantoms.geometry import bezier
from helpers.phantoms.noise import smooth_noise
from helpers.phantoms.streams import ANATOMY_STREAM, stream

LUNG_VESSELS, LUNG_TEXTURE = 1, 2  # keys within the stream of the anatomy
EMPHYSEMA_SHARE = 0.12  # of patients
STOMACH_BUBBLE_SHARE = 0.55  # of patients


class Body:
    """One patient's body; lengths are in the body's frame, densities add up to the brightness of the x-ray.

    Attributes:
        lungs: The right lung and the left one.
        air: By how much the air in each lung lowers the density.
        shoulders, waist: Widths of the silhouette, relative to usual ones.
        neck: Half its width.
        heart_size, heart_x: Radius of the heart, and x of its centre.
        rib_slope, rib_density: The same for all ribs.
        vessels: Points and widths of the strokes, for each lung.
        vascularity: Density of the vessels.
        has_emphysema: Whether the vessels are fainter.
        has_stomach_bubble: Whether there is air below the diaphragm, in the stomach.
    """

    def __init__(self, seed: int):
        rng = stream(seed, ANATOMY_STREAM)
        self.seed = seed
        self.lungs = [make_lung(rng, side) for side in SIDES]
        self.air = [rng.uniform(0.24, 0.33) for _ in SIDES]
        self.shoulders, self.waist = rng.uniform(0.92, 1.14), rng.uniform(0.90, 1.14)
        self.neck = rng.uniform(0.19, 0.26)
        self.heart_size, self.heart_x = rng.uniform(0.22, 0.34), rng.uniform(0.08, 0.17)
        self.rib_slope, self.rib_density = rng.uniform(0.28, 0.5), rng.uniform(0.030, 0.055)
        self.vessels = [
            _make_vessels(stream(seed, ANATOMY_STREAM, LUNG_VESSELS, lung.side + 1), lung) for lung in self.lungs
        ]
        self.vascularity = rng.uniform(0.05, 0.11)
        self.has_emphysema = rng.uniform() < EMPHYSEMA_SHARE
        self.has_stomach_bubble = rng.uniform() < STOMACH_BUBBLE_SHARE

    def lung_markings(self, picture: ChestPicture) -> list[np.ndarray]:
        """Return the density of the vessels and of the uneven tissue of each lung."""
        texture = self._lung_texture(picture)
        emphysema = 0.55 if self.has_emphysema else 1.0
        return [
            picture.lines(strokes, 0.0016) * self.vascularity * emphysema + 0.016 * texture for strokes in self.vessels
        ]

    def _lung_texture(self, picture: ChestPicture) -> np.ndarray:
        """Return the fine texture of lung tissue, about -1..1."""
        rng = stream(self.seed, ANATOMY_STREAM, LUNG_TEXTURE)
        coarse, fine = (
            smooth_noise(rng, size=picture.size, lattice=lattice, pose=picture.pose, reach=1.2) for lattice in (24, 60)
        )
        return (0.6 * coarse + 0.4 * fine).astype(np.float32)


def _make_vessels(rng: np.random.Generator, lung: Lung) -> list[tuple[np.ndarray, float]]:
    """Return the strokes (points, width) of the nine main vessels of a lung and their branches."""
    strokes = []
    for heading in np.linspace(-1.25, 1.25, 9) + rng.normal(0, 0.09, 9):
        ahead = np.array([np.cos(heading) * lung.side, np.sin(heading)])
        strokes += _with_branches(rng, lung.hilum, ahead, rng.uniform(0.30, 0.46), rng.uniform(0.020, 0.030), levels=3)
    return strokes


def _with_branches(
    rng: np.random.Generator, start: np.ndarray, ahead: np.ndarray, length: float, width: float, *, levels: int
) -> list[tuple[np.ndarray, float]]:
    """Return the strokes of a vessel from `start` in the direction `ahead`, and of its thinner branches."""
    across = np.array([-ahead[1], ahead[0]])
    path = bezier(
        start,
        start + length * (0.4 * ahead + rng.normal(0, 0.06) * across),
        start + length * (0.75 * ahead + rng.normal(0, 0.10) * across),
        start + length * (ahead + rng.normal(0, 0.12) * across),
        steps=9,
    )
    strokes = [(path[:5], width), (path[4:], 0.7 * width)]
    if levels > 1:
        for knot in rng.choice(np.arange(2, 8), size=rng.integers(1, 4), replace=False):
            turn = rng.choice(SIDES) * rng.uniform(0.3, 0.8)
            branch_ahead = np.cos(turn) * ahead + np.sin(turn) * across
            branch_length = length * rng.uniform(0.4, 0.65)
            strokes += _with_branches(rng, path[knot], branch_ahead, branch_length, 0.6 * width, levels=levels - 1)
    return strokes
