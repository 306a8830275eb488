"""The lists that come with ChestX-ray14: the official split, and boxes round findings."""

import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.datasets.tables import (
    TABLE_ENDINGS,
    as_numbers,
    drop_bad_rows,
    image_stems,
    one_of_equal_files,
    read_table,
)
from helpers.datasets.text_files import read_text

OFFICIAL = {"train_val_list": "", "test_list": "test"}  # list: split of its images; "" is not yet assigned
BOX_LIST = "bbox_list_2017"
BOX_COLUMNS = ("Image Index", "Finding Label")  # four columns with numbers follow: x, y, width, height
BOX_PIXELS = 1024  # side of the pictures that the boxes were drawn on
BOX_SPELLINGS = {"Infiltrate": "Infiltration"}  # the list's name of a finding: the table's


def official_split(folder: DatasetFolder, names: pd.Series) -> pd.Series | None:
    """Return the split of each image in the official lists, "test" or ""; None if there are no lists.

    Args:
        folder: Gets the problems: one list without the other, an image in neither list or in both.
        names: Image names without ending.
    """
    found = {name: path for name in OFFICIAL if (path := _list_of(folder, name))}
    if not found:
        return None
    shown = " and ".join(f"{name}.txt" for name in OFFICIAL)
    if len(found) < len(OFFICIAL):
        (missing,) = set(OFFICIAL) - set(found)
        folder.problems.add(f"{folder.path}: expected {shown}; {missing}.txt is missing. Add it, or remove the other.")
        return None
    listed = {name: set(image_stems(pd.Series(read_text(path).split(), dtype=str))) for name, path in found.items()}
    folder.notes.append(f"official split: {', '.join(path.name for path in found.values())}")
    is_in = pd.DataFrame({name: names.isin(stems) for name, stems in listed.items()})
    for times, what in ((0, "in neither"), (2, "in both")):
        wrong = names[is_in.sum(axis=1) == times]
        if len(wrong):
            folder.problems.add(
                f"{folder.path}: expected every image in {' or '.join(path.name for path in found.values())}; "
                f"{wrong.iloc[0]} is {what}. Download the lists again, or remove them.",
                count=len(wrong),
            )
    return is_in["test_list"].map({True: OFFICIAL["test_list"], False: OFFICIAL["train_val_list"]})


def boxes_of(folder: DatasetFolder, finding: str) -> pd.Series | None:
    """Return {image name: boxes} of one finding; None if there is no list of boxes, or none of this finding.

    Boxes are "x y width height" in shares of the picture, separated by ";".

    Args:
        folder: Gets the problems: boxes that are no numbers, or outside of the picture.
        finding: As the table of images spells it.
    """
    path = _list_of(folder, BOX_LIST)
    if path is None:
        return None
    table = read_table(path, BOX_COLUMNS, folder)
    sides = table.iloc[:, 2:6].apply(as_numbers) / BOX_PIXELS
    if sides.shape[1] < 4:
        folder.problems.add(f"{path}: expected the columns x, y, width and height after {BOX_COLUMNS[1]}. Add them.")
        return None
    right, lower = sides.iloc[:, 0] + sides.iloc[:, 2], sides.iloc[:, 1] + sides.iloc[:, 3]
    is_inside = (sides >= 0).all(axis=1) & (sides.iloc[:, 2:] > 0).all(axis=1) & (right <= 1) & (lower <= 1)
    number_column = table.columns[2]
    expected = f"a box: x, y, width and height inside of {BOX_PIXELS} pixels"
    table = drop_bad_rows(table, {number_column: (is_inside, expected)}, path, folder)
    table = table[table[BOX_COLUMNS[1]].replace(BOX_SPELLINGS) == finding]
    if table.empty:
        folder.notes.append(f"no box in {path.name} is of {finding}")
        return None
    folder.notes.append(f"boxes: {path.name}")
    boxes = sides.loc[table.index].round(5).astype(str).agg(" ".join, axis=1)
    return boxes.groupby(image_stems(table["Image Index"])).agg(";".join)


def _list_of(folder: DatasetFolder, name: str):
    """Return the list of this name, or of a longer one such as train_val_list_NIH.txt; None if there is none."""
    is_list = folder.files.name.str.lower().str.fullmatch(f"{name}.*") & folder.files.ending.isin(TABLE_ENDINGS)
    found = [folder.path / path for path in folder.files.path[is_list]]
    return one_of_equal_files(found, folder) if found else None
