"""The fundus phantom: a drawn retina with the signs of one of the five grades of diabetic retinopathy.

The healthy eye, its signs, the photograph, and the noise come from independent random streams: the same
seed and view with another grade is the same eye with other signs. Blood absorbs (Beer-Lambert); only
lipid and swollen nerve fibre, which are yellow and white, are laid over. Drusen, dust, flare and light are
drawn without looking at the grade.
"""

from collections.abc import Collection, Mapping

import numpy as np

from helpers.phantoms.drawing import (
    Ink,
    Phantom,
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
from helpers.phantoms.fundus_anatomy import ARTERY, VEIN, Eye, draw_background, draw_vessels, field_of_view, make_eye
from helpers.phantoms.fundus_signs import PAINTERS

SIGNS_STREAM, VIEW, NOISE = 1, 2, 3  # stream 0 is the healthy eye's

BLOOD = np.array([0.50, 1.20, 0.95], np.float32)  # absorption in red, green, blue
LIPID = np.array([1.00, 0.90, 0.52], np.float32)
WOOL = np.array([0.96, 0.90, 0.76], np.float32)

LABELS = ("0", "1", "2", "3", "4")
COUNTS = {  # grade: {sign: (fewest, most)}
    "0": {},
    "1": {"microaneurysms": (2, 6)},
    "2": {"microaneurysms": (4, 12), "haemorrhages": (2, 7), "exudates": (0, 25), "cotton_wool": (0, 2)},
    "3": {"microaneurysms": (10, 25), "haemorrhages": (14, 34), "exudates": (0, 40), "cotton_wool": (1, 5)},
    "4": {
        "microaneurysms": (4, 20),
        "haemorrhages": (3, 20),
        "exudates": (0, 40),
        "cotton_wool": (0, 4),
        "new_vessels": (2, 3),
        "boat_haemorrhage": (0, 1),
    },
}
BEADING = {"3": 0.7}  # probability of venous beading
SIGNS = (*PAINTERS, "venous_beading")


def sign_counts(label: str, *, seed: int, view: int, ambiguity: float) -> dict[str, int]:
    """Return how many of each sign an eye of this grade has; at least its grade's fewest.

    `ambiguity` (0..1) pulls every count towards the fewest, with the weight ambiguity · Beta(1, 2).
    """
    rng = stream(seed, SIGNS_STREAM, view)
    weight = ambiguity * rng.beta(1, 2)
    counts = {}
    for sign in PAINTERS:
        luck = rng.uniform()
        if sign in COUNTS[label]:
            fewest, most = COUNTS[label][sign]
            counts[sign] = fewest + int((1 - weight) * luck * (most - fewest + 1))
    if rng.uniform() < BEADING.get(label, 0):
        counts["venous_beading"] = 1
    return {sign: count for sign, count in counts.items() if count}


class Scene:
    """An eye in front of the camera: blood, lipid and swelling on the drawing grid."""

    def __init__(self, eye: Eye, counts: Mapping[str, int], *, size: int, contrast: float):
        self.eye, self.size = eye, size
        self.background, disc = draw_background(eye, size)
        self.blood, self.lipid, self.wool = (np.zeros((2 * size, 2 * size), np.float32) for _ in range(3))
        self.layers = {}
        for number, sign in enumerate(PAINTERS):
            if sign in counts:
                rng = eye.rng(SIGNS_STREAM, number)
                self.layers[sign] = PAINTERS[sign](self, rng, counts[sign])
        healthy = draw_vessels(eye.veins, size)
        self.veins = healthy
        if "venous_beading" in counts:
            self.veins = draw_vessels(eye.veins, size, beading=eye.rng(SIGNS_STREAM, len(PAINTERS)))
            self.layers["venous_beading"] = np.abs(self.veins - healthy)
        self.arteries = draw_vessels(eye.arteries, size)
        self.blood, self.lipid, self.wool = (contrast * layer for layer in (self.blood, self.lipid, self.wool))
        self.over_disc = disc

    def colour(self) -> np.ndarray:
        """Return the retina's colour (2 * size, 2 * size, 3), 0..1."""
        colour = self.background + self.wool[..., None] * (WOOL * self.eye.tone[0] * 1.15 - self.background)
        absorbed = self.veins[..., None] * VEIN + self.arteries[..., None] * ARTERY + self.blood[..., None] * BLOOD
        colour = colour * np.exp(-absorbed)
        return colour + self.lipid[..., None] * (LIPID * min(1.0, self.eye.tone[0] * 1.2) - colour)


def _photograph(colour: np.ndarray, eye: Eye, rng: np.random.Generator, size: int, *, flare: bool) -> np.ndarray:
    """Lay over what carries no diagnosis: drusen, dust, haze, flare, light, and the edge of the field of view."""
    drusen, dust = Ink(size), Ink(size)
    if rng.uniform() < 0.30:
        for point in rng.normal(eye.fovea, 0.06, (rng.integers(5, 25), 2)):
            drusen.blob(blob_outline(rng, point, rng.uniform(0.003, 0.007)), rng.uniform(0.3, 0.6))
    if rng.uniform() < 0.30:
        for point in rng.uniform(0.1, 0.9, (rng.integers(1, 6), 2)):
            dust.blob(blob_outline(rng, point, rng.uniform(0.006, 0.016)), rng.uniform(0.1, 0.3))
    colour = colour + (0.5 * drusen.values(blur=0.003))[..., None] * (LIPID * 0.95 - colour)
    colour = colour * (1 - 0.6 * dust.values(blur=0.006))[..., None]
    x, y = coordinates(size)
    turn = rng.uniform(0, 6.3)
    reach = np.hypot(x - 0.5 - 0.42 * np.cos(turn), y - 0.5 - 0.42 * np.sin(turn))
    strength, width = rng.uniform(0.25, 0.55), rng.uniform(0.09, 0.2)
    if flare:
        colour = colour + (strength * np.exp(-((reach / width) ** 2)))[..., None] * np.array(
            [0.85, 0.8, 0.72], np.float32
        )
    haze = rng.uniform(0.0, 0.16) * smooth_step(0.5 + 0.5 * smooth_noise(rng, size=size, lattice=3))
    colour = colour + haze[..., None] * (np.array([0.66, 0.56, 0.42], np.float32) - colour)
    exposure = rng.uniform(0.75, 1.12) * (1 + rng.uniform(-0.04, 0.04, 3))
    return colour * (field_of_view(eye, size)[..., None] * exposure).astype(np.float32) + 0.012


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one photograph of one eye; `view` 0 is the patient's right eye, 1 the left. See `phantom`."""
    eye = make_eye(seed=seed, side=view % 2)
    counts = sign_counts(label, seed=seed, view=view, ambiguity=ambiguity)
    counts = {sign: counts[sign] for sign in SIGNS if sign in chosen(counts, signs)}
    rng = stream(seed, VIEW, view)
    contrast = 1 - ambiguity * rng.uniform(0, 0.5)
    scene = Scene(eye, counts, size=size, contrast=contrast)
    flare = planted(seed, spurious=spurious, positive=label != "0", otherwise=bool(rng.uniform() < 0.25))
    picture = _photograph(scene.colour(), eye, rng, size, flare=flare)
    image = photographed(picture, stream(seed, NOISE, view), noise=(0.8, 2.5))
    masks = {sign: touched(layer) for sign, layer in scene.layers.items()}
    mask = np.any([np.zeros((size, size), bool), *masks.values()], axis=0)
    attributes = {"counts": counts, "side": ("right", "left")[view % 2], "flare": flare, "contrast": contrast}
    return Phantom(image, mask, masks, attributes)
