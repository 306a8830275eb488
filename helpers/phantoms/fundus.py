"""The fundus phantom: a drawn retina with the signs of one of the five grades of diabetic retinopathy.

The healthy eye, its signs, the photograph, and the noise have independent random streams: the same seed and view with
another grade is the same eye with other signs. Drusen, dust, flare and light do not depend on the grade.
"""

from collections.abc import Collection

from helpers.phantoms.canvas import take_picture, touched_pixels
from helpers.phantoms.drawing import Phantom, join_masks, signs_to_draw
from helpers.phantoms.fundus_eye import make_eye
from helpers.phantoms.fundus_grades import LABELS, SIGNS, sign_counts
from helpers.phantoms.fundus_photograph import photograph
from helpers.phantoms.fundus_scene import RetinaScene
from helpers.phantoms.fundus_signs import paint_signs
from helpers.phantoms.streams import NOISE_STREAM, VIEW_STREAM, has_shortcut, stream

__all__ = ["LABELS", "SIGNS", "draw"]

FLARE_SHARE = 0.25  # of the photographs whose flare does not depend on the label


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one photograph of one eye; the shortcut is a flare. See `helpers.phantom` for the parameters.

    Even views are the patient's right eye, odd ones the left.
    """
    side = view % 2
    eye = make_eye(seed=seed, side=side)
    counts = sign_counts(label, seed=seed, view=view, ambiguity=ambiguity)
    drawn = signs_to_draw(counts, signs)
    counts = {sign: counts[sign] for sign in SIGNS if sign in drawn}
    rng = stream(seed, VIEW_STREAM, view)
    contrast = 1 - ambiguity * rng.uniform(0, 0.5)
    scene = RetinaScene(eye, size)
    layers = paint_signs(scene, counts)
    by_chance = bool(rng.uniform() < FLARE_SHARE)
    flare = has_shortcut(seed, spurious=spurious, is_positive=label != "0", by_chance=by_chance)
    picture = photograph(scene.colour(contrast), eye, rng, size, flare=flare)
    image = take_picture(picture, stream(seed, NOISE_STREAM, view), noise=(0.8, 2.5))
    masks = {sign: touched_pixels(layer) for sign, layer in layers.items()}
    attributes = {"counts": counts, "side": ("right", "left")[side], "flare": flare, "contrast": contrast}
    return Phantom(image, join_masks(masks, size), masks, attributes)
