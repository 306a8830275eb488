"""From a dataset in its public layout to one checked and split table, a row per image."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts.reports import ManifestReport
from helpers.datasets.images import inspect_images, near_duplicates
from helpers.datasets.layout import layout_of
from helpers.datasets.medmnist import read_medmnist
from helpers.datasets.split import SPLITS, check_split, split_by_group, split_like_datta, split_the_rest
from helpers.errors import StudyError, check_choice
from helpers.tasks import TASKS


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

    Args:
        task: "skin_lesion", "retinopathy" or "pneumothorax".
        source: "folder" or "phantom" read the layout of HAM10000, EyePACS or ChestX-ray14; "medmnist" reads what
            `unpack_medmnist` wrote.
        data_dir: The dataset's folder.
        folds: One fold is the test split, one the validation split, the others the training split. An official split is
            kept.
        seed: Decides which group goes into which fold.
        split: "grouped", or "datta" (see `split_like_datta`).
        on_bad_image: "stop" at the first image that cannot be used, or "skip" such images.
        options: The task's own parameters: threshold; finding and against.

    Returns:
        One row per image: image (path relative to `data_dir`), label, group (lesion or patient), split,
        and mask where there are masks. Its `attrs["report"]` is a `ManifestReport`.

    Raises:
        StudyError: the folder does not have its layout, an image cannot be used, the same file or the same
            group is in two splits, or a class is missing from a split.
    """
    check_choice("task", task, TASKS)
    if source == "medmnist":
        table = read_medmnist(data_dir, task=task, **options)
    else:
        table = layout_of(TASKS[task]).read(data_dir, **options)
    inspected = inspect_images(data_dir, table.image)
    skipped = _problems(data_dir, table, inspected, on_bad_image=on_bad_image)
    table, inspected = (frame.drop(index=skipped.index).reset_index(drop=True) for frame in (table, inspected))
    if split == "datta":
        table["split"] = split_like_datta(table, seed=seed)
    elif "split" in table:
        table["split"] = split_the_rest(table, folds=folds, seed=seed)
    else:
        table["split"] = split_by_group(table, folds=folds, seed=seed)
    check_split(table, ("train", "test") if split == "datta" else SPLITS)
    _check_copies(data_dir, table, inspected)
    pairs = near_duplicates(inspected, table.split)
    table.attrs["report"] = ManifestReport(
        images=len(table),
        skipped=dict(zip(skipped.image, skipped.problem, strict=True)),
        near_duplicates=[(table.image[a], table.image[b], round(alike, 4)) for a, b, alike in pairs],
        images_digest="" if source == "phantom" else files.short_digest(inspected.digest.tolist()),
        masks_digest="" if source == "phantom" else _digest_of_masks(data_dir, table),
    )
    return table


def _digest_of_masks(folder: Path, table: pd.DataFrame) -> str:
    paths = [folder / mask for mask in table["mask"].dropna()] if "mask" in table else []
    return files.short_digest([files.digest(path) for path in paths if path.is_file()])


def _problems(folder: Path, table: pd.DataFrame, inspected: pd.DataFrame, *, on_bad_image: str) -> pd.DataFrame:
    """Return the rows that cannot be used, with the column `problem`; raise a StudyError unless skipping them."""
    bad = table.assign(problem=inspected.problem)[inspected.problem != ""]
    if len(bad) and on_bad_image == "stop":
        more = f" ({len(bad) - 1:,} more are bad.)" if len(bad) > 1 else ""
        raise StudyError(
            f"{folder / bad.image.iloc[0]}: {bad.problem.iloc[0]}. Or leave such images out: on_bad_image=skip.{more}"
        )
    if len(bad):
        print(f"skipped {len(bad):,} of {len(table):,} images; the manifest's report lists them")
    return bad


def _check_copies(folder: Path, table: pd.DataFrame, inspected: pd.DataFrame) -> None:
    splits = table.split.groupby(inspected.digest).nunique()
    if (splits > 1).any():
        first, second = table.image[inspected.digest == splits.idxmax()].iloc[:2]
        raise StudyError(
            f"{folder}: expected no file in two splits; {first} and {second} are the same, byte for byte, in "
            "different groups. Drop one of the two rows from the table."
        )
