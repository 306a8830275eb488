"""The reader of EyePACS' public layout (Kaggle, Diabetic Retinopathy Detection, 2015), phantom or real."""

import numpy as np
import pandas as pd

from helpers.datasets import layout
from helpers.datasets.folder import DatasetFolder
from helpers.datasets.matching import (
    MASKS,
    check_listed_once,
    is_in_mask_folder,
    match_masks,
    match_pictures,
)
from helpers.datasets.tables import as_groups, drop_bad_rows, find_table, image_stems, read_table
from helpers.tasks import GRADES, grade_class

TABLE = "trainLabels.csv"
LABEL_TABLES = ("trainlabels", "trainlabels.*")  # copies on Kaggle: trainLabels15, trainLabels_cropped
IMAGES = "train"
CROPPED = "cropped"  # in the names of a second set of pictures in such a copy, and of its table
COLUMNS = ("image", "level")
HEALTHY_SHARE = 0.5  # of phantom eyes
NEXT_GRADE = 0.3  # how often a phantom patient's second eye is one grade off the first


def read_eyepacs(folder: DatasetFolder, *, threshold: int = 1) -> pd.DataFrame:
    """Read the table of an EyePACS folder (see `Layout.read`); a group is a patient.

    Args:
        folder: Holds trainLabels.csv (columns image, level) and, in `train/` or another folder,
            `<patient>_<left|right>.jpeg`; masks of the signs, if there are any, are in `masks/` under the names of
            their images.
        threshold: The lowest grade that counts as disease; 0 keeps the five grades apart.

    Raises:
        StudyError: no table, or a column is missing.
    """
    path = find_table(folder, LABEL_TABLES, TABLE)
    table = read_table(path, COLUMNS, folder)
    names = image_stems(table.image)
    table["level"] = table.level.str.replace(r"[.,]0+$", "", regex=True)  # a program saved whole numbers as decimals
    known = {
        "level": (table.level.isin(GRADES), "a grade from 0 to 4"),
        "image": (names.str.fullmatch(r".+_(left|right)", case=False), "named <patient>_<left|right>"),
    }
    table = drop_bad_rows(table, known, path, folder)
    names = names[table.index]
    is_first = check_listed_once(names, table.level, path, folder)
    table, names = table[is_first], names[is_first]
    is_mask = is_in_mask_folder(folder.files)
    pictures = folder.files[~is_mask]
    is_cropped = pictures.path.str.lower().str.contains(CROPPED)
    if CROPPED not in path.name.lower() and is_cropped.any() and not is_cropped.all():
        folder.notes.append(f"not used: {is_cropped.sum():,} files in folders called {CROPPED!r}; {path.name} is not")
        pictures = pictures[~is_cropped]
    manifest = pd.DataFrame(
        {
            "image": match_pictures(names, pictures, folder, listed_in=path),
            "label": table.level.map(lambda grade: grade_class(grade, threshold=threshold)),
            "group": as_groups(names.str.replace(r"_[^_]*$", "", regex=True)),
        }
    )
    masks = match_masks(names, folder.files[is_mask], folder)
    return manifest if masks is None else manifest.assign(mask=masks)


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range((count + 1) // 2):
        grade = int(rng.uniform() > HEALTHY_SHARE) * int(rng.integers(1, 5))
        for view, side in enumerate(("right", "left")):
            differs = rng.uniform() < NEXT_GRADE
            own = int(np.clip(grade + rng.choice([-1, 1]), 1, 4)) if view and differs and grade else grade
            name = f"{patient + 1}_{side}"
            image, mask = f"{IMAGES}/{name}.jpeg", f"{MASKS}/{name}.png"
            rows.append((image, mask, str(own), patient, view, name, str(own)))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout(TABLE, f"{IMAGES}/", COLUMNS, read_eyepacs, _plan_phantoms)
