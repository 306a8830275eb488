"""The reader of HAM10000's public layout (Tschandl et al., 2018), phantom or real."""

import numpy as np
import pandas as pd

from helpers.datasets import layout
from helpers.datasets.folder import DatasetFolder
from helpers.datasets.matching import check_listed_once, is_in_mask_folder, match_masks, match_pictures
from helpers.datasets.tables import as_groups, as_known, drop_bad_rows, find_table, image_stems, read_table
from helpers.tasks import SKIN_LESIONS, lesion_class

METADATA = "HAM10000_metadata.csv"
MASK_SUFFIX = "_segmentation"
COLUMNS = ("lesion_id", "image_id", "dx")


def read_ham10000(folder: DatasetFolder) -> pd.DataFrame:
    """Read the table of a HAM10000 folder (see `Layout.read`); a group is a lesion.

    Args:
        folder: Holds HAM10000_metadata.csv (or .tab), and below it, in one folder or several
            (HAM10000_images_part_1/, …), `<image_id>.jpg`; where there are lesion masks, they are named
            `<image_id>_segmentation.png`.

    Raises:
        StudyError: no metadata, or a column is missing.
    """
    path = find_table(folder, "ham10000_metadata.*", METADATA)
    table = read_table(path, COLUMNS, folder)
    table["dx"] = as_known(table.dx, SKIN_LESIONS)
    known = {"dx": (table.dx.isin(SKIN_LESIONS), f"one of {', '.join(SKIN_LESIONS)}")}
    table = drop_bad_rows(table, known, path, folder)
    names = image_stems(table.image_id)
    is_first = check_listed_once(names, table.dx, path, folder)
    table, names = table[is_first], names[is_first]
    has_suffix = folder.files.name.str.lower().str.endswith(MASK_SUFFIX)
    is_mask = has_suffix | is_in_mask_folder(folder.files)
    manifest = pd.DataFrame(
        {
            "image": match_pictures(names, folder.files[~is_mask], folder, listed_in=path),
            "label": table.dx.map(lesion_class),
            "group": as_groups(table.lesion_id),
        }
    )
    named = folder.files[is_mask]
    named = named.assign(name=named.name.str.lower().str.removesuffix(MASK_SUFFIX))
    masks = match_masks(names, named, folder)
    return manifest if masks is None else manifest.assign(mask=masks)


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows: list[tuple] = []
    for lesion in range(count):
        for view in range(layout.draw_view_count(rng)):
            name, label = f"PHANTOM_{len(rows):07d}", SKIN_LESIONS[lesion % len(SKIN_LESIONS)]
            image = f"HAM10000_images/{name}.jpg"
            mask = f"HAM10000_segmentations_lesion_tschandl/{name}{MASK_SUFFIX}.png"
            rows.append((image, mask, label, lesion, view, f"PHANTOM_{lesion:07d}", name, label))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout(METADATA, "folders of images", COLUMNS, read_ham10000, _plan_phantoms)
