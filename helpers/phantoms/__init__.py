"""Phantoms: drawn pictures that stand in for medical images, with known signs of disease."""

from collections.abc import Collection

from helpers.errors import StudyError, check_choice
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
        seed: Which lesion or patient. The same seed gives the same scene at any size.
        size: Side in pixels.
        view: Which photograph: of the same lesion; of the right (0) or the left (1) eye; of the same chest.
        ambiguity: 0 (textbook) to 1 (hard).
        spurious: 0 (none) to 1 (always): how often the label decides about a shortcut. The shortcuts are a ruler at
            malignant lesions, a flare in diseased eyes, and a chest tube at a pneumothorax. At 0, all labels have them
            equally often.
        signs: Which of the signs of disease that this phantom has are drawn; None draws all. `signs=()` draws the
            other half of a counterfactual pair: the same picture without its signs.

    Raises:
        StudyError: there is no such kind, label or sign, or a number is out of its range.
    """
    drawing = KINDS[check_choice("kind", kind, KINDS)]
    check_choice("label", label, drawing.LABELS)
    for sign in signs or ():
        check_choice("signs", sign, drawing.SIGNS)
    for name, value in (("ambiguity", ambiguity), ("spurious", spurious)):
        if not 0 <= value <= 1:
            raise StudyError(f"{name}: expected a number from 0 to 1, got {value!r}.")
    return drawing.draw(
        label=label, seed=seed, size=size, view=view, ambiguity=ambiguity, spurious=spurious, signs=signs
    )
