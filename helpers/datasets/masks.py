"""Reading the masks that the manifest's column `mask` refers to: a picture, or boxes."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.datasets.kinds import kind_of_file
from helpers.datasets.problems import Problems
from helpers.errors import StudyError

NUMBER = r"[0-9.e-]+"
BOX_TEXT = re.compile(rf"{NUMBER}( {NUMBER}){{3}}(;{NUMBER}( {NUMBER}){{3}})*")


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
    if BOX_TEXT.fullmatch(value):
        mask = np.zeros((size, size), bool)
        for box in value.split(";"):
            x, y, width, height = (float(number) * size for number in box.split())
            mask[int(y) : int(np.ceil(y + height)), int(x) : int(np.ceil(x + width))] = True
        return mask
    try:
        return _picture(data_dir / value, size)
    except Exception as error:  # a damaged file can make decoders fail in any way
        raise StudyError(f"{data_dir / value}: expected a mask, {error}. Copy or download it again.") from error


def _picture(path: Path, size: int) -> np.ndarray:
    with Image.open(path, formats=["PNG"]) as image:
        inside = np.asarray(image if image.mode == "I;16" else image.convert("L")) > 0
        shrunk = Image.fromarray(inside.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
        return np.asarray(shrunk) > 0


def unusable_masks(folder: Path, values: Iterable[str], problems: Problems) -> list[str]:
    """Return the masks that cannot be used; add a problem for those that are no PNG, and one for damaged ones.

    Args:
        folder: What the masks' paths are relative to.
        values: As `read_mask` takes them.
        problems: Gets the problems.
    """
    pictures = [value for value in values if not BOX_TEXT.fullmatch(value)]
    kinds = {value: kind_of_file(folder / value) for value in pictures}
    foreign = [value for value, kind in kinds.items() if kind != "PNG"]
    if foreign:
        problems.add(
            f"{folder / foreign[0]}: expected a mask in a PNG file, found {kinds[foreign[0]]}. Save it as PNG, from "
            "the original: lossy compression blurs the edge of a mask.",
            count=len(foreign),
        )
    damaged = {value: text for value in pictures if kinds[value] == "PNG" and (text := _problem(value, folder))}
    if damaged:
        problems.add(next(iter(damaged.values())), count=len(damaged))
    return [*foreign, *damaged]


def _problem(value: str, folder: Path) -> str:
    """Return why a mask cannot be read; "" if it can."""
    try:
        read_mask(value, data_dir=folder, size=1)
    except StudyError as error:
        return str(error)
    return ""
