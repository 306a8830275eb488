"""The chest x-ray phantom, with or without a pneumothorax.

Layers of density add up and become grey values at the end. The body, the collapse, the photograph with everything else
in it, and the noise have independent random streams: the same seed and view with another label is the same patient with
or without the collapse. Nothing else depends on the label. In particular, dark bands without a pleural line are equally
frequent in both classes.
"""

from collections.abc import Collection

import numpy as np

from helpers.phantoms.canvas import take_picture
from helpers.phantoms.chest_anatomy import draw_bones, draw_silhouette, draw_trunk
from helpers.phantoms.chest_body import Body
from helpers.phantoms.chest_collapse import SIGNS, Collapse, add_collapse, make_collapse
from helpers.phantoms.chest_devices import draw_devices
from helpers.phantoms.chest_exposure import expose
from helpers.phantoms.chest_findings import draw_findings
from helpers.phantoms.chest_picture import ChestPicture
from helpers.phantoms.drawing import Phantom, join_masks, signs_to_draw
from helpers.phantoms.geometry import Pose
from helpers.phantoms.streams import NOISE_STREAM, VIEW_STREAM, has_shortcut, stream

__all__ = ["LABELS", "SIGNS", "draw"]

LABELS = ("none", "pneumothorax")
TUBE_SHARE = 0.12  # of the photographs whose chest tube does not depend on the label


def draw(
    *, label: str, seed: int, size: int, view: int, ambiguity: float, spurious: float, signs: Collection[str] | None
) -> Phantom:
    """Draw one x-ray of one patient; the shortcut is a chest tube. See `helpers.phantom` for the parameters."""
    is_positive = label == "pneumothorax"
    body, rng = Body(seed), stream(seed, VIEW_STREAM, view)
    picture = ChestPicture(_sample_pose(rng), size)
    collapse = make_collapse(body, seed=seed, view=view, ambiguity=ambiguity)
    drawn = signs_to_draw(SIGNS if is_positive else (), signs)
    silhouette = draw_silhouette(body, picture)
    tissues = [picture.filled(lung.outline, 0.006) for lung in body.lungs]
    density = draw_trunk(body, picture, silhouette)
    density += draw_findings(body, picture, rng, tissues, ambiguity)
    masks = _add_lungs(density, body, collapse, picture=picture, tissues=tissues, signs=drawn)
    density += silhouette * draw_bones(body, picture)
    by_chance = bool(rng.uniform() < TUBE_SHARE)
    tube = has_shortcut(seed, spurious=spurious, is_positive=is_positive, by_chance=by_chance)
    density += draw_devices(picture, rng, tube=tube)
    grey = take_picture(expose(density, rng, size), stream(seed, NOISE_STREAM, view), noise=(1.0, 4.0))
    attributes = {
        "severity": collapse.severity if drawn else 0.0,
        "side": ("right", "left")[collapse.number],
        "tube": tube,
    }
    return Phantom(np.repeat(grey[..., None], 3, axis=-1), join_masks(masks, size), masks, attributes)


def _sample_pose(rng: np.random.Generator) -> Pose:
    return Pose(
        x=0.5 + rng.uniform(-0.05, 0.05),
        y=0.55 + rng.uniform(-0.05, 0.05),
        radius=0.55 * rng.uniform(0.90, 1.08),
        angle=rng.uniform(-0.05, 0.05),
    )


def _add_lungs(
    density: np.ndarray,
    body: Body,
    collapse: Collapse,
    *,
    picture: ChestPicture,
    tissues: list[np.ndarray],
    signs: Collection[str],
) -> dict[str, np.ndarray]:
    """Add both lungs to `density`, in place, one of them collapsed if there are signs; return {sign: mask}."""
    masks: dict[str, np.ndarray] = {}
    all_markings = body.lung_markings(picture)
    for number, (lung, tissue, markings) in enumerate(zip(body.lungs, tissues, all_markings, strict=True)):
        density -= body.air[number] * tissue
        if number == collapse.number and signs:
            markings, masks = add_collapse(
                density, markings, collapse, picture=picture, lung=lung, tissue=tissue, signs=signs
            )
        density += markings * tissue
    return masks
