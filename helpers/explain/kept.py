"""The images that an attack kept, with their adversarials: what there is to explain."""

import numpy as np

from helpers.config import StudyError
from helpers.paths import RunFolder


def read_adversarials(folder: RunFolder, *, count: int | None = None) -> dict[str, np.ndarray]:
    """Return what notebook 04 left in a run folder: of all images kept, or of the first `count`.

    Returns:
        images and adversarials (float32 (n, height, width, 3), pixels in [0, 1]), minimal_epsilon, labels (class
        indices), names (as in the manifest), groups, masks (bool (n, height, width)) and has_mask.

    Raises:
        StudyError: they are not there, or an older version left them.
    """
    path = folder.adversarials
    if not path.is_file():
        raise StudyError(f"{path}: expected adversarials, they are not there. Run notebook 04_evaluate_pgd first.")
    with np.load(path) as kept:
        if "has_mask" not in kept:
            raise StudyError(
                f"{path}: expected names, groups and masks beside the images, found {', '.join(kept)} only. Delete "
                f"{folder.robustness.name} beside it, and run notebook 04_evaluate_pgd again."
            )
        return {name: kept[name][:count] for name in kept}
