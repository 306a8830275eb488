"""From a dataset in its public layout to one checked and split table, a row per image."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts.reports import ManifestReport
from helpers.datasets.copies import copies_across_splits, merge_groups, near_duplicates
from helpers.datasets.images import inspect_images
from helpers.datasets.layout import layout_of, open_folder
from helpers.datasets.masks import unusable_masks
from helpers.datasets.medmnist import read_medmnist
from helpers.datasets.problems import Problems
from helpers.datasets.split import SPLITS, check_split, split_by_group, split_like_datta, split_the_rest
from helpers.errors import StudyError, check_choice
from helpers.tasks import TASKS

FEW = 5_000  # images that are inspected although the table has problems: it takes seconds, and all is said at once
SKIP = "Or leave such images out: on_bad_image=skip."
TWELVE_BITS = 4_095  # the largest value of a detector's 12 bits
WHITE = {8: 255, 16: 65_535}  # bits of a sample: its largest value


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
    if problems and len(table) > FEW:
        problems.stop()
    rows = table[table.image.notna()]
    inspected = inspect_images(data_dir, rows.image)
    skipped = _unusable(rows, inspected)
    if on_bad_image == "stop":
        _add_unusable(data_dir, skipped, problems)
    _check_range(data_dir, rows.image, inspected[inspected.problem == ""], problems, notes)
    rows = _without_bad_masks(data_dir, rows, problems, notes, on_bad_image=on_bad_image)
    problems.stop()
    table, inspected = (frame.drop(index=skipped.index).reset_index(drop=True) for frame in (rows, inspected))
    if len(skipped):
        notes.append(f"skipped {len(skipped):,} of {len(rows):,} images; the manifest's report lists them")
    if table.empty:
        raise StudyError(f"{data_dir}: expected images that can be used, found none of {len(rows):,}.")
    table["group"] = _merged_groups(table, inspected.digest, notes)
    table["split"] = _split(table, split=split, folds=folds, seed=seed)
    check_split(table, ("train", "test") if split == "datta" else SPLITS)
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


def _unusable(table: pd.DataFrame, inspected: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that cannot be used, with the columns `problem` and `kind`."""
    problem, kind = inspected.problem.copy(), inspected.kind.copy()
    if "split" in table:
        sound = inspected.index[problem == ""]
        copies = copies_across_splits(inspected.digest[sound], table.split[sound])
        for row in copies.index[copies]:
            original = table.image[sound][(inspected.digest[sound] == inspected.digest[row]) & ~copies].iloc[0]
            problem[row] = f"expected no file in two given splits, it is the same as {original}, byte for byte"
            kind[row] = "copy"
    return table.assign(problem=problem, kind=kind)[problem != ""]


def _add_unusable(folder: Path, unusable: pd.DataFrame, problems: Problems) -> None:
    for _, rows in unusable.groupby("kind", sort=False):
        problems.add(f"{folder / rows.image.iloc[0]}: {rows.problem.iloc[0]}. {SKIP}", count=len(rows))


def _without_bad_masks(
    folder: Path, table: pd.DataFrame, problems: Problems, notes: list[str], *, on_bad_image: str
) -> pd.DataFrame:
    """Return the table with missing values for masks that cannot be used, which is a note, or else a problem."""
    if "mask" not in table:
        return table
    found = Problems(folder)
    bad = unusable_masks(folder, table["mask"].dropna(), found)
    if bad and on_bad_image == "skip":
        notes.append(f"masks that cannot be used and are left out: {len(bad):,}; the first is {bad[0]}")
        return table.assign(mask=table["mask"].where(~table["mask"].isin(bad)))
    for text in found.texts:
        problems.add(text)
    return table


def _check_range(folder: Path, names: pd.Series, inspected: pd.DataFrame, problems: Problems, notes: list[str]) -> None:
    """Check that the pictures use the range of their bits, and note which pictures show nothing."""
    for bits, rows in inspected.groupby("bits"):
        largest, white = int(rows.largest.max()), WHITE[bits]
        factor = 2 ** (bits - largest.bit_length())
        count = f"{len(rows):,} pictures of {bits} bits"
        if bits == 16 and largest > 0 and factor > 2:
            problems.add(
                f"{folder / names[rows.index[0]]}: expected pictures of 16 bits to use their range; the largest value "
                f"of {count} is {largest:,} of {white:,}, as if they had {largest.bit_length()}. They "
                f"would be {factor} times too dark. Multiply their values by {factor}, or save them with 8 bits."
            )
        elif factor > 1:
            notes.append(f"dark: the largest value of {count} is {largest:,} of {white:,}")
        elif bits == 16 and (narrow := (rows.largest <= TWELVE_BITS).sum()):
            notes.append(f"dark: {narrow:,} of {count} use no more than 12 of them, others use all")
    constant = names[inspected.index[inspected.is_constant]]
    if len(constant):
        notes.append(
            f"{len(constant):,} pictures have one colour only and show nothing; the first is {constant.iloc[0]}"
        )


def _merged_groups(table: pd.DataFrame, digests: pd.Series, notes: list[str]) -> pd.Series:
    """Return groups of which no two share a file, and note what was merged."""
    groups = merge_groups(table.group, digests)
    merged = table[groups != table.group]
    if len(merged):
        copies = table.image[digests == _digest_in_two_groups(table.group, digests)]
        notes.append(
            f"groups merged with another one, because they share a file: {merged.group.nunique():,}; for example, "
            f"{copies.iloc[0]} and {copies.iloc[1]} are the same, byte for byte"
        )
        labels = table.label.groupby(digests).nunique()
        if (labels > 1).any():
            notes.append(f"files listed with different labels, under different names: {(labels > 1).sum():,}")
    return groups


def _digest_in_two_groups(groups: pd.Series, digests: pd.Series) -> str:
    return str(groups.groupby(digests).nunique().idxmax())
