"""Reading the masks that the manifest's column `mask` refers to: a picture, or boxes."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from helpers.datasets.kinds import kind_of_file
from helpers.datasets.problems import Problems
from helpers.errors import StudyError

NUMBER = r"[0-9.e-]+"
LOOKED_AT = 32  # pixels: side at which a mask is checked
SAME_SHAPE = 0.05  # how much the proportions of a mask and its picture may differ
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
        inside = _inside(image)
        shrunk = Image.fromarray(inside.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
        return np.asarray(shrunk) > 0


def _inside(image: Image.Image) -> np.ndarray:
    """Return which pixels of a picture are inside the mask: those that are opaque if others are not, else not black."""
    if image.has_transparency_data:
        opacity = np.asarray(image.convert("RGBA").getchannel("A"))
        if opacity.min() < opacity.max():
            return opacity > 0
    if image.mode == "I;16":
        return np.asarray(image) > 0
    return np.asarray(image.convert("RGB")).max(axis=-1) > 0


def foreign_masks(folder: Path, values: Iterable[str], problems: Problems) -> list[str]:
    """Return the masks that are no PNG files, and add a problem for them.

    Args:
        folder: What the masks' paths are relative to.
        values: As `read_mask` takes them.
        problems: Gets the problem.
    """
    kinds = {value: kind_of_file(folder / value) for value in values if not BOX_TEXT.fullmatch(value)}
    foreign = [value for value, kind in kinds.items() if kind != "PNG"]
    if foreign:
        problems.add(
            f"{folder / foreign[0]}: expected a mask in a PNG file, found {kinds[foreign[0]]}. Save it as PNG, from "
            "the original: lossy compression blurs the edge of a mask.",
            count=len(foreign),
        )
    return foreign


def unusable_masks(folder: Path, masks: pd.DataFrame, problems: Problems) -> list[str]:
    """Return the masks that cannot be used: no PNG, damaged, or of other proportions than their picture.

    Args:
        folder: What the masks' paths are relative to.
        masks: Columns mask, as `read_mask` takes it, and width and height of its picture in pixels.
        problems: Gets a problem for each kind.
    """
    unusable = foreign_masks(folder, masks["mask"], problems)
    for find in (_problem, _problem_of_shape):
        sound = masks[~masks["mask"].isin(unusable) & ~masks["mask"].str.fullmatch(BOX_TEXT)]
        wrong = {row.mask: text for row in sound.itertuples() if (text := find(row, folder))}
        if wrong:
            problems.add(next(iter(wrong.values())), count=len(wrong))
        unusable += wrong
    return unusable


def full_masks(folder: Path, masks: Iterable[str]) -> list[str]:
    """Return the masks that have nothing outside. Those of healthy pictures have nothing inside."""
    return [mask for mask in masks if read_mask(mask, data_dir=folder, size=LOOKED_AT).all()]


def _problem(row: Any, folder: Path) -> str:
    """Return why a mask cannot be read; "" if it can."""
    try:
        read_mask(row.mask, data_dir=folder, size=1)
    except StudyError as error:
        return str(error)
    return ""


def _problem_of_shape(row: Any, folder: Path) -> str:
    """Return that a mask's sides are in another proportion than its picture's; "" if they are not."""
    with Image.open(folder / row.mask) as mask:
        width, height = mask.size
    if abs(width * row.height - height * row.width) <= SAME_SHAPE * width * row.height:
        return ""
    return (
        f"{folder / row.mask}: expected a mask of its picture's proportions, {row.width}x{row.height}; found "
        f"{width}x{height}. Use the mask of this very picture, not cropped or turned."
    )
