"""From a dataset in its public layout to one checked and split table, a row per image."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts.reports import ManifestReport
from helpers.datasets.copies import merge_groups, near_duplicates, rows_outside_the_split_of_their_group
from helpers.datasets.images import inspect_images
from helpers.datasets.layout import layout_of, open_folder
from helpers.datasets.masks import inspect_masks
from helpers.datasets.medmnist import read_medmnist
from helpers.datasets.problems import Problems
from helpers.datasets.remarks import check_range, note_merged_groups
from helpers.datasets.split import (
    SPLITS,
    check_split,
    missing_classes,
    split_by_group,
    split_like_datta,
    split_the_rest,
)
from helpers.errors import StudyError, check_choice
from helpers.tasks import TASKS

FEW = 5_000  # images that are inspected although the table has problems: it takes seconds, and all is said at once


def read_manifest(
    *,
    task: str,
    source: str,
    data_dir: Path,
    folds: int,
    seed: int,
    split: str = "grouped",
    on_bad_image: str = "stop",
    **options: str | int,
) -> pd.DataFrame:
    """Read a dataset in its public layout, check every image, and split it.

    Groups that share a file are merged into one. What a reader of the study should know, for example which of several
    lists was used, is printed, and is in the report.

    Args:
        task: "skin_lesion", "retinopathy" or "pneumothorax".
        source: "folder" or "phantom" read the layout of HAM10000, EyePACS or ChestX-ray14; "medmnist" reads what
            `unpack_medmnist` wrote.
        data_dir: The dataset's folder.
        folds: One fold is the test split, one the validation split, the others the training split. An official split is
            kept.
        seed: Decides which group goes into which fold.
        split: "grouped", or "datta" (see `split_like_datta`).
        on_bad_image: "stop" if there are images that cannot be used, or "skip" them.
        options: The task's own parameters: threshold; finding and against.

    Returns:
        One row per image: image (path relative to `data_dir`), label, group (lesion or patient), split,
        and mask where there are masks. Its `attrs["report"]` is a `ManifestReport`.

    Raises:
        StudyError: one error with all that is wrong: the folder does not have its layout, images cannot be used, the
            same file or group is in two splits of an official split, or a class is missing from a split.
    """
    check_choice("task", task, TASKS)
    if source == "medmnist":
        problems, notes = Problems(data_dir), []
        table = read_medmnist(data_dir, task=task, **options)
    else:
        folder = open_folder(task, data_dir)
        table = layout_of(TASKS[task]).read(folder, **options)
        problems, notes = folder.problems, folder.notes
    table = table.reset_index(drop=True)
    classes = TASKS[task].classes(**options)
    if text := missing_classes(table.label, classes):
        problems.add(f"{data_dir}: {text}")
    if problems.texts and len(table) > FEW:
        problems.stop()
    rows = table[table.image.notna()]
    inspected = inspect_images(data_dir, rows.image)
    groups = merge_groups(rows.group, inspected.digest.where(inspected.problem == "", rows.image))
    skipped = _unusable(rows, inspected, groups)
    for _, bad in skipped.groupby("kind", sort=False):
        problems.add(f"{data_dir / bad.image.iloc[0]}: {bad.problem.iloc[0]}.", count=len(bad), can_be_skipped=True)
    check_range(data_dir, rows.image, inspected[inspected.problem == ""], problems, notes)
    rows = _without_bad_masks(data_dir, rows, inspected, problems, notes, on_bad_image=on_bad_image)
    problems.stop(on_bad_image=on_bad_image)
    notes += [f"left out: {text}" for text in problems.of_images]
    note_merged_groups(rows, groups, inspected, notes)
    rows = rows.assign(group=groups)
    table, inspected = (frame.drop(index=skipped.index).reset_index(drop=True) for frame in (rows, inspected))
    if text := missing_classes(table.label, classes):
        raise StudyError(f"{data_dir}: without the images that are left out, {text}")
    try:
        table["split"] = _split(table, split=split, folds=folds, seed=seed)
        check_split(table, ("train", "test") if split == "datta" else SPLITS)
    except StudyError as error:
        raise StudyError(" ".join([str(error), *(f"Also found: {note}." for note in notes)])) from error
    for note in notes:
        print(note)
    pairs = near_duplicates(inspected, table.split)
    table.attrs["report"] = ManifestReport(
        images=len(table),
        skipped=dict(zip(skipped.image, skipped.problem, strict=True)),
        near_duplicates=[(table.image[a], table.image[b], round(alike, 4)) for a, b, alike in pairs],
        images_digest="" if source == "phantom" else files.short_digest(inspected.digest.tolist()),
        masks_digest="" if source == "phantom" else _digest_of_masks(data_dir, table),
        notes=notes,
    )
    return table


def _split(table: pd.DataFrame, *, split: str, folds: int, seed: int) -> pd.Series:
    if split == "datta":
        return split_like_datta(table, seed=seed)
    if "split" in table:
        return split_the_rest(table, folds=folds, seed=seed)
    return split_by_group(table, folds=folds, seed=seed)


def _digest_of_masks(folder: Path, table: pd.DataFrame) -> str:
    paths = [folder / mask for mask in table["mask"].dropna()] if "mask" in table else []
    return files.short_digest([files.digest(path) for path in paths if path.is_file()])


def _unusable(table: pd.DataFrame, inspected: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Return the rows that cannot be used, with the columns `problem` and `kind`."""
    problem, kind = inspected.problem.copy(), inspected.kind.copy()
    if "split" in table:
        sound = inspected.index[problem == ""]
        divided = rows_outside_the_split_of_their_group(groups[sound], table.split[sound])
        kept = table.loc[sound][~divided].groupby(groups[sound][~divided])[["image", "split"]].first()
        for row in divided.index[divided]:
            other = kept.loc[groups[row]]
            problem[row] = (
                f"expected a lesion or patient in one of the given splits; {other.image}, in the {other.split} split, "
                "is of the same one, or the same file"
            )
            kind[row] = "divided group"
    return table.assign(problem=problem, kind=kind)[problem != ""]


def _without_bad_masks(
    folder: Path,
    table: pd.DataFrame,
    inspected: pd.DataFrame,
    problems: Problems,
    notes: list[str],
    *,
    on_bad_image: str,
) -> pd.DataFrame:
    """Return the table with missing values for masks that cannot be used, which is a note, or else a problem."""
    if "mask" not in table:
        return table
    masks = table[["mask"]].join(inspected[["width", "height"]])[inspected.problem == ""].dropna()
    found = inspect_masks(folder, masks)
    bad = found[found.kind != ""]
    if found.is_full.any():
        notes.append(
            f"masks with nothing outside: {found.is_full.sum():,}; the first is {masks['mask'][found.is_full.idxmax()]}"
        )
    if on_bad_image == "stop":
        for _, rows in bad.groupby("kind", sort=False):
            problems.add(rows.problem.iloc[0], count=len(rows))
    elif len(bad):
        first = masks["mask"][bad.index[0]]
        notes.append(f"masks that cannot be used and are left out: {len(bad):,}; the first is {first}")
    return table.assign(mask=table["mask"].drop(index=bad.index))
