"""The dermatoscopy phantom: a drawn skin lesion with the signs of one of the seven classes of HAM10000.

The lesion's shape and pigment, its signs, the photograph, and the noise have independent random streams. So a sign can
change while everything else stays as it is, and several views can show the same lesion. Hairs, bubbles, rulers and
light do not depend on the label.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from helpers.phantoms.canvas import take_picture
from helpers.phantoms.dermatoscopy_classes import LABELS, MALIGNANT, SIGNS
from helpers.phantoms.dermatoscopy_lesion import make_lesion
from helpers.phantoms.dermatoscopy_photograph import photograph
from helpers.phantoms.dermatoscopy_scene import LesionScene
from helpers.phantoms.dermatoscopy_signs import paint_signs
from helpers.phantoms.dermatoscopy_skin import KERATIN, draw_skin
from helpers.phantoms.drawing import Phantom, signs_to_draw
from helpers.phantoms.geometry import Pose
from helpers.phantoms.streams import NOISE_STREAM, VIEW_STREAM, has_shortcut, stream

__all__ = ["LABELS", "SIGNS", "draw"]

RULER_SHARE = 0.15  # of the photographs whose ruler does not depend on the label


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one photograph of one lesion; the shortcut is a ruler. See `helpers.phantom` for the parameters."""
    lesion = make_lesion(label=label, seed=seed, ambiguity=ambiguity)
    lesion = replace(lesion, signs=signs_to_draw(lesion.signs, signs))
    rng = stream(seed, VIEW_STREAM, view)
    scene = LesionScene(lesion, _sample_pose(rng, lesion.quantities.radius), size=size)
    masks = paint_signs(scene)
    colour = scene.colour(draw_skin(rng, size), KERATIN * rng.uniform(0.92, 1.0))
    by_chance = bool(rng.uniform() < RULER_SHARE)
    ruler = has_shortcut(seed, spurious=spurious, is_positive=label in MALIGNANT, by_chance=by_chance)
    picture = photograph(colour, rng, size, ruler=ruler)
    image = take_picture(picture, stream(seed, NOISE_STREAM, view), noise=(1.0, 3.5))
    attributes = {**lesion.quantities._asdict(), "signs": sorted(lesion.signs), "ruler": ruler}
    return Phantom(image, scene.mask(), masks, attributes)


def _sample_pose(rng: np.random.Generator, radius: float) -> Pose:
    return Pose(
        x=0.5 + float(np.clip(rng.normal(0, 0.05), -0.11, 0.11)),
        y=0.5 + float(np.clip(rng.normal(0, 0.05), -0.11, 0.11)),
        radius=radius * rng.uniform(0.92, 1.08),
        angle=rng.uniform(-np.pi, np.pi),
        flip=int(rng.choice([-1, 1])),
    )
