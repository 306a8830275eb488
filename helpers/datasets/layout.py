"""What the public layouts share: how a dataset's folder is read, and how phantoms are planned in the same layout."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.tasks import TASKS, Task

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
        images: What else should be in the folder, for errors.
        columns: Those that phantoms fill in.
        read: From the dataset's folder and the task's own parameters to one row per image: image (relative path,
            missing if there is none), label, group, and split and mask where there are any. What is wrong is added to
            the folder's problems.
        plan: From a number of images and a random generator to one row per image: `PLAN` (paths of picture and mask,
            label, subject and view of the phantom) and `columns`.
        grey: Whether pictures have one channel.
    """

    table: str
    images: str
    columns: tuple[str, ...]
    read: Callable[..., pd.DataFrame]
    plan: Callable[[int, np.random.Generator], pd.DataFrame]
    grey: bool = False


def layout_of(task: Task) -> Layout:
    """Return the layout of a task's dataset."""
    return importlib.import_module(f"helpers.datasets.{task.layout}").LAYOUT


def open_folder(task: str, path: Path) -> DatasetFolder:
    """Return the folder of a task's dataset, listed.

    Raises:
        StudyError: there is no such folder.
    """
    layout = layout_of(TASKS[task])
    return DatasetFolder(path, dataset=TASKS[task].dataset, expected=(layout.table, layout.images))


def read_layout(task: str, path: Path, **options: Any) -> pd.DataFrame:
    """Read the table of a dataset's folder, and find the files that it lists, without opening a picture.

    Args:
        task: "skin_lesion", "retinopathy" or "pneumothorax": in the layout of HAM10000, EyePACS or ChestX-ray14.
        path: The folder.
        options: The task's own parameters: threshold; finding and against.

    Returns:
        One row per image, in the table's order: image (path relative to `path`), label, group (lesion or patient);
        split ("test", or "" if not yet assigned) if there is an official one; mask if there are any: a relative path,
        or boxes "x y width height" in shares of the picture, separated by ";".

    Raises:
        StudyError: one error with all that is wrong.
    """
    folder = open_folder(task, path)
    table = layout_of(TASKS[task]).read(folder, **options)
    folder.problems.stop()
    return table.reset_index(drop=True)


def draw_view_count(rng: np.random.Generator) -> int:
    """Draw how many photographs there are of a phantom lesion or chest."""
    return rng.choice(VIEWS, p=VIEW_SHARES)


def plan_table(rows: list[tuple], count: int, columns: Sequence[str]) -> pd.DataFrame:
    """Return the first `count` rows of a plan: `PLAN`, then the table's columns."""
    return pd.DataFrame(rows[:count], columns=[*PLAN, *columns])
