"""Finding the picture, and the mask, of each image that a table lists."""

import filecmp
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.datasets.kinds import ADVICE, READ, kind_of_file

IMAGE_TYPES = (".jpg", ".jpeg", ".png")
PACKED = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".001")  # endings of archives
MASKS = "masks"  # the folder of phantoms' masks
MASK_FOLDER = r"(?:.*/)?masks?/.*"  # where masks are that have the names of their images


def is_in_mask_folder(files: pd.DataFrame) -> pd.Series:
    """Return which files are in a folder called "masks", in any case."""
    return files.path.str.lower().str.fullmatch(MASK_FOLDER)


def check_listed_once(names: pd.Series, labels: pd.Series, path: Path, folder: DatasetFolder) -> pd.Series:
    """Return which rows list an image for the first time; repeats become a problem, which says if labels differ."""
    again = names.str.lower().duplicated()
    if again.any():
        name = names[again].iloc[0]
        given = labels[names.str.lower() == name.lower()].unique()
        conflict = f", with conflicting labels {' and '.join(given)}" if len(given) > 1 else ""
        folder.problems.add(
            f"{path}: expected each image once; {name} is listed more often{conflict}. Drop the repeats.",
            count=names[again].nunique(),
        )
    return ~again


def match_pictures(names: pd.Series, candidates: pd.DataFrame, folder: DatasetFolder, *, listed_in: Path) -> pd.Series:
    """Return the path of each image's file; missing if there is none, or if there are several that differ.

    Names are compared without regard to case. Of several equal files, the first is taken.

    Args:
        names: Image names without ending, each once.
        candidates: Rows of `DatasetFolder.files`.
        folder: Gets the problems.
        listed_in: The table that lists the images, for the problems.
    """
    pictures = candidates[candidates.ending.isin(IMAGE_TYPES)]
    pictures = pictures.assign(name=pictures.name.str.lower())
    lower = names.str.lower()
    missing = names[~lower.isin(pictures.name)]
    if len(missing):
        _add_missing(missing, candidates, folder, listed_in=listed_in, of=len(names))
    paths = _one_path_per_name(pictures[pictures.name.isin(lower)], folder, listed_in=listed_in)
    return pd.Series([paths.get(name) for name in lower], index=names.index, dtype=str)


def _one_path_per_name(wanted: pd.DataFrame, folder: DatasetFolder, *, listed_in: Path) -> dict[str, str]:
    """Return {name: path}, without the names of several files that differ, which become a problem."""
    several = wanted[wanted.name.duplicated(keep=False)]
    differing = {
        name: paths for name, paths in several.groupby("name").path if not _are_equal(folder.path, paths.tolist())
    }
    if differing:
        first = " and ".join(next(iter(differing.values()))[:2])
        folder.problems.add(
            f"{listed_in}: expected one file for each image; found {first}. Keep one of the two: different layouts or "
            "downloads seem to be mixed.",
            count=len(differing),
            can_be_skipped=True,
        )
    elif len(several):
        first = " and ".join(several.path[several.name == several.name.iloc[0]][:2])
        folder.notes.append(f"{several.name.nunique():,} images are there more than once, in equal files: {first}")
    of_one_content = wanted[~wanted.name.isin(differing)].drop_duplicates("name")
    return dict(zip(of_one_content.name, of_one_content.path, strict=True))


def _are_equal(folder: Path, paths: Sequence[str]) -> bool:
    try:
        return all(filecmp.cmp(folder / paths[0], folder / path, shallow=False) for path in paths[1:])
    except OSError:
        return False


def _add_missing(
    names: pd.Series, candidates: pd.DataFrame, folder: DatasetFolder, *, listed_in: Path, of: int
) -> None:
    """Add a problem for images without a file, and one for those whose file is no JPEG or PNG by its name."""
    others = candidates.assign(name=candidates.name.str.lower())
    others = others[others.name.isin(names.str.lower()) & ~others.ending.isin(IMAGE_TYPES)].drop_duplicates("name")
    if len(others):
        first = folder.path / others.path.iloc[0]
        kind = kind_of_file(first)
        advice = "Give it an ending that says so" if kind in READ else ADVICE.get(kind, "Convert it to PNG")
        folder.problems.add(
            f"{first}: expected a picture named .jpg, .jpeg or .png, found this name; its content: {kind}. {advice}.",
            count=len(others),
            can_be_skipped=True,
        )
    missing = names[~names.str.lower().isin(others.name)]
    if len(missing):
        examples = ", ".join(missing.iloc[:3]) + (", …" if len(missing) > 3 else "")
        folder.problems.add(
            f"{listed_in}: expected an image file below its folder for each row, found none for {len(missing):,} of "
            f"{of:,} ({examples}). {_way_out(folder)}",
            can_be_skipped=True,
        )


def _way_out(folder: DatasetFolder) -> str:
    """Return what to do about missing files."""
    if folder.unreadable:
        first = folder.path / folder.unreadable[0]
        return (
            f"{first} is a link that leads nowhere or to a folder around this one, or a folder that cannot be read: "
            "mend it."
        )
    packed = folder.files.path[folder.files.ending.isin(PACKED)]
    if len(packed):
        return f"Unpack {packed.iloc[0]}: python -m helpers.datasets.download unpack."
    return "Finish the download, or drop the rows."


def match_masks(names: pd.Series, masks: pd.DataFrame, folder: DatasetFolder) -> pd.Series | None:
    """Return the path of each image's mask, or a missing value; None if there are no masks.

    Args:
        names: Image names without ending.
        masks: Rows of `DatasetFolder.files`, with the names of their images.
        folder: Gets a problem for several files that differ.
    """
    lower = names.str.lower()
    masks = masks.assign(name=masks.name.str.lower())
    masks = masks[masks.name.isin(lower)]
    named_png = masks.name[masks.ending == ".png"]
    masks = masks[(masks.ending == ".png") | ~masks.name.isin(named_png)]
    if masks.empty:
        return None
    paths = _one_path_per_name(masks, folder, listed_in=folder.path)
    return pd.Series([paths.get(name) for name in lower], index=names.index, dtype=str)
