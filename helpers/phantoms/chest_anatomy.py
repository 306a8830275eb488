"""The body of the chest x-ray phantom, as layers of density that add up: more density is brighter.

Places are in the body's frame: x from -1 (image left, the patient's right) to 1, y from -1 (top) to 1. A `Pose`
puts the frame into the picture.
"""

from dataclasses import dataclass

import numpy as np

from helpers.phantoms.drawing import Ink, Pose, bezier, coordinates, smooth_noise, smooth_step, stream

LINE_WIDTH = 0.0055  # picture widths…
SMALL, LARGE = 64, 224  # …from LARGE pixels on; at SMALL, a pleural line is drawn 1.8 times as wide
MEDIASTINAL = 30  # points of a lung's outline along the mediastinum
SIDES = (-1, 1)  # the patient's right lung is at the image's left


@dataclass(frozen=True)
class Lung:
    """One lung: its closed outline (n, 2) in the body's frame, its hilum, and how far it collapses where.

    `give` (n,) is 0 along the mediastinum, and grows along the chest wall towards the apex, to 1.
    """

    outline: np.ndarray
    hilum: np.ndarray
    give: np.ndarray
    side: int

    def collapsed(self, severity: float, ripple: np.ndarray | float) -> np.ndarray:
        """Return the outline shrunk towards the hilum by the share `severity` (0..1) where it gives."""
        return self.outline + (severity * self.give * (1 + ripple))[:, None] * (self.hilum - self.outline)


def make_lung(rng: np.random.Generator, side: int) -> Lung:
    """Draw one lung's outline: down along the mediastinum, over the diaphragm, up along the chest wall."""
    apex = np.array([0.27 + rng.normal(0, 0.015), -0.66 + rng.normal(0, 0.02)])
    notch = 0.12 if side < 0 else 0.16  # the heart takes room on the patient's left
    base = 0.42 + rng.normal(0, 0.03) + (0.0 if side < 0 else 0.03)
    inner = np.array([notch + rng.normal(0, 0.01), base + rng.uniform(-0.02, 0.03)])
    corner = np.array([0.68 + rng.normal(0, 0.025), base + rng.uniform(0.08, 0.16)])
    dome = np.array([0.38, base - rng.uniform(0.13, 0.22)])
    mediastinal = bezier(apex, (0.11, -0.60), (0.13, 0.0), inner, steps=MEDIASTINAL)
    diaphragm = bezier(inner, dome, corner - (0.08, 0.10), corner, steps=24)
    wall = bezier(corner, (0.74, -0.02), (0.56, -0.72), apex, steps=46)
    outline = np.concatenate([mediastinal, diaphragm[1:], wall[1:-1]])
    along_base, along_wall = np.linspace(0, 1, 23), np.linspace(0, 1, 44)
    give = np.concatenate(
        [smooth_step(np.linspace(1, -3, MEDIASTINAL)) * 0.9, 0.45 * smooth_step(along_base * 1.2 - 0.2)]
    )
    give = np.concatenate([give, 0.45 + 0.55 * smooth_step(along_wall * 1.6)])
    hilum = np.array([0.16, -0.10 + rng.normal(0, 0.02)])
    return Lung(outline * (side, 1), hilum * (side, 1), give.astype(np.float32), side)


class Body:
    """Everything of one patient that does not change between photographs; `draw` puts it into a picture."""

    def __init__(self, seed: int):
        rng = stream(seed, 0)
        self.seed = seed
        self.lungs = [make_lung(rng, side) for side in SIDES]
        self.air = [rng.uniform(0.24, 0.33) for _ in SIDES]
        self.shoulders, self.waist = rng.uniform(0.92, 1.14), rng.uniform(0.90, 1.14)
        self.neck = rng.uniform(0.19, 0.26)
        self.heart_size, self.heart_place = rng.uniform(0.22, 0.34), rng.uniform(0.08, 0.17)
        self.rib_turn, self.rib_density = rng.uniform(0.28, 0.5), rng.uniform(0.030, 0.055)
        self.vessels = [self._vessels(stream(seed, 0, 1, lung.side + 1), lung) for lung in self.lungs]
        self.vascularity = rng.uniform(0.05, 0.11)
        self.emphysema = rng.uniform() < 0.12
        self.stomach = rng.uniform() < 0.55

    @staticmethod
    def _vessels(rng: np.random.Generator, lung: Lung) -> list[tuple[np.ndarray, float]]:
        """Return the strokes (points in the body's frame, width) of the nine trunks of a lung and their branches."""
        strokes = []
        for heading in np.linspace(-1.25, 1.25, 9) + rng.normal(0, 0.09, 9):
            ahead = np.array([np.cos(heading) * lung.side, np.sin(heading)])
            strokes += _branches(rng, lung.hilum, ahead, rng.uniform(0.30, 0.46), rng.uniform(0.020, 0.030), levels=3)
        return strokes


def _branches(rng, start, ahead, length: float, width: float, *, levels: int) -> list[tuple[np.ndarray, float]]:
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
            new = np.cos(turn) * ahead + np.sin(turn) * across
            strokes += _branches(rng, path[knot], new, length * rng.uniform(0.4, 0.65), 0.6 * width, levels=levels - 1)
    return strokes


class Picture:
    """The drawing grid, the pose, and shorthands that turn body coordinates into layers (2 * size, 2 * size)."""

    def __init__(self, pose: Pose, size: int):
        self.pose, self.size = pose, size
        self.x, self.y = pose.to_object(*coordinates(size))

    def filled(self, outline: np.ndarray, blur: float) -> np.ndarray:
        """Return a filled outline, its edge blurred."""
        ink = Ink(self.size)
        ink.blob(self.pose.to_picture(outline))
        return ink.values(blur=blur)

    def lines(self, strokes, blur: float) -> np.ndarray:
        """Return strokes: (points, width) or (points, width, opacity)."""
        ink = Ink(self.size)
        for points, width, *opacity in strokes:
            ink.stroke(self.pose.to_picture(points), width * self.pose.radius, *opacity)
        return ink.values(blur=blur)

    def ellipse(self, x: float, y: float, rx: float, ry: float, edge: float) -> np.ndarray:
        """Return a soft ellipse: 1 inside, 0 from `edge` (a share of its radius) outside."""
        return smooth_step((1 + edge / 2 - np.hypot((self.x - x) / rx, (self.y - y) / ry)) / edge)


def _rounded(corners: np.ndarray) -> np.ndarray:
    """Return a closed outline with its corners cut four times (Chaikin's algorithm)."""
    for _ in range(4):
        after = np.roll(corners, -1, axis=0)
        corners = np.stack([0.75 * corners + 0.25 * after, 0.25 * corners + 0.75 * after], axis=1).reshape(-1, 2)
    return corners


def draw_trunk(body: Body, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Return the density of everything but lungs and bones (abdomen, mediastinum, heart), and the silhouette (0..1)."""
    half = np.array(
        [(0.0, -1.6), (body.neck, -1.6), (body.neck, -0.92), (body.neck + 0.06, -0.82), (0.62 * body.shoulders, -0.70)]
        + [(0.96 * body.shoulders, -0.60), (1.06 * body.shoulders, -0.36), (1.02 * body.shoulders, -0.02)]
        + [(0.90 * body.waist, 0.10), (0.88 * body.waist, 0.55), (0.94 * body.waist, 1.6), (0.0, 1.6)]
    )
    trunk = picture.filled(_rounded(np.concatenate([half, half[::-1] * (-1, 1)])), 0.008)
    density = trunk * (0.50 + 0.05 * smooth_step((picture.y + 0.7) / 1.6))
    density += 0.16 * trunk * smooth_step((picture.y - 0.22) / 0.35)  # abdomen
    spine = np.exp(-((picture.x / 0.105) ** 4))
    density += trunk * spine * (0.14 + 0.02 * np.cos(2 * np.pi * picture.y / 0.115))
    density += 0.09 * trunk * np.exp(-((picture.x / 0.17) ** 4)) * smooth_step((picture.y + 0.75) / 0.5)
    heart = picture.ellipse(body.heart_place, 0.23, body.heart_size + 0.03, body.heart_size, 0.30)
    density += 0.17 * heart + 0.08 * picture.ellipse(0.10, -0.34, 0.09, 0.10, 0.9)
    for side in SIDES:
        density += 0.06 * picture.ellipse(0.17 * side, -0.10, 0.07, 0.15, 1.2)
    density -= 0.10 * np.exp(-((picture.x / 0.040) ** 2)) * smooth_step((-0.18 - picture.y) / 0.15) * trunk  # trachea
    if body.stomach:
        density -= 0.12 * picture.ellipse(0.36, 0.72, 0.16, 0.09, 0.5)
    return density, trunk


def draw_bones(body: Body, picture: Picture) -> np.ndarray:
    """Return the density of ribs, clavicles and scapulae."""
    posterior, edges, anterior = [], [], []
    for side in SIDES:
        for number in range(10):
            y = -0.70 + 0.118 * number
            reach = 0.40 + 0.34 * np.sin(np.pi * min(1.0, (number + 1.5) / 8.5) / 2)
            turn = body.rib_turn * (0.5 + 0.07 * number)
            path = bezier((0.09, y), (0.30, y - 0.075), (reach, y - 0.02), (reach + 0.03, y + turn), steps=20)
            path = path * (side, 1)
            posterior.append((path, 0.050))
            edges += [(path + (0, shift), 0.007) for shift in (-0.024, 0.024)]
        for number in range(7):
            y = -0.42 + 0.13 * number
            path = bezier((0.70, y - 0.12), (0.62, y + 0.05), (0.42, y + 0.10), (0.26, y + 0.02), steps=16) * (side, 1)
            anterior.append((path, 0.046))
    clavicles = [
        (bezier((0.08 * s, -0.56), (0.25 * s, -0.66), (0.45 * s, -0.58), (0.80 * s, -0.72), steps=20), 0.055)
        for s in SIDES
    ]
    density = body.rib_density * (picture.lines(posterior, 0.003) + 1.1 * picture.lines(edges, 0.0018))
    density += 0.55 * body.rib_density * picture.lines(anterior, 0.004) + 0.055 * picture.lines(clavicles, 0.003)
    for side in SIDES:
        scapula = np.array([(0.62, -0.62), (0.92, -0.55), (0.78, -0.30), (0.70, 0.0), (0.60, -0.30)]) * (side, 1)
        density += 0.05 * picture.filled(scapula, 0.006) + 0.05 * picture.ellipse(0.95 * side, -0.55, 0.10, 0.10, 0.6)
    return density


def pleural_line(picture: Picture, lung: Lung, outline: np.ndarray) -> np.ndarray:
    """Return the thin line, 0..1, that the edge of a lung collapsed to `outline` would draw along the chest wall."""
    small = float(smooth_step(np.float32((LARGE - picture.size) / (LARGE - SMALL))))
    width = LINE_WIDTH * (1 + 0.8 * small) / picture.pose.radius
    from_hilum_round = np.roll(np.arange(len(outline)), -MEDIASTINAL)  # over the base and up the wall to the apex
    free = from_hilum_round[lung.give[from_hilum_round] > 0.2]
    return picture.lines([(outline[free], width)], 0.0010)


def lung_texture(body: Body, picture: Picture) -> np.ndarray:
    """Return the fine, uneven texture of lung tissue, about -1..1."""
    rng = stream(body.seed, 0, 2)
    noise = [
        smooth_noise(rng, size=picture.size, lattice=lattice, pose=picture.pose, reach=1.2) for lattice in (24, 60)
    ]
    return (0.6 * noise[0] + 0.4 * noise[1]).astype(np.float32)
