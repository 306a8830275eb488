"""A skin lesion before it is photographed: its quantities, its outline, and which signs it has."""

from dataclasses import dataclass, field

import numpy as np

from helpers.phantoms.dermatoscopy_classes import KEY_SIGNS, LABELS, RANGES, SIGNS, STRAY_SIGN, Quantities
from helpers.phantoms.streams import ANATOMY_STREAM, SIGNS_STREAM, stream

ORDERS = np.arange(2, 9)  # of the harmonics of the outline
LARGEST_AMPLITUDE = 1.3  # standard deviations; larger ones would give star-shaped lesions


@dataclass(frozen=True)
class Lesion:
    """A lesion.

    Attributes:
        quantities: Its radius, amounts of pigment, and so on.
        harmonics: (7, 2), amplitude and phase of each harmonic of the outline.
        signs: Names of its signs.
        atypical: 0 to 1, how disordered its network is.
        seed: The phantom's seed.
    """

    quantities: Quantities[float]
    harmonics: np.ndarray
    signs: frozenset[str]
    atypical: float
    seed: int = field(repr=False)

    def outline(self, theta: np.ndarray) -> np.ndarray:
        """Return the distance of the rim from the centre, in lesion radii, for each direction `theta` (radians)."""
        waves = np.cos(theta[..., None] * ORDERS + self.harmonics[:, 1])
        return (1 + (waves * self.harmonics[:, 0]).sum(axis=-1)).astype(np.float32)

    def rng(self, sign: str) -> np.random.Generator:
        """Return the random generator of one sign. The other signs do not use it."""
        return stream(self.seed, SIGNS_STREAM, SIGNS.index(sign))

    def random_points(self, rng: np.random.Generator, count: int, *, reach: float = 0.8) -> np.ndarray:
        """Return points (count, 2) in lesion radii, at most `reach` of the way from the centre to the rim."""
        theta = rng.uniform(-np.pi, np.pi, count)
        r = np.sqrt(rng.uniform(0, 1, count)) * reach * np.clip(self.outline(theta), 0.2, None)
        return np.stack([r * np.cos(theta), r * np.sin(theta)], axis=-1)


def make_lesion(*, label: str, seed: int, ambiguity: float) -> Lesion:
    """Choose the quantities, the outline and the signs of one lesion at random.

    `ambiguity` (0 to 1) mixes every quantity and probability with those of another class, which is random, with
    weight ambiguity · Beta(1, 2).
    """
    rng = stream(seed, ANATOMY_STREAM)
    other = LABELS[(LABELS.index(label) + rng.integers(1, len(LABELS))) % len(LABELS)]
    weight = ambiguity * rng.beta(1, 2)
    quantities = _sample_quantities(rng, label, other, weight)
    harmonics = _sample_harmonics(rng, quantities.irregularity)
    signs = _sample_signs(stream(seed, SIGNS_STREAM), label, other, weight)
    atypical = rng.uniform(0.5, 1.0) if label == "mel" else rng.uniform(0.0, 0.35)
    return Lesion(quantities, harmonics, signs, atypical, seed)


def _sample_quantities(rng: np.random.Generator, label: str, other: str, weight: float) -> Quantities[float]:
    """Choose a level for each quantity, and mix its values at this level in the ranges of both classes."""
    level = rng.uniform(size=len(Quantities._fields))
    own, others = (low + (high - low) * level for low, high in (np.array(RANGES[name]).T for name in (label, other)))
    return Quantities(*((1 - weight) * own + weight * others).tolist())


def _sample_harmonics(rng: np.random.Generator, irregularity: float) -> np.ndarray:
    normal = np.clip(rng.standard_normal(len(ORDERS)), -LARGEST_AMPLITUDE, LARGEST_AMPLITUDE)
    amplitudes = irregularity * normal * 1.7 / ORDERS
    return np.stack([amplitudes, rng.uniform(0, 2 * np.pi, len(ORDERS))], axis=-1)


def _sample_signs(rng: np.random.Generator, label: str, other: str, weight: float) -> frozenset[str]:
    """Choose which signs there are; at least one is a key sign of the class."""
    margins = {}  # of each sign: by how much its probability exceeds a random number
    for sign, number in zip(SIGNS, rng.uniform(size=len(SIGNS)), strict=True):
        own, others = (KEY_SIGNS[name].get(sign, STRAY_SIGN) for name in (label, other))
        margins[sign] = (1 - weight) * own + weight * others - number
    present = {sign for sign in SIGNS if margins[sign] > 0}
    if not present & KEY_SIGNS[label].keys():
        present.add(max(KEY_SIGNS[label], key=margins.__getitem__))
    return frozenset(present)
