"""The reader of ChestX-ray14's public layout (Wang et al., 2017), phantom or real."""

import numpy as np
import pandas as pd

from helpers.datasets import chestxray14_lists as lists
from helpers.datasets import layout
from helpers.datasets.folder import DatasetFolder
from helpers.datasets.matching import (
    MASKS,
    check_listed_once,
    is_in_mask_folder,
    match_masks,
    match_pictures,
)
from helpers.datasets.tables import as_groups, as_known, drop_bad_rows, find_table, image_stems, read_table
from helpers.tasks import FINDINGS, NO_FINDING, finding_class

TABLE = "Data_Entry_2017.csv"
ENTRY_TABLES = ("data_entry_2017.*", "sample_labels")  # sample_labels: NIH's random sample on Kaggle
NEEDED = ("Image Index", "Finding Labels", "Patient ID")
COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID")  # of phantoms
FOLLOW_UP = 0.3  # how often a later x-ray of a phantom patient has another label


def read_chestxray14(folder: DatasetFolder, *, finding: str = "Pneumothorax", against: str = "others") -> pd.DataFrame:
    """Read the table of a ChestX-ray14 folder (see `Layout.read`); a group is a patient.

    Args:
        folder: Holds Data_Entry_2017.csv (or a later version of it), and below it, in `images/` or in
            `images_001/images/` to `images_012/images/`, the pictures. Used if they exist: train_val_list.txt and
            test_list.txt (the official split), BBox_List_2017.csv (boxes round findings), and a folder `masks/` with
            masks under the names of their images. The lists may have further words at the end of their names.
        finding: The finding to recognise, as the table spells it.
        against: "others": against all other images; "no_finding": against those without any finding, leaving out the
            rest.

    Raises:
        StudyError: no table, or a column is missing.
    """
    path = find_table(folder, ENTRY_TABLES, TABLE)
    table = read_table(path, NEEDED, folder)
    findings = _spelled(table["Finding Labels"])
    names = image_stems(table["Image Index"])
    known = {NO_FINDING, *FINDINGS}
    is_known = findings.map({labels: set(labels.split("|")) <= known for labels in findings.unique()}).astype(bool)
    expected = f"{NO_FINDING} or findings of {', '.join(FINDINGS)}"
    table = drop_bad_rows(table, {"Finding Labels": (is_known, expected)}, path, folder)
    table = table[check_listed_once(names[table.index], findings[table.index], path, folder)]
    names, findings = names[table.index], findings[table.index]
    classes = {label: finding_class(label, finding=finding, against=against) for label in findings.unique()}
    is_mask = is_in_mask_folder(folder.files)
    manifest = pd.DataFrame(
        {
            "image": match_pictures(names, folder.files[~is_mask], folder, listed_in=path),
            "label": findings.map(classes),
            "group": as_groups(table["Patient ID"].str.replace(r"^0+(?=\d)", "", regex=True)),
        }
    )
    if (official := lists.official_split(folder, names)) is not None:
        manifest["split"] = official
    masks = match_masks(names, folder.files[is_mask], folder)
    has_finding = findings.str.split("|").map(lambda found: finding in found).astype(bool)
    boxes = lists.boxes_of(folder, finding, names, has_finding)
    if masks is not None or boxes is not None:
        mask = pd.Series(None, index=table.index, dtype=object) if masks is None else masks
        manifest["mask"] = mask if boxes is None else mask.fillna(boxes)
    return manifest[manifest.label.notna()]


def _spelled(findings: pd.Series) -> pd.Series:
    """Return findings as ChestX-ray14 spells them: NIH's sample on Kaggle has No_Finding, others small letters."""
    known = (NO_FINDING, *FINDINGS)
    spelled = {labels: "|".join(as_known(pd.Series(labels.split("|")), known)) for labels in findings.unique()}
    return findings.map(spelled).astype(str)


def _plan_phantoms(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range(count):
        is_sick = patient % 2 == 1
        for view in range(layout.draw_view_count(rng)):
            is_sick = is_sick ^ (view > 0 and rng.uniform() < FOLLOW_UP)
            name, label = f"{patient + 1:08d}_{view:03d}.png", ("none", "pneumothorax")[is_sick]
            image, mask = f"images/{name}", f"{MASKS}/{name}"
            finding = "Pneumothorax" if is_sick else NO_FINDING
            rows.append((image, mask, label, patient, view, name, finding, view, patient + 1))
    return layout.plan_table(rows, count, COLUMNS)


LAYOUT = layout.Layout(TABLE, "images/", COLUMNS, read_chestxray14, _plan_phantoms, grey=True)
