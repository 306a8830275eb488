"""The reader of HAM10000's public layout (Tschandl et al., 2018), phantom or real."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets import layout
from helpers.tasks import SKIN_LESIONS, lesion_class

METADATA = "HAM10000_metadata.csv"
MASK_SUFFIX = "_segmentation"
COLUMNS = ("lesion_id", "image_id", "dx")


def read_ham10000(folder: Path) -> pd.DataFrame:
    """Read the table of a HAM10000 folder.

    Args:
        folder: Holds HAM10000_metadata.csv, and below it, in one folder or several
            (HAM10000_images_part_1/, …), `<image_id>.jpg`; where there are lesion masks, they are named
            `<image_id>_segmentation.png`.

    Returns:
        One row per image, in the metadata's order: image (path relative to `folder`), label, group
        (the lesion), and mask (relative path, or missing) where the folder has any masks.

    Raises:
        StudyError: no such folder or metadata, a column missing, a label outside the seven classes, an
            image listed twice, or listed but not there or there twice.
    """
    layout.check_folder(folder, "HAM10000", METADATA, "image folders")
    path = layout.find_table(folder, METADATA, "HAM10000")
    table = layout.read_table(path, COLUMNS)
    layout.check_values(path, table.dx, lambda dx: dx.isin(SKIN_LESIONS), f"one of {', '.join(SKIN_LESIONS)}")
    layout.check_listed_once(path, table.image_id, table.dx)
    found = layout.image_files(folder)
    of_lesion = found.name.str.endswith(MASK_SUFFIX)
    images = layout.match_files(table.image_id, found[~of_lesion], listed_in=path)
    manifest = pd.DataFrame({"image": images, "label": table.dx.map(lesion_class), "group": table.lesion_id})
    if of_lesion.any():
        masks = found[of_lesion].assign(name=lambda files: files.name.str.removesuffix(MASK_SUFFIX))
        manifest["mask"] = table.image_id.map(masks.drop_duplicates("name").set_index("name").path)
    return manifest


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows: list[tuple] = []
    for lesion in range(count):
        for view in range(layout.draw_view_count(rng)):
            name, label = f"PHANTOM_{len(rows):07d}", SKIN_LESIONS[lesion % len(SKIN_LESIONS)]
            image = f"HAM10000_images/{name}.jpg"
            mask = f"HAM10000_segmentations_lesion_tschandl/{name}{MASK_SUFFIX}.png"
            rows.append((image, mask, label, lesion, view, f"PHANTOM_{lesion:07d}", name, label))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout(METADATA, COLUMNS, read_ham10000, _plan_phantoms)
