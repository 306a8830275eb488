"""Drawn stand-ins for medical images, whose signs of disease are known."""

from collections.abc import Collection

from helpers.config import StudyError, one_of
from helpers.phantoms import chest_xray, dermatoscopy, fundus
from helpers.phantoms.drawing import Phantom

KINDS = {"dermatoscopy": dermatoscopy, "fundus": fundus, "chest_xray": chest_xray}


def phantom(
    kind: str,
    label: str,
    seed: int,
    size: int = 64,
    *,
    view: int = 0,
    ambiguity: float = 0.3,
    spurious: float = 0.0,
    signs: Collection[str] | None = None,
) -> Phantom:
    """Draw one phantom.

    Args:
        kind: "dermatoscopy", "fundus" or "chest_xray".
        label: "akiec", "bcc", … "vasc"; "0" to "4" (the grade); "none" or "pneumothorax".
        seed: Which lesion or patient. Same seed, same scene, at any size.
        size: Side in pixels.
        view: Which photograph: of the same lesion, of the right (0) or left (1) eye, of the same chest.
        ambiguity: 0 (textbook) to 1 (hard).
        spurious: 0 (none) to 1 (always): how often a shortcut is tied to the label: a ruler to malignant
            lesions, a flare to diseased eyes, a chest tube to pneumothorax. At 0 they are equally frequent.
        signs: Which signs of disease to draw of those that this phantom has; None draws all. `signs=()`
            gives the other half of a counterfactual pair: the same picture without its signs.

    Raises:
        StudyError: no such kind, label or sign; a number out of its range.
    """
    drawing = KINDS[one_of("kind", kind, KINDS)]
    one_of("label", label, drawing.LABELS)
    for sign in signs or ():
        one_of("signs", sign, drawing.SIGNS)
    for name, value in (("ambiguity", ambiguity), ("spurious", spurious)):
        if not 0 <= value <= 1:
            raise StudyError(f"{name}: expected a number from 0 to 1, got {value!r}.")
    settings = {"view": view, "ambiguity": ambiguity, "spurious": spurious, "signs": signs}
    return drawing.draw(label=label, seed=seed, size=size, **settings)
