"""Write a whole phantom dataset in the public layout of the dataset that it stands in for."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from loky import ProcessPoolExecutor
from PIL import Image

from helpers import files
from helpers.config import Config
from helpers.datasets import layout
from helpers.phantoms import Phantom, phantom
from helpers.progress import progress
from helpers.tasks import TASKS

SECONDS_IDLE = 10  # after which a process that draws ends, as it must if its parent was killed
FEW_TO_DRAW = 50  # pictures without other processes, which take longer to start
SUBJECT_STRIDE = 1_000_003  # between the seeds of two lesions or patients


def write_phantoms(
    folder: Path, *, task: str, count: int, size: int, seed: int, ambiguity: float, spurious: float = 0.0
) -> Path:
    """Draw phantoms into `folder`, in the layout of HAM10000, EyePACS or ChestX-ray14, with masks.

    Several images share a lesion or a patient, as in the real sets: three lesions or chests in ten have two or
    three pictures, and patients have two eyes. Classes are about equally frequent, which they are not in
    the real sets: the seven skin lesions; healthy and diseased eyes, the latter of grade 1 to 4; chests with
    and without pneumothorax. The table is written last: if it exists, the set is complete, and nothing is drawn again.
    Only one process draws a set; others wait for it.

    Args:
        folder: Where to; its name should identify these arguments.
        task: Whose dataset to stand in for.
        count: Number of images.
        size: Their side in pixels.
        seed: Same seed, same bytes.
        ambiguity: 0 (textbook) to 1 (hard).
        spurious: 0 to 1: how often the planted shortcut is tied to the label; see `helpers.phantom`.
    """
    stored = layout.layout_of(TASKS[task])
    if (folder / stored.table).is_file():
        return folder
    with files.lock(folder / stored.table):
        if (folder / stored.table).is_file():
            return folder
        plan = stored.plan(count, np.random.default_rng([seed, 0]))
        for parent in {Path(path).parent for path in [*plan["_image"], *plan["_mask"]]}:
            files.make_folder(folder / parent)
        write = functools.partial(
            _write_one, folder=folder, task=task, size=size, seed=seed, ambiguity=ambiguity, spurious=spurious
        )
        rows = plan[list(layout.PLAN)].itertuples(index=False, name=None)
        with _side_by_side(count) as apply:
            for _ in progress(apply(write, rows), total=len(plan), description=f"drawing phantoms ({task})"):
                pass
        files.write_table(plan[list(stored.columns)], folder / stored.table)
    return folder


def draw_pair(config: Config, name: str, *, plan: pd.DataFrame) -> tuple[Phantom, Phantom]:
    """Draw the phantom behind an image of a manifest again, with its signs of disease and without.

    Args:
        config: Of the task; its source is "phantom".
        name: What the manifest calls the image.
        plan: From `read_plan`.
    """
    row = plan.loc[name]
    with_signs, without_signs = (
        phantom(
            TASKS[config.task].phantom_kind,
            row["_label"],
            config.data_seed + SUBJECT_STRIDE * row["_subject"],
            config.phantom_size,
            view=row["_view"],
            ambiguity=config.ambiguity,
            spurious=config.spurious,
            signs=signs,
        )
        for signs in (None, ())
    )
    return with_signs, without_signs


def read_plan(config: Config) -> pd.DataFrame:
    """Return what was drawn for a configuration, by image name: label, subject and view of each phantom."""
    plan = layout.layout_of(TASKS[config.task]).plan(config.phantoms, np.random.default_rng([config.data_seed, 0]))
    return plan.set_index("_image")


@contextlib.contextmanager
def _side_by_side(count: int) -> Iterator[Callable[..., Iterable]]:
    """Give a function like `map`, which works in several processes if there is enough to do."""
    if count <= FEW_TO_DRAW:
        yield map
        return
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pool = ProcessPoolExecutor(timeout=SECONDS_IDLE, env=one_thread)  # not reused: an idle one may be about to end
    try:
        yield pool.map
    finally:
        pool.shutdown(kill_workers=True)  # which have nothing left to do, or were interrupted


def _write_one(
    row: tuple[str, str, str, int, int],
    *,
    folder: Path,
    task: str,
    size: int,
    seed: int,
    ambiguity: float,
    spurious: float,
) -> None:
    record, (image, mask, label, subject, view) = TASKS[task], row
    if (folder / image).is_file() and (folder / mask).is_file():
        return
    drawn = phantom(
        record.phantom_kind,
        label,
        seed + SUBJECT_STRIDE * subject,
        size,
        view=view,
        ambiguity=ambiguity,
        spurious=spurious,
    )
    pixels = drawn.image[..., 0] if layout.layout_of(record).grey else drawn.image
    for path, values in ((folder / mask, drawn.mask), (folder / image, pixels)):
        with files.atomic_write(path) as temporary:
            picture = Image.fromarray(values)
            if path.suffix == ".png":
                picture.save(temporary)
            else:
                picture.save(temporary, quality=95, subsampling=0)
