"""Reading the masks that the manifest's column `mask` refers to: a picture, or boxes."""

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.errors import StudyError


def read_mask(value: str, *, data_dir: Path, size: int) -> np.ndarray:
    """Return a mask, bool (size, size).

    Args:
        value: Path of a picture relative to `data_dir`, not black inside the mask; or boxes "x y width
            height" in shares of the picture, separated by ";".
        data_dir: The dataset's folder.
        size: Side in pixels.

    Raises:
        StudyError: the picture cannot be read.
    """
    if not value.lower().endswith(".png"):
        mask = np.zeros((size, size), bool)
        for box in value.split(";"):
            x, y, width, height = (float(number) * size for number in box.split())
            mask[int(y) : int(np.ceil(y + height)), int(x) : int(np.ceil(x + width))] = True
        return mask
    try:
        with Image.open(data_dir / value) as image:
            return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BOX)) > 0
    except OSError as error:
        raise StudyError(f"{data_dir / value}: expected a mask, {error}. Copy or download it again.") from error
