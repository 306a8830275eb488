"""The lists that come with ChestX-ray14: the official split, and boxes round findings."""

import itertools
import re
from pathlib import Path

import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.datasets.tables import (
    TABLE_ENDINGS,
    as_numbers,
    drop_bad_rows,
    image_stems,
    named_files,
    one_of_equal_files,
    read_table,
)
from helpers.datasets.text_files import read_records
from helpers.errors import StudyError

OFFICIAL = {"train_val_list": "", "test_list": "test"}  # list: split of its images; "" is not yet assigned
BOX_LIST = "bbox_list_2017"
SPELLINGS = {  # list: its name in small letters, with further words or other signs between the words
    "train_val_list": r".*train[\W_]*val[\W_]*list.*",
    "test_list": r".*test[\W_]*list.*",
    BOX_LIST: r".*bbox([\W_]*list.*)?",
}
BOX_COLUMNS = ("Image Index", "Finding Label")
BOX_SIDES = {"x": "x", "y": "y", "w": "w", "h": "h", "width": "w", "height": "h"}  # spelling of a side: the side
BOX = "the box"  # name of the column made of the four sides, for errors
BOX_PIXELS = 1024  # side of the pictures that the boxes were drawn on
BOX_SPELLINGS = {"infiltrate": "infiltration"}  # the list's name of a finding: the table's


def official_split(folder: DatasetFolder, names: pd.Series) -> pd.Series | None:
    """Return the split of each image in the official lists, "test" or ""; None if there are no lists to go by.

    Args:
        folder: Gets the problems: one list without the other, a list without names, an image in neither or in both.
        names: Image names without ending.
    """
    try:
        found = {name: path for name in OFFICIAL if (path := _list_of(folder, name))}
        if len(found) == len(OFFICIAL):
            return _split_of_lists(folder, names, found)
    except StudyError as error:
        folder.problems.add(str(error))
        return None
    if found:
        shown = " and ".join(f"{name}.txt" for name in OFFICIAL)
        (missing,) = set(OFFICIAL) - set(found)
        folder.problems.add(f"{folder.path}: expected {shown}; {missing}.txt is missing. Add it, or remove the other.")
    return None


def _split_of_lists(folder: DatasetFolder, names: pd.Series, found: dict[str, Path]) -> pd.Series | None:
    lower = names.str.lower()
    listed = {name: _listed_names(path, set(lower)) for name, path in found.items()}
    if empty := [found[name] for name in OFFICIAL if not listed[name]]:
        for path in empty:
            folder.problems.add(
                f"{path}: expected names of images that the table lists, found none. Download it again, or remove "
                "both official lists."
            )
        return None
    shown = [path.name for path in found.values()]
    folder.notes.append(f"official split: {', '.join(shown)}")
    is_in = pd.DataFrame({name: lower.isin(stems) for name, stems in listed.items()})
    for times, what in ((0, "in neither"), (2, "in both")):
        wrong = names[is_in.sum(axis=1) == times]
        if len(wrong):
            folder.problems.add(
                f"{folder.path}: expected every image in {' or '.join(shown)}; "
                f"{wrong.iloc[0]} is {what}. Download the lists again, or remove them.",
                count=len(wrong),
            )
    return is_in["test_list"].map({True: OFFICIAL["test_list"], False: OFFICIAL["train_val_list"]})


def _listed_names(path: Path, names: set[str]) -> set[str]:
    """Return those of some image names, in small letters, that are a field or a word of a list."""
    fields = {field for _, fields in read_records(path) for field in fields}
    words = {word for field in fields for word in field.split()}
    return names & set(image_stems(pd.Series(sorted(fields | words), dtype=str)).str.lower())


def boxes_of(folder: DatasetFolder, finding: str, names: pd.Series, has_finding: pd.Series) -> pd.Series | None:
    """Return the boxes of one finding in each image; None if there is no list of boxes, or no box of this finding.

    Boxes are "x y width height" in shares of the picture, separated by ";".

    Args:
        folder: Gets the problems: no columns of boxes, boxes that are no numbers, or outside of the picture.
        finding: As the table of images spells it.
        names: Image names without ending.
        has_finding: Whether the table lists the finding, for each image.
    """
    try:
        path = _list_of(folder, BOX_LIST)
        if path is None:
            return None
        boxes = _read_boxes(path, finding, folder)
    except StudyError as error:
        folder.problems.add(str(error))
        return None
    names = names.str.lower()
    is_listed = boxes.index.isin(names)
    if not is_listed.all():
        folder.notes.append(
            f"not used: {(~is_listed).sum():,} of {len(boxes):,} boxes of {finding} in {path.name}; the table does "
            "not list their images"
        )
    boxes = boxes[is_listed]
    if boxes.empty:
        folder.notes.append(f"no box in {path.name} is of {finding} in a listed image")
        return None
    if surplus := (~boxes.index.isin(names[has_finding])).sum():
        folder.notes.append(f"boxes of {finding} in images that the table lists without it: {surplus:,}")
    folder.notes.append(f"boxes: {path.name}")
    return names.map(boxes.groupby(level=0).agg(";".join))


def _read_boxes(path: Path, finding: str, folder: DatasetFolder) -> pd.Series:
    """Return the boxes of one finding; their index is the image's name in small letters."""
    if len(list(itertools.islice(read_records(path), 2))) < 2:
        return pd.Series(dtype=str)
    table = read_table(path, BOX_COLUMNS, folder)
    sides = [BOX_SIDES.get(re.sub(r"bbox|[\W_]", "", name.lower()), "") for name in table.columns]
    if any(sides.count(side) != 1 for side in "xywh"):
        raise StudyError(
            f"{path}: expected one column each for x, y, width and height, as in Bbox [x,y,w,h]; found "
            f"{', '.join(table.columns)}. Rename the columns, or download the list again."
        )
    values = table.iloc[:, [sides.index(side) for side in "xywh"]].set_axis(list("xywh"), axis=1)
    table = table.assign(**{BOX: [", ".join(row) for row in values.to_numpy()]})
    shares = pd.DataFrame({side: as_numbers(values[side]) / BOX_PIXELS for side in "xywh"})
    is_inside = (shares[["x", "y"]] >= 0).all(axis=1) & (shares[["w", "h"]] > 0).all(axis=1)
    is_inside &= (shares.x + shares.w <= 1) & (shares.y + shares.h <= 1)
    expected = f"x, y, width and height inside of {BOX_PIXELS} pixels"
    table = drop_bad_rows(table, {BOX: (is_inside, expected)}, path, folder)
    table = table[table[BOX_COLUMNS[1]].str.casefold().replace(BOX_SPELLINGS) == finding.casefold()]
    boxes = [" ".join(row) for row in shares.loc[table.index].round(5).astype(str).to_numpy()]
    return pd.Series(boxes, index=image_stems(table[BOX_COLUMNS[0]]).str.lower(), dtype=str)


def _list_of(folder: DatasetFolder, name: str) -> Path | None:
    """Return the list of this name, or of a similar one such as train_val_list_NIH.txt; None if there is none.

    Raises:
        StudyError: there is something of this name that is no text file.
    """
    if found := named_files(folder, SPELLINGS[name], TABLE_ENDINGS):
        return one_of_equal_files(found, folder)
    names = [path.name for path in folder.path.iterdir() if not path.name.startswith(".")]
    if other := [text for text in names if re.fullmatch(SPELLINGS[name], text.lower())]:
        raise StudyError(
            f"{folder.path / other[0]}: expected a text file, as {name} is published; found something else under this "
            "name. Download it again, or remove it."
        )
    return None
