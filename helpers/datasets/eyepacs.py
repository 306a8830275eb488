"""The reader of EyePACS' public layout (Kaggle, Diabetic Retinopathy Detection, 2015), phantom or real."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets import layout
from helpers.tasks import GRADES, grade_class

TABLE = "trainLabels.csv"
IMAGES = "train"
COLUMNS = ("image", "level")
HEALTHY_SHARE = 0.5  # of phantom eyes
NEXT_GRADE = 0.3  # how often a phantom patient's second eye is one grade off the first


def read_eyepacs(folder: Path, *, threshold: int = 1) -> pd.DataFrame:
    """Read the table of an EyePACS folder.

    Args:
        folder: Holds trainLabels.csv (columns image, level) and `train/<patient>_<left|right>.jpeg`; masks of
            the signs, if there are any, lie in `masks/` under the names of their images.
        threshold: The lowest grade that counts as disease; 0 keeps the five grades apart.

    Returns:
        One row per image, in the table's order: image (path relative to `folder`), label, group (the
        patient), and mask (relative path, or missing) where the folder has any masks.

    Raises:
        StudyError: no such folder or table, a column missing, a grade outside 0 to 4, a name that is not
            <patient>_<left|right>, an image listed twice, or listed but not there or there twice.
    """
    layout.check_folder(folder, "EyePACS", TABLE, f"{IMAGES}/")
    path = layout.find_table(folder, TABLE, "EyePACS")
    table = layout.read_table(path, COLUMNS)
    layout.check_values(path, table.level, lambda level: level.isin(GRADES), "a grade from 0 to 4")
    layout.check_values(
        path, table.image, lambda name: name.str.fullmatch(r".+_(left|right)"), "named <patient>_<left|right>"
    )
    layout.check_listed_once(path, table.image, table.level)
    found = layout.image_files(folder)
    pictures = found[found.path.str.startswith(f"{IMAGES}/")]
    manifest = pd.DataFrame(
        {
            "image": layout.match_files(table.image, pictures, listed_in=path),
            "label": table.level.map(lambda grade: grade_class(grade, threshold=threshold)),
            "group": table.image.str.rpartition("_")[0],
        }
    )
    masks = layout.masks_of(table.image, found)
    return manifest if masks is None else manifest.assign(mask=masks)


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range((count + 1) // 2):
        grade = int(rng.uniform() > HEALTHY_SHARE) * int(rng.integers(1, 5))
        for view, side in enumerate(("right", "left")):
            differs = rng.uniform() < NEXT_GRADE
            own = int(np.clip(grade + rng.choice([-1, 1]), 1, 4)) if view and differs and grade else grade
            name = f"{patient + 1}_{side}"
            image, mask = f"{IMAGES}/{name}.jpeg", f"{layout.MASKS}/{name}.png"
            rows.append((image, mask, str(own), patient, view, name, str(own)))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout(TABLE, COLUMNS, read_eyepacs, _plan_phantoms)
