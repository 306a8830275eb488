"""A dry look at a dataset's folder: what is in it, and what is wrong, before all pictures are decoded.

python -m helpers.datasets.inspect data/HAM10000 --task skin_lesion
"""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from helpers.artifacts.headers import COLUMNS, STATE, headers_path, load_headers, save_headers
from helpers.config import Config
from helpers.datasets.folder import DatasetFolder
from helpers.datasets.images import problem_of_kind, problem_of_size
from helpers.datasets.kinds import READ, kind_of_file
from helpers.datasets.layout import layout_of, open_folder
from helpers.datasets.manifest import data_folder, provide_images
from helpers.datasets.masks import BOX_TEXT, kind_problem
from helpers.datasets.matching import IMAGE_TYPES
from helpers.datasets.split import missing_classes
from helpers.errors import StudyError
from helpers.paths import display_path
from helpers.profiles import read_config
from helpers.progress import LINES, progress
from helpers.tasks import TASKS

SHOWN = 8  # kinds of pictures, and of files that are not used


@dataclass(frozen=True)
class Look:
    """What a dry look found.

    Attributes:
        found: Lines about the table, the lists, the masks, the pictures, and what is not used and why.
        problems: Kinds of problems.
    """

    found: list[str]
    problems: list[str]

    def __str__(self) -> str:
        return "\n".join([*self.found, *(f"problem: {text}" for text in self.problems)])


def dry_look(config: Config) -> Look:
    """Read the tables of a dataset's folder and the headers of its pictures.

    Phantoms are drawn first, if they are not there yet. The headers are kept in `runs_dir`, so that only files that
    changed are opened again.

    Raises:
        StudyError: there is no such folder, or no table in it that can be read.
    """
    task, path = config.task, data_folder(config)
    provide_images(config, path)
    if config.source == "medmnist":
        return Look([f"{config.data_dir}: a file of MedMNIST+, with a split of its own and without groups"], [])
    folder = open_folder(task, path)
    table = layout_of(TASKS[task]).read(folder, **config.task_options)
    images = table.image.dropna()
    headers = _headers(path, images, headers_path(config.runs_dir, path))
    if text := missing_classes(table.label, config.classes):
        folder.problems.add(f"{display_path(path)}: {text}")
    for problem, rows in headers.groupby(_problems_of(headers), sort=False):
        if problem:
            folder.problems.add(f"{path / rows.image.iloc[0]}: {problem}.", count=len(rows), can_be_skipped=True)
    if wrong := _foreign_masks(path, table):
        folder.problems.add(wrong[0], count=len(wrong))
    return Look(
        [
            f"{display_path(path)}: {folder.dataset}, {len(folder.files):,} files",
            f"{len(table):,} rows, {table.group.nunique():,} groups (lesions or patients); {_counts(table.label)}",
            f"read: {', '.join(folder.used)}",
            *folder.notes,
            _masks(table),
            f"pictures: {_counts(_described(headers)) or 'none'}",
            *_unused(folder, table),
        ],
        folder.problems.all(),
    )


def _headers(folder: Path, images: pd.Series, kept: Path) -> pd.DataFrame:
    """Return the header of each picture, from the kept ones if the file is the same."""
    now = pd.DataFrame([(name, *_state(folder / name)) for name in images], columns=STATE)
    known = now.merge(load_headers(kept), on=STATE, how="left")
    is_new = known.kind.isna()
    if is_new.any():
        names = known.image[is_new]
        rows = progress(_read_headers(folder, names), total=len(names), description="reading headers")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged tags and large pictures, without naming the file
            opened = pd.DataFrame(list(rows), columns=COLUMNS[len(STATE) :], index=names.index)
        known = pd.concat([known[~is_new], now[is_new].join(opened)]).sort_index()
        known = known.astype({"width": int, "height": int})
        save_headers(known, kept)
    return known


def _state(path: Path) -> tuple[int, int]:
    """Return a file's size in bytes and when it was changed, in nanoseconds; zeros if one may not see that."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _problem_of(kind: str, width: int, height: int) -> str:
    if kind not in READ:
        return problem_of_kind(kind)
    return problem_of_size(width, height) if width else "expected a whole image; copy or download it again"


def _problems_of(headers: pd.DataFrame) -> pd.Series:
    """Return why each picture cannot be used, as far as its header tells; "" if it can."""
    problems = [_problem_of(row.kind, row.width, row.height) for row in headers.itertuples()]
    return pd.Series(problems, index=headers.index, dtype=str)


def _read_headers(folder: Path, names: pd.Series) -> Iterator[tuple[str, int, int, str]]:
    for name in names:
        path = folder / name
        kind, size, mode = kind_of_file(path), (0, 0), ""
        if kind in READ:
            with contextlib.suppress(Exception), Image.open(path, formats=READ) as image:  # a damaged one has no size
                size, mode = image.size, image.mode
        yield kind, *size, mode


def _described(headers: pd.DataFrame) -> pd.Series:
    size = headers.width.astype(str) + "x" + headers.height.astype(str)
    return headers.kind + " " + size.where(headers.width > 0, "") + " " + headers["mode"]


def _counts(values: pd.Series) -> str:
    counts = values.str.strip().value_counts()
    rest = f", {len(counts) - SHOWN:,} other kinds" if len(counts) > SHOWN else ""
    return ", ".join(f"{count:,} {value}" for value, count in counts.head(SHOWN).items()) + rest


def _foreign_masks(folder: Path, table: pd.DataFrame) -> list[str]:
    """Return what is wrong with each mask that is no PNG file."""
    masks = table["mask"].dropna() if "mask" in table else []
    return [text for mask in masks if not BOX_TEXT.fullmatch(mask) and (text := kind_problem(folder / mask))]


def _masks(table: pd.DataFrame) -> str:
    count = table["mask"].notna().sum() if "mask" in table else 0
    return f"masks: of {count:,} of {len(table):,} images" if count else "masks: none"


def _unused(folder: DatasetFolder, table: pd.DataFrame) -> list[str]:
    """Return a line for each kind of file that no row refers to."""
    masks = table["mask"].dropna() if "mask" in table else pd.Series(dtype=str)
    rest = folder.files[~folder.files.path.isin([*table.image.dropna(), *masks, *folder.used])]
    why = {True: "pictures that no row of the table names", False: "no picture, and no table of this layout"}
    lines = []
    for ending, rows in rest.groupby("ending", sort=False):
        reason, first = why[ending in IMAGE_TYPES], rows.path.iloc[0]
        lines.append(f"not used: {len(rows):,} files {ending or 'without ending'}, such as {first}: {reason}")
    return lines[:SHOWN]


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--runs-dir", default="runs", help="where the headers are kept; default: runs")
    for name in {name: None for task in TASKS.values() for name in task.parameters}:
        parser.add_argument(f"--{name}", help="as in notebook 01; default: as in profile quick")
    arguments = vars(parser.parse_args(words))
    if not sys.stderr.isatty():
        os.environ.setdefault(LINES, "1")
    try:
        folder = str(arguments.pop("folder").absolute())
        look = dry_look(read_config(profile="quick", source="folder", data_dir=folder, **arguments))
    except StudyError as error:
        sys.exit(f"error: {error}")
    print("\n".join(look.found))
    if look.problems:
        sys.exit("\n".join(f"error: {text}" for text in look.problems))


if __name__ == "__main__":
    main()
