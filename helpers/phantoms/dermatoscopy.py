"""The dermatoscopy phantom: a drawn skin lesion with the signs of one of the seven HAM10000 classes.

Colour is made by absorption (Beer-Lambert): skin · exp(-Σ amount · absorption). A lesion's shape and
pigment, its signs, the way it was photographed, and the noise come from four independent random
streams, so that a sign can change without anything else changing, and several views can show one lesion.
What carries no diagnosis (hairs, bubbles, rulers, light) is drawn without looking at the label.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from helpers.phantoms.dermatoscopy_photograph import HAEMOGLOBIN, MELANIN, draw_skin, photograph
from helpers.phantoms.dermatoscopy_signs import SIGN_PAINTERS
from helpers.phantoms.drawing import (
    Ink,
    Phantom,
    Pose,
    average_down,
    blob_outline,
    chosen,
    coordinates,
    photographed,
    planted,
    smooth_noise,
    smooth_step,
    stream,
    touched,
)

SHAPE, SIGNS_STREAM, VIEW, NOISE = range(4)  # the random streams

BLUE_VEIL = np.array([0.95, 0.80, 0.42], np.float32)
KERATIN = np.array([0.97, 0.93, 0.84], np.float32)  # white to yellow, laid over

VISIBLE = 0.05  # the least change of pigment that counts as part of a sign
STRAY_SIGN = 0.03  # probability of a sign that does not belong to the class


class Ranges(NamedTuple):
    """The (low, high) of each quantity of a class; radius in picture widths, the others without unit."""

    radius: tuple[float, float]
    irregularity: tuple[float, float]
    edge: tuple[float, float]
    melanin: tuple[float, float]
    haemoglobin: tuple[float, float]
    variegation: tuple[float, float]


RANGES = {
    "nv": Ranges((0.15, 0.30), (0.02, 0.07), (0.08, 0.30), (0.35, 1.5), (0.05, 0.35), (0.10, 0.30)),
    "mel": Ranges((0.19, 0.36), (0.13, 0.26), (0.05, 0.22), (0.5, 2.0), (0.05, 0.40), (0.50, 1.00)),
    "bkl": Ranges((0.16, 0.32), (0.05, 0.16), (0.03, 0.14), (0.25, 1.0), (0.00, 0.25), (0.20, 0.55)),
    "bcc": Ranges((0.15, 0.30), (0.06, 0.18), (0.15, 0.45), (0.0, 0.25), (0.12, 0.40), (0.20, 0.60)),
    "akiec": Ranges((0.18, 0.36), (0.10, 0.24), (0.20, 0.55), (0.05, 0.4), (0.20, 0.55), (0.30, 0.70)),
    "vasc": Ranges((0.11, 0.25), (0.03, 0.12), (0.05, 0.22), (0.0, 0.25), (0.50, 1.20), (0.10, 0.35)),
    "df": Ranges((0.12, 0.25), (0.03, 0.09), (0.20, 0.50), (0.12, 0.5), (0.10, 0.35), (0.10, 0.35)),
}

KEY_SIGNS = {  # sign: probability
    "nv": {"network": 0.65, "globules": 0.35},
    "mel": {"veil": 0.6, "network": 0.5, "globules": 0.55},
    "bkl": {"milia": 0.85, "comedones": 0.6},
    "bcc": {"nests": 0.7, "vessels": 0.8},
    "akiec": {"scale": 0.85, "follicles": 0.6},
    "vasc": {"lacunae": 0.92},
    "df": {"scar": 0.88, "rim_network": 0.55},
}
SIGNS = tuple(dict.fromkeys(sign for signs in KEY_SIGNS.values() for sign in signs))
LABELS = tuple(RANGES)
MALIGNANT = ("mel", "bcc", "akiec")


@dataclass(frozen=True)
class Lesion:
    """A lesion before it is photographed: what `shape_of` and `signs_of` decide."""

    quantities: Ranges
    harmonics: np.ndarray  # amplitude and phase of the outline's harmonics 2..8, (7, 2)
    signs: frozenset[str]
    atypical: float  # 0..1, how disordered its network is
    key: tuple[int, int] = field(repr=False)  # (seed, stream of the signs)

    def outline(self, theta: np.ndarray) -> np.ndarray:
        """Return the rim's distance from the centre in the direction `theta`, in lesion radii."""
        k = np.arange(2, 9)
        waves = np.cos(theta[..., None] * k + self.harmonics[:, 1])
        return (1 + (waves * self.harmonics[:, 0]).sum(axis=-1)).astype(np.float32)

    def rng(self, sign: str) -> np.random.Generator:
        """Return the random stream that belongs to one sign alone."""
        return stream(*self.key, SIGNS.index(sign))

    def places(self, rng: np.random.Generator, count: int, *, reach: float = 0.8) -> np.ndarray:
        """Return points (count, 2) in lesion radii, at most `reach` of the way from the centre to the rim."""
        theta = rng.uniform(-np.pi, np.pi, count)
        r = np.sqrt(rng.uniform(0, 1, count)) * reach * np.clip(self.outline(theta), 0.2, None)
        return np.stack([r * np.cos(theta), r * np.sin(theta)], axis=-1)


def make_lesion(*, label: str, seed: int, ambiguity: float) -> Lesion:
    """Draw the quantities, outline and signs of one lesion.

    `ambiguity` (0..1) mixes every quantity and probability with those of a random other class,
    with the weight ambiguity · Beta(1, 2).
    """
    shape, signs = stream(seed, SHAPE), stream(seed, SIGNS_STREAM)
    other = LABELS[(LABELS.index(label) + shape.integers(1, len(LABELS))) % len(LABELS)]
    weight = ambiguity * shape.beta(1, 2)
    level = shape.uniform(size=len(Ranges._fields))

    def within(name: str) -> np.ndarray:
        low, high = np.array(RANGES[name]).T
        return low + (high - low) * level

    quantities = Ranges(*((1 - weight) * within(label) + weight * within(other)).tolist())
    k = np.arange(2, 9)
    amplitudes = quantities.irregularity * np.clip(shape.standard_normal(7), -1.3, 1.3) * 1.7 / k
    harmonics = np.stack([amplitudes, shape.uniform(0, 2 * np.pi, 7)], axis=-1)

    def probability(name: str, sign: str) -> float:
        return KEY_SIGNS[name].get(sign, STRAY_SIGN)

    luck = dict(zip(SIGNS, signs.uniform(size=len(SIGNS)), strict=True))
    chance = {s: (1 - weight) * probability(label, s) + weight * probability(other, s) for s in SIGNS}
    present = {sign for sign in SIGNS if luck[sign] < chance[sign]}
    if not present & KEY_SIGNS[label].keys():
        present.add(max(KEY_SIGNS[label], key=lambda sign: chance[sign] - luck[sign]))
    atypical = shape.uniform(0.5, 1.0) if label == "mel" else shape.uniform(0.0, 0.35)
    return Lesion(quantities, harmonics, frozenset(present), atypical, (seed, SIGNS_STREAM))


class Scene:
    """A lesion in front of the camera: layers of pigment and of white, on the drawing grid."""

    def __init__(self, lesion: Lesion, pose: Pose, *, size: int, seed: int):
        self.lesion, self.pose, self.size = lesion, pose, size
        rng = stream(seed, SHAPE, 1)
        self.u, self.v = u, v = pose.to_object(*coordinates(size))
        for lattice, reach in (
            (6, 0.03 + 0.35 * lesion.quantities.irregularity),
            (18, 0.012 + 0.16 * lesion.quantities.irregularity),
        ):
            u, v = u + reach * self.noise(rng, lattice), v + reach * self.noise(rng, lattice)
        theta = np.arctan2(v, u)
        # The outline is tabulated: a direction looked up is a hundred times cheaper than seven cosines.
        table = lesion.outline(np.linspace(-np.pi, np.pi, 721))
        self.depth = np.interp(theta, np.linspace(-np.pi, np.pi, 721), table).astype(np.float32) - np.hypot(u, v)
        softness = lesion.quantities.edge * (1 + 0.5 * np.cos(theta + rng.uniform(0, 6.3)))
        self.inside = smooth_step(0.5 + self.depth / (2 * softness))
        patches = lesion.quantities.variegation
        self.melanin = lesion.quantities.melanin * self.inside * np.exp(0.75 * patches * self.noise(rng, 7))
        self.haemoglobin = lesion.quantities.haemoglobin * self.inside * np.exp(0.6 * patches * self.noise(rng, 6))
        mottle = 1 + 0.10 * self.noise(rng, 22) + 0.07 * self.noise(rng, 46)
        self.melanin, self.haemoglobin = self.melanin * mottle, self.haemoglobin * mottle
        self.veil = np.zeros_like(self.inside)
        self.white = np.zeros_like(self.inside)
        self.masks = {}
        for sign in SIGNS:
            if sign in lesion.signs:
                before = self.layers()
                SIGN_PAINTERS[sign](self, lesion.rng(sign))
                changes = [np.abs(new - old) for new, old in zip(self.layers(), before, strict=True)]
                self.masks[sign] = touched(sum(changes), VISIBLE)

    def layers(self) -> tuple[np.ndarray, ...]:
        """Return what lies over the skin: pigments and white, each (2 * size, 2 * size)."""
        return self.melanin, self.haemoglobin, self.veil, self.white

    def noise(self, rng: np.random.Generator, lattice: int) -> np.ndarray:
        """Return smooth noise that turns and moves with the lesion."""
        return smooth_noise(rng, size=self.size, lattice=lattice, pose=self.pose, reach=2.2)

    def dots(self, rng, *, count, radius, reach=0.8, wobble=0.1, stretch=1.3, opacity=1.0, blur=0.0015) -> np.ndarray:
        """Return a layer of `count` irregular dots of `radius` (low, high, in picture widths) inside the lesion."""
        ink = Ink(self.size)
        for place in self.lesion.places(rng, count, reach=reach):
            centre = self.pose.to_picture(place)
            outline = blob_outline(rng, centre, rng.uniform(*radius), wobble=wobble, stretch=stretch)
            ink.blob(outline, opacity * rng.uniform(0.75, 1.0))
        return ink.values(blur=blur)


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one photograph of one lesion; `view` is which. The planted shortcut is a ruler. See `phantom`."""
    lesion = make_lesion(label=label, seed=seed, ambiguity=ambiguity)
    lesion = replace(lesion, signs=chosen(lesion.signs, signs))
    rng = stream(seed, VIEW, view)
    pose = Pose(
        x=0.5 + float(np.clip(rng.normal(0, 0.05), -0.11, 0.11)),
        y=0.5 + float(np.clip(rng.normal(0, 0.05), -0.11, 0.11)),
        radius=lesion.quantities.radius * rng.uniform(0.92, 1.08),
        angle=rng.uniform(-np.pi, np.pi),
        flip=int(rng.choice([-1, 1])),
    )
    scene = Scene(lesion, pose, size=size, seed=seed)
    absorbed = scene.melanin[..., None] * MELANIN + scene.haemoglobin[..., None] * HAEMOGLOBIN
    absorbed += scene.veil[..., None] * BLUE_VEIL
    colour = draw_skin(rng, size) * np.exp(-absorbed)
    colour = colour + scene.white[..., None] * (KERATIN * rng.uniform(0.92, 1.0) - colour)
    ruler = planted(seed, spurious=spurious, positive=label in MALIGNANT, otherwise=bool(rng.uniform() < 0.15))
    picture = photograph(colour, rng, size, ruler=ruler)
    image = photographed(picture, stream(seed, NOISE, view), noise=(1.0, 3.5))
    mask = average_down((scene.depth > 0).astype(np.float32)) >= 0.5
    attributes = {**lesion.quantities._asdict(), "signs": sorted(lesion.signs), "ruler": ruler}
    return Phantom(image, mask, scene.masks, attributes)
