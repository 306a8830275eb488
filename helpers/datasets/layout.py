"""What the public layouts share: reading a table strictly, finding the files that it lists, planning phantoms."""

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.errors import StudyError
from helpers.tasks import Task

IMAGE_TYPES = (".jpg", ".jpeg", ".png")
MASKS = "masks"  # folder of masks named like their images, for layouts without a place for masks
VIEWS = (1, 2, 3)  # photographs of a phantom lesion or chest
VIEW_SHARES = (0.70, 0.22, 0.08)  # how often there are that many
PLAN = (
    "_image",
    "_mask",
    "_label",
    "_subject",
    "_view",
)  # the underscore avoids clashes with a table's


@dataclass(frozen=True)
class Layout:
    """How a public dataset is stored: how it is read, and how phantoms are written so that it can be.

    Attributes:
        table: Name of the table that lists the images.
        columns: Those that phantoms fill in.
        read: From the dataset's folder and the task's own parameters to one row per image.
        plan: From a number of images and a random generator to one row per image: `PLAN` (paths of picture and mask,
            label, subject and view of the phantom) and `columns`.
        grey: Whether pictures have one channel.
    """

    table: str
    columns: tuple[str, ...]
    read: Callable[..., pd.DataFrame]
    plan: Callable[[int, np.random.Generator], pd.DataFrame]
    grey: bool = False


def layout_of(task: Task) -> Layout:
    """Return the layout of a task's dataset."""
    return importlib.import_module(f"helpers.datasets.{task.layout}").LAYOUT


def draw_view_count(rng: np.random.Generator) -> int:
    """Draw how many photographs there are of a phantom lesion or chest."""
    return rng.choice(VIEWS, p=VIEW_SHARES)


def plan_table(rows: list[tuple], count: int, columns: Sequence[str]) -> pd.DataFrame:
    """Return the first `count` rows of a plan: `PLAN`, then the table's columns."""
    return pd.DataFrame(rows[:count], columns=[*PLAN, *columns])


def check_folder(folder: Path, dataset: str, *expected: str) -> Path:
    """Return `folder`.

    Raises:
        StudyError: it is not there; the message says what should be in it.
    """
    if folder.is_dir():
        return folder
    raise StudyError(
        f"data_dir: expected the folder of {dataset}, with {', '.join(expected)} in it; {folder} is not there. "
        "Point data_dir at it."
    )


def find_table(folder: Path, pattern: str, dataset: str) -> Path:
    """Return the only table in `folder` that matches a glob pattern.

    Raises:
        StudyError: there is none, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) == 1:
        return found[0]
    visible = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    content = ", ".join(visible[:6]) or "nothing"
    which = ", ".join(path.name for path in found) or "none"
    raise StudyError(
        f"{folder}: expected one {pattern} of {dataset}, found {which}; the folder holds {content}. "
        "Point data_dir at the folder of the download that holds it."
    )


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV table as text, with or without a byte-order mark, separated by commas, semicolons or tabs.

    Args:
        path: The file.
        columns: Names of the columns that must exist and have a value in every row.

    Raises:
        StudyError: it is not such a table, a column is missing, or a row has no value in one.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.readline()
        separator = max(",;\t", key=head.count)
        table = pd.read_csv(path, dtype=str, sep=separator, encoding="utf-8-sig", keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected a CSV table; {error}. Download it again.") from error
    for column in columns:
        if column not in table:
            raise StudyError(
                f"{path}: expected the columns {', '.join(columns)}; {column} is missing, "
                f"found {', '.join(table.columns)}. Download it again."
            )
        if (empty := table[column].str.strip() == "").any():
            raise StudyError(
                f"{path}: expected a value in column {column}, {_line(empty)} has none. Fill it in or drop the line."
            )
    return table


def check_values(path: Path, column: pd.Series, known: Callable[[pd.Series], pd.Series], expected: str) -> None:
    """Raise a StudyError that names the first line of `column` that is not `known`."""
    if (wrong := ~known(column)).any():
        value = column[wrong].iloc[0]
        raise StudyError(
            f"{path}: expected {column.name} to be {expected}; {_line(wrong)} has {value!r}. Correct or drop it."
        )


def check_listed_once(path: Path, names: pd.Series, labels: pd.Series) -> None:
    """Raise a StudyError if an image is listed twice, saying whether its labels agree."""
    if (again := names.duplicated()).any():
        name = names[again].iloc[0]
        given = labels[names == name].unique()
        conflict = f", with conflicting labels {' and '.join(given)}" if len(given) > 1 else ""
        raise StudyError(f"{path}: expected each image once; {name} is listed more often{conflict}. Drop the repeats.")


def image_files(folder: Path) -> pd.DataFrame:
    """Return all image files below a folder: name (without its ending), path (relative, with /)."""
    rows = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        inside = os.path.relpath(parent, folder).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        for name in sorted(names):
            stem, dot, ending = name.rpartition(".")
            if stem and dot + ending.lower() in IMAGE_TYPES:
                rows.append((stem, prefix + name))
    return pd.DataFrame(rows, columns=["name", "path"])


def match_files(names: pd.Series, found: pd.DataFrame, *, listed_in: Path) -> pd.Series:
    """Return the path of the only file of each name.

    Args:
        names: Image names without ending, each once.
        found: Columns name and path, as from `image_files`.
        listed_in: The table that lists them, for the error.

    Raises:
        StudyError: a file is missing, or there are several of one name.
    """
    wanted = found[found.name.isin(names)]
    if (again := wanted.name.duplicated()).any():
        places = wanted.path[wanted.name == wanted.name[again].iloc[0]]
        raise StudyError(
            f"{listed_in}: expected one file for each image; found {' and '.join(places)}. "
            "Keep one of the two: different layouts or downloads seem to be mixed."
        )
    paths = names.map(wanted.set_index("name").path)
    if (missing := paths.isna()).any():
        examples = ", ".join(names[missing].iloc[:3]) + (", …" if missing.sum() > 3 else "")
        raise StudyError(
            f"{listed_in}: expected an image file below its folder for each row, found none for {missing.sum():,} of "
            f"{len(names):,} ({examples}). Finish the download, or drop the rows."
        )
    return paths


def masks_of(names: pd.Series, found: pd.DataFrame) -> pd.Series | None:
    """Return the path of each image's mask in the folder "masks", or a missing value; None if there are no masks."""
    masks = found[found.path.str.startswith(f"{MASKS}/")]
    return names.map(masks.set_index("name").path) if len(masks) else None


def _line(rows: pd.Series) -> str:
    """Return which line of a table, counted with its header, holds the first true row."""
    return f"line {int(rows.to_numpy().argmax()) + 2}"
