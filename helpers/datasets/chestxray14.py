"""The reader of ChestX-ray14's public layout (Wang et al., 2017), phantom or real."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets import layout
from helpers.errors import StudyError
from helpers.tasks import FINDINGS, NO_FINDING, finding_class

TABLES = "Data_Entry_2017*.csv"
BOX_LIST = "BBox_List_2017.csv"
BOX_PIXELS = 1024  # side of the pictures that the boxes were drawn on
OFFICIAL = {"train_val_list.txt": "", "test_list.txt": "test"}  # file: split of its images; "" is not yet assigned
COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID")  # of phantoms
FOLLOW_UP = 0.3  # how often a later x-ray of a phantom patient has another label


def read_chestxray14(folder: Path, *, finding: str = "Pneumothorax", against: str = "others") -> pd.DataFrame:
    """Read the table of a ChestX-ray14 folder.

    Args:
        folder: Holds Data_Entry_2017.csv (or a later version of it), and below it, in `images/` or in
            `images_001/images/` to `images_012/images/`, the pictures. Used if they exist:
            train_val_list.txt and test_list.txt (the official split), BBox_List_2017.csv (boxes round
            findings), and a folder `masks/` with masks under the names of their images.
        finding: The finding to recognise, as the table spells it.
        against: "others": against all other images; "no_finding": against those without any finding, leaving out the
            rest.

    Returns:
        One row per image, in the table's order: image (path relative to `folder`), label, group (the
        patient); split ("test", or "" if not yet assigned) if there is an official one; mask
        if there are any: a relative path, or boxes "x y width height" in shares of the picture,
        separated by ";".

    Raises:
        StudyError: no such folder or table, a column missing, an unknown finding, an image listed twice, or
            listed but not there or there twice, one list of the official split without the other.
    """
    layout.check_folder(folder, "ChestX-ray14", "Data_Entry_2017.csv", "images/")
    path = layout.find_table(folder, TABLES, "ChestX-ray14")
    table = layout.read_table(path, ("Image Index", "Finding Labels", "Patient ID"))
    names = table["Image Index"].str.rpartition(".")[0]
    _check_findings(path, table["Finding Labels"])
    layout.check_listed_once(path, table["Image Index"], table["Finding Labels"])
    findings = table["Finding Labels"]
    classes = {label: finding_class(label, finding=finding, against=against) for label in findings.unique()}
    found = layout.image_files(folder)
    pictures = found[~found.path.str.startswith(f"{layout.MASKS}/")]
    manifest = pd.DataFrame(
        {
            "image": layout.match_files(names, pictures, listed_in=path),
            "label": findings.map(classes),
            "group": table["Patient ID"],
        }
    )
    if (official := _official_split(folder, table["Image Index"])) is not None:
        manifest["split"] = official
    masks = layout.masks_of(names, found)
    boxes = _boxes(folder / BOX_LIST, finding)
    if masks is not None or boxes is not None:
        mask = pd.Series(None, index=table.index, dtype=object) if masks is None else masks
        manifest["mask"] = mask if boxes is None else mask.fillna(table["Image Index"].map(boxes))
    return manifest.dropna(subset="label").reset_index(drop=True)


def _check_findings(path: Path, labels: pd.Series) -> None:
    known = {NO_FINDING, *FINDINGS}
    right = {label: set(label.split("|")) <= known for label in labels.unique()}
    layout.check_values(
        path, labels, lambda column: column.map(right), f"{NO_FINDING} or findings of {', '.join(FINDINGS)}"
    )


def _official_split(folder: Path, names: pd.Series) -> pd.Series | None:
    lists = {name: folder / name for name in OFFICIAL if (folder / name).is_file()}
    if not lists:
        return None
    if len(lists) < len(OFFICIAL):
        (missing,) = set(OFFICIAL) - set(lists)
        raise StudyError(
            f"{folder}: expected {' and '.join(OFFICIAL)}; {missing} is missing. Add it, or remove the other."
        )
    split = pd.Series({image: OFFICIAL[name] for name, file in lists.items() for image in file.read_text().split()})
    if (unlisted := ~names.isin(split.index)).any():
        raise StudyError(
            f"{folder}: expected every image in {' or '.join(OFFICIAL)}; {names[unlisted].iloc[0]} is in neither. "
            "Download the lists again, or remove them."
        )
    return names.map(split)


def _boxes(path: Path, finding: str) -> pd.Series | None:
    """Return {image: boxes} of one finding, None if there is no list of boxes."""
    if not path.is_file():
        return None
    table = layout.read_table(path, ("Image Index", "Finding Label"))
    table = table[table["Finding Label"] == finding]
    sides = table.iloc[:, 2:6].astype(float) / BOX_PIXELS
    boxes = sides.round(5).astype(str).agg(" ".join, axis=1)
    return boxes.groupby(table["Image Index"]).agg(";".join)


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range(count):
        is_sick = patient % 2 == 1
        for view in range(layout.draw_view_count(rng)):
            is_sick = is_sick ^ (view > 0 and rng.uniform() < FOLLOW_UP)
            name, label = f"{patient + 1:08d}_{view:03d}.png", ("none", "pneumothorax")[is_sick]
            image, mask = f"images/{name}", f"{layout.MASKS}/{name}"
            finding = "Pneumothorax" if is_sick else NO_FINDING
            rows.append((image, mask, label, patient, view, name, finding, view, patient + 1))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout("Data_Entry_2017.csv", COLUMNS, read_chestxray14, _plan_phantoms, grey=True)
