"""The reader of HAM10000's public layout (Tschandl et al., 2018), phantom or real."""

from pathlib import Path

import pandas as pd

from helpers.config import CLASSES, StudyError

METADATA = "HAM10000_metadata.csv"
COLUMNS = ("lesion_id", "image_id", "dx")
MASK_SUFFIX = "_segmentation"
IMAGE_TYPES = (".jpg", ".jpeg", ".png")


def read_ham10000(folder: Path) -> pd.DataFrame:
    """Read the table of a HAM10000 folder.

    Args:
        folder: Holds HAM10000_metadata.csv, and below it, in one folder or several
            (HAM10000_images_part_1/, …), `<image_id>.jpg`; where there are lesion masks, they are named
            `<image_id>_segmentation.png`.

    Returns:
        One row an image, in the metadata's order: image (path relative to `folder`), label, group
        (the lesion), and mask (relative path, or missing) where the folder has any masks.

    Raises:
        StudyError: no such folder or metadata, a column missing, a label outside the seven classes, an
            image listed twice, or listed but not there.
    """
    if not folder.is_dir():
        raise StudyError(f"data_dir: expected the folder of HAM10000, {folder} is not there. Point data_dir at it.")
    table = _read_metadata(folder / METADATA)
    images, masks = _find_files(folder)
    missing = table.image_id[~table.image_id.isin(images)]
    if len(missing):
        raise StudyError(
            f"{folder / METADATA}: expected an image file for each row, found none for {len(missing)} of {len(table)} "
            f"({', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}). Add the .jpg files, or drop the rows."
        )
    manifest = pd.DataFrame({"image": table.image_id.map(images), "label": table.dx, "group": table.lesion_id})
    if masks:
        manifest["mask"] = table.image_id.map(masks)
    return manifest


def _read_metadata(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"{path}: expected HAM10000's metadata, it is not there. Put it beside the image folders.")
    try:
        table = pd.read_csv(path, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected a CSV table; {error}. Download it anew.") from error
    for column in COLUMNS:
        if column not in table:
            raise StudyError(
                f"{path}: expected the columns {', '.join(COLUMNS)}; {column} is missing, "
                f"found {', '.join(table.columns)}. Download it anew."
            )
    for column in COLUMNS:
        if table[column].isna().any():
            row = int(table[column].isna().to_numpy().argmax())
            raise StudyError(
                f"{path}: expected a value in column {column}, line {row + 2} has none. Fill it in or drop the line."
            )
    classes = CLASSES["skin_lesion"]
    unknown = sorted(set(table.dx) - set(classes))
    if unknown:
        row = int((table.dx == unknown[0]).to_numpy().argmax())
        raise StudyError(
            f"{path}: expected dx to be one of {', '.join(classes)}; line {row + 2} has {unknown[0]!r}. "
            "Mend or drop such lines."
        )
    if table.image_id.duplicated().any():
        twice = table.image_id[table.image_id.duplicated()].iloc[0]
        raise StudyError(f"{path}: expected each image once; {twice} is listed more often. Drop the repeats.")
    return table


def _find_files(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the images and the masks below a folder as {image_id: relative path}."""
    images, masks = {}, {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_TYPES:
            found = masks if path.stem.endswith(MASK_SUFFIX) else images
            found.setdefault(path.stem.removesuffix(MASK_SUFFIX), path.relative_to(folder).as_posix())
    return images, masks
