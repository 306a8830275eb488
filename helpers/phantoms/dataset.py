"""Write a whole phantom dataset in the public layout of the dataset it stands in for."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
from PIL import Image

from helpers import files
from helpers.config import SKIN_LESIONS
from helpers.datasets.chestxray14 import NO_FINDING
from helpers.datasets.eyepacs import TABLE
from helpers.datasets.ham10000 import MASK_SUFFIX, METADATA
from helpers.datasets.layout import MASKS
from helpers.phantoms import chest_xray, phantom
from helpers.progress import progress

VIEWS = (1, 2, 3)  # photographs of a lesion or a chest…
VIEW_SHARES = (0.70, 0.22, 0.08)  # …and how often there are that many
HEALTHY_SHARE = 0.5  # of the eyes
NEXT_GRADE = 0.3  # how often a patient's second eye is one grade off the first
FOLLOW_UP = 0.3  # how often a later x-ray of a patient has another label


class Layout(NamedTuple):
    """How one dataset lies on disk."""

    kind: str  # of phantom
    table: str
    plan: Callable[
        [int, np.random.Generator], pd.DataFrame
    ]  # columns image, mask, label, subject, view, and the table's
    columns: tuple[str, ...]  # those of the table
    grey: bool = False


def _plan_lesions(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for lesion in range(count):
        for view in range(rng.choice(VIEWS, p=VIEW_SHARES)):
            name, label = f"PHANTOM_{len(rows):07d}", SKIN_LESIONS[lesion % len(SKIN_LESIONS)]
            image, mask = (
                f"HAM10000_images/{name}.jpg",
                f"HAM10000_segmentations_lesion_tschandl/{name}{MASK_SUFFIX}.png",
            )
            rows.append((image, mask, label, lesion, view, f"PHANTOM_{lesion:07d}", name, label))
    return _table(rows, count, "lesion_id", "image_id", "dx")


def _plan_eyes(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range((count + 1) // 2):
        grade = int(rng.uniform() > HEALTHY_SHARE) * int(rng.integers(1, 5))
        for view, side in enumerate(("right", "left")):
            moved = rng.uniform() < NEXT_GRADE
            own = int(np.clip(grade + rng.choice([-1, 1]), 1, 4)) if view and moved and grade else grade
            name = f"{patient + 1}_{side}"
            rows.append((f"train/{name}.jpeg", f"{MASKS}/{name}.png", str(own), patient, view, name, str(own)))
    return _table(rows, count, "image", "level")


def _plan_chests(count: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for patient in range(count):
        sick = patient % 2 == 1
        for view in range(rng.choice(VIEWS, p=VIEW_SHARES)):
            sick = sick ^ (view > 0 and rng.uniform() < FOLLOW_UP)
            name, label = f"{patient + 1:08d}_{view:03d}.png", chest_xray.LABELS[sick]
            finding = "Pneumothorax" if sick else NO_FINDING
            rows.append((f"images/{name}", f"{MASKS}/{name}", label, patient, view, name, finding, view, patient + 1))
    return _table(rows, count, "Image Index", "Finding Labels", "Follow-up #", "Patient ID")


def _table(rows: list[tuple], count: int, *columns: str) -> pd.DataFrame:
    # The plan's own columns come first and start with an underscore, so that no table's column is hidden.
    return pd.DataFrame(rows[:count], columns=["_image", "_mask", "_label", "_subject", "_view", *columns])


LAYOUTS = {
    "skin_lesion": Layout("dermatoscopy", METADATA, _plan_lesions, ("lesion_id", "image_id", "dx")),
    "retinopathy": Layout("fundus", TABLE, _plan_eyes, ("image", "level")),
    "pneumothorax": Layout(
        "chest_xray",
        "Data_Entry_2017.csv",
        _plan_chests,
        ("Image Index", "Finding Labels", "Follow-up #", "Patient ID"),
        grey=True,
    ),
}


def drawing_digest() -> str:
    """Return eight hexadecimal digits that tell the code that draws phantoms from any other version of it."""
    return files.short_digest([source.read_text() for source in sorted(Path(__file__).parent.glob("*.py"))])


def write_phantoms(
    folder: Path, *, task: str, count: int, size: int, seed: int, ambiguity: float, spurious: float = 0.0
) -> Path:
    """Draw phantoms into `folder`, in the layout of HAM10000, EyePACS or ChestX-ray14, with masks.

    Several images share a lesion or a patient, as in the real sets: three lesions or chests in ten have two or
    three pictures, and patients have two eyes. Classes are about equally frequent, which they are not in
    the real sets: the seven skin lesions; healthy and diseased eyes, the latter of grade 1 to 4; chests with
    and without pneumothorax. The table is written last: where it is, the set is whole, and nothing is drawn again.

    Args:
        folder: Where to; its name should tell these arguments.
        task: Whose dataset to stand in for.
        count: Number of images.
        size: Their side in pixels.
        seed: Same seed, same bytes.
        ambiguity: 0 (textbook) to 1 (hard).
        spurious: 0 to 1: how often the planted shortcut is tied to the label; see `helpers.phantom`.
    """
    layout = LAYOUTS[task]
    if (folder / layout.table).is_file():
        return folder
    plan = layout.plan(count, np.random.default_rng([seed, 0]))
    for parent in {Path(path).parent for path in [*plan["_image"], *plan["_mask"]]}:
        files.make_folder(folder / parent)
    settings = {"size": size, "ambiguity": ambiguity, "spurious": spurious}
    write = functools.partial(_write_one, folder=folder, task=task, seed=seed, settings=settings)
    rows = plan[["_image", "_mask", "_label", "_subject", "_view"]].itertuples(index=False, name=None)
    written = joblib.Parallel(n_jobs=-1, return_as="generator")(map(joblib.delayed(write), rows))
    for _ in progress(written, total=len(plan), description=f"drawing phantoms ({task})"):
        pass
    files.write_table(plan[list(layout.columns)], folder / layout.table)
    return folder


def _write_one(row: tuple[str, str, str, int, int], *, folder: Path, task: str, seed: int, settings: dict) -> None:
    layout, (image, mask, label, subject, view) = LAYOUTS[task], row
    if (folder / image).is_file() and (folder / mask).is_file():
        return
    drawn = phantom(layout.kind, label, seed + 1_000_003 * subject, view=view, **settings)
    for path, pixels in (
        (folder / mask, drawn.mask),
        (folder / image, drawn.image[..., 0] if layout.grey else drawn.image),
    ):
        with files.whole(path) as temporary:
            picture = Image.fromarray(pixels)
            picture.save(temporary) if path.suffix == ".png" else picture.save(temporary, quality=95, subsampling=0)
