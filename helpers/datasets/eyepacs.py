"""The reader of EyePACS' public layout (Kaggle, Diabetic Retinopathy Detection, 2015), phantom or real."""

from pathlib import Path

import pandas as pd

from helpers.config import GRADES, grade_classes
from helpers.datasets import layout

TABLE = "trainLabels.csv"
IMAGES = "train"


def read_eyepacs(folder: Path, *, threshold: int = 1) -> pd.DataFrame:
    """Read the table of an EyePACS folder.

    Args:
        folder: Holds trainLabels.csv (columns image, level) and `train/<patient>_<left|right>.jpeg`; masks of
            the signs, if there are any, lie in `masks/` under the names of their images.
        threshold: The lowest grade that counts as disease; 0 keeps the five grades apart.

    Returns:
        One row an image, in the table's order: image (path relative to `folder`), label, group (the
        patient), and mask (relative path, or missing) where the folder has any masks.

    Raises:
        StudyError: no such folder or table, a column missing, a grade outside 0 to 4, a name that is not
            <patient>_<left|right>, an image listed twice, or listed but not there or there twice.
    """
    layout.existing_folder(folder, "EyePACS", TABLE, f"{IMAGES}/")
    path = layout.find_table(folder, TABLE, "EyePACS")
    table = layout.read_table(path, ("image", "level"))
    layout.check_values(path, table.level, lambda level: level.isin(GRADES), "a grade from 0 to 4")
    layout.check_values(
        path, table.image, lambda name: name.str.fullmatch(r".+_(left|right)"), "named <patient>_<left|right>"
    )
    layout.check_listed_once(path, table.image, table.level)
    found = layout.image_files(folder)
    pictures = found[found.path.str.startswith(f"{IMAGES}/")]
    grades = table.level.astype(int)
    classes = pd.Series(grade_classes(threshold))
    manifest = pd.DataFrame(
        {
            "image": layout.match_files(table.image, pictures, listed_in=path),
            "label": (grades if threshold == 0 else (grades >= threshold).astype(int)).map(classes),
            "group": table.image.str.rpartition("_")[0],
        }
    )
    masks = layout.masks_of(table.image, found)
    return manifest if masks is None else manifest.assign(mask=masks)
