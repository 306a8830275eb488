"""Findings of the chest x-ray phantom other than pneumothorax. They do not depend on the label."""

import numpy as np

from helpers.phantoms.canvas import smooth_step
from helpers.phantoms.chest_body import Body
from helpers.phantoms.chest_lungs import pleural_line
from helpers.phantoms.chest_picture import SIDES, ChestPicture
from helpers.phantoms.geometry import bezier
from helpers.phantoms.noise import smooth_noise

DISEASE_SHARE = 0.45  # of chests that have an effusion, a consolidation or nodules
SKIN_FOLD_SHARE = 0.25  # of chests


def draw_findings(
    body: Body, picture: ChestPicture, rng: np.random.Generator, tissues: list[np.ndarray], ambiguity: float
) -> np.ndarray:
    """Return the density of the findings.

    Args:
        body: The patient.
        picture: The canvas.
        rng: Random generator.
        tissues: Layer of each lung, 0 to 1.
        ambiguity: 0 to 1; the higher it is, the more often something looks like one half of a pneumothorax: a dark
            band without a line, or a line without a dark band.
    """
    density = np.zeros_like(picture.x)
    if rng.uniform() < DISEASE_SHARE:
        disease, number = rng.choice(list(DISEASES)), rng.integers(2)
        density += DISEASES[disease](picture, rng, tissues[number], SIDES[number])
    for lung, tissue in zip(body.lungs, tissues, strict=True):
        rest = picture.filled(lung.collapsed(rng.uniform(0.08, 0.4), 0.0), 0.012)
        if rng.uniform() < 2 * ambiguity:  # a dark band or thick pleura, without a pleural line
            density += rng.uniform(-0.12, 0.06) * tissue * (1 - rest)
        if rng.uniform() < ambiguity:  # a line like a pleural one, but with lung on both sides of it: a fold of skin
            outline = lung.collapsed(rng.uniform(0.08, 0.36), 0.0)
            density += rng.uniform(0.05, 0.10) * tissue * pleural_line(picture, lung, outline)
    if rng.uniform() < SKIN_FOLD_SHARE:
        density += _skin_fold(picture, rng)
    return density


def _effusion(picture: ChestPicture, rng: np.random.Generator, tissue: np.ndarray, side: int) -> np.ndarray:
    """Return fluid at the bottom of a lung."""
    level = rng.uniform(0.12, 0.36) - 0.22 * np.abs(picture.x - 0.2 * side) ** 2
    return tissue * rng.uniform(0.14, 0.26) * smooth_step((picture.y - level) / 0.08)


def _consolidation(picture: ChestPicture, rng: np.random.Generator, tissue: np.ndarray, side: int) -> np.ndarray:
    """Return a patchy cloud in a lung."""
    x, y = side * rng.uniform(0.25, 0.45), rng.uniform(-0.35, 0.3)
    cloud = picture.ellipse(x, y, rng.uniform(0.12, 0.22), rng.uniform(0.10, 0.18), 1.4)
    patches = 1 + 0.35 * smooth_noise(rng, size=picture.size, lattice=16)
    return tissue * rng.uniform(0.10, 0.2) * cloud * patches


def _nodules(picture: ChestPicture, rng: np.random.Generator, tissue: np.ndarray, side: int) -> np.ndarray:
    """Return one to three nodules in a lung."""
    density = np.zeros_like(picture.x)
    for _ in range(rng.integers(1, 4)):
        radius = rng.uniform(0.02, 0.055)
        x, y = side * rng.uniform(0.22, 0.5), rng.uniform(-0.4, 0.3)
        density += tissue * rng.uniform(0.07, 0.14) * picture.ellipse(x, y, radius, radius, 0.6)
    return density


DISEASES = {"effusion": _effusion, "consolidation": _consolidation, "nodule": _nodules}


def _skin_fold(picture: ChestPicture, rng: np.random.Generator) -> np.ndarray:
    """Return a wide soft line that runs on outside the lung."""
    side, x = rng.choice(SIDES), rng.uniform(0.35, 0.62)
    fold = bezier(
        (side * x, -0.9), (side * (x + rng.normal(0, 0.06)), -0.1), (side * (x + rng.normal(0.05, 0.05)), 0.8)
    )
    return 0.05 * picture.lines([(fold, 0.05)], 0.012)
