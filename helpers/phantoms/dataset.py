"""Write a whole phantom dataset in the public layout of the dataset it stands in for."""

import functools
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from PIL import Image

from helpers import files
from helpers.config import CLASSES
from helpers.datasets.ham10000 import MASK_SUFFIX, METADATA
from helpers.phantoms import dermatoscopy
from helpers.progress import progress

IMAGES, MASKS = "HAM10000_images", "HAM10000_segmentations_lesion_tschandl"
VIEWS = (1, 2, 3)  # photographs of a lesion…
VIEW_SHARES = (0.70, 0.22, 0.08)  # …and how often a lesion has that many


def _plan(count: int, seed: int) -> pd.DataFrame:
    """Return one row an image: lesion_id, image_id, dx, the lesion's number and the view's."""
    rng, rows = np.random.default_rng([seed, 0]), []
    classes = CLASSES["skin_lesion"]
    for lesion in range(count):
        for view in range(rng.choice(VIEWS, p=VIEW_SHARES)):
            rows.append(
                (f"PHANTOM_{lesion:07d}", f"PHANTOM_{len(rows):07d}", classes[lesion % len(classes)], lesion, view)
            )
    return pd.DataFrame(rows[:count], columns=["lesion_id", "image_id", "dx", "lesion", "view"])


def _write_one(row: tuple[str, str, int, int], *, folder: Path, seed: int, size: int, ambiguity: float) -> None:
    image_id, label, lesion, view = row
    image, mask, _ = dermatoscopy.draw(
        label=label, seed=seed + 1_000_003 * lesion, view=view, size=size, ambiguity=ambiguity
    )
    for path, picture in (
        (folder / IMAGES / f"{image_id}.jpg", Image.fromarray(image)),
        (folder / MASKS / f"{image_id}{MASK_SUFFIX}.png", Image.fromarray(mask)),
    ):
        if not path.is_file():
            with files.whole(path) as temporary:
                picture.save(temporary, quality=95, subsampling=0) if path.suffix == ".jpg" else picture.save(temporary)


def write_phantoms(folder: Path, *, count: int, size: int, seed: int, ambiguity: float) -> Path:
    """Draw dermatoscopy phantoms into `folder`, in HAM10000's layout with lesion masks.

    Three lesions in ten have two or three photographs, as in the real set; the seven classes are
    equally frequent by lesion, which they are not in the real set. The metadata is written last: where it
    is, the set is whole, and nothing is drawn again.

    Args:
        folder: Where to; its name should tell these arguments.
        count: Number of images.
        size: Their side in pixels.
        seed: Same seed, same bytes.
        ambiguity: 0 (textbook) to 1 (hard).
    """
    if (folder / METADATA).is_file():
        return folder
    plan = _plan(count, seed)
    for name in (IMAGES, MASKS):
        files.make_folder(folder / name)
    write = functools.partial(_write_one, folder=folder, seed=seed, size=size, ambiguity=ambiguity)
    rows = plan[["image_id", "dx", "lesion", "view"]].itertuples(index=False, name=None)
    written = joblib.Parallel(n_jobs=-1, return_as="generator")(map(joblib.delayed(write), rows))
    for _ in progress(written, total=len(plan), description="drawing phantoms"):
        pass
    files.write_table(plan[["lesion_id", "image_id", "dx"]], folder / METADATA)
    return folder
