"""Reading the masks that the manifest's column `mask` refers to: a picture, or boxes."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from helpers.datasets.kinds import kind_of_file
from helpers.errors import StudyError
from helpers.progress import progress

NUMBER = r"[0-9.e-]+"
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
    shrunk = Image.fromarray(_inside(path).astype(np.uint8) * 255).resize((size, size), Image.Resampling.BOX)
    return np.asarray(shrunk) > 0


def _inside(path: Path) -> np.ndarray:
    """Return which pixels of a picture are inside the mask: those that are opaque if others are not, else not black."""
    with Image.open(path, formats=["PNG"]) as image:
        if image.has_transparency_data:
            opacity = np.asarray(image.convert("RGBA").getchannel("A"))
            if opacity.min() < opacity.max():
                return opacity > 0
        if image.mode == "I;16":
            return np.asarray(image) > 0
        return np.asarray(image.convert("RGB")).max(axis=-1) > 0


def kind_problem(path: Path) -> str:
    """Return that a mask is no PNG file; "" if it is one."""
    kind = kind_of_file(path)
    if kind == "PNG":
        return ""
    return (
        f"{path}: expected a mask in a PNG file, found {kind}. Save it as PNG, from the original: lossy compression "
        "blurs the edge of a mask."
    )


def inspect_masks(folder: Path, masks: pd.DataFrame) -> pd.DataFrame:
    """Decode every mask once.

    Args:
        folder: What the masks' paths are relative to.
        masks: Columns mask, as `read_mask` takes it, and width and height of its picture in pixels.

    Returns:
        One row per mask, with the same index: kind, "" for a mask that can be used, or one word for what is wrong;
        problem, the same in words; is_full, whether nothing is outside of the mask.
    """
    rows = progress(masks.itertuples(), total=len(masks), description="checking masks")
    found = [_inspect(folder / row.mask, row.width, row.height) for row in rows if not BOX_TEXT.fullmatch(row.mask)]
    is_picture = ~masks["mask"].str.fullmatch(BOX_TEXT.pattern)
    return pd.DataFrame(found, columns=["kind", "problem", "is_full"], index=masks.index[is_picture])


def _inspect(path: Path, width: int, height: int) -> tuple[str, str, bool]:
    if text := kind_problem(path):
        return "foreign", text, False
    try:
        inside = _inside(path)
    except Exception as error:  # a damaged file can make decoders fail in any way
        return "damaged", f"{path}: expected a mask, {error}. Copy or download it again.", False
    rows, columns = inside.shape
    if abs(columns * height - rows * width) > SAME_SHAPE * columns * height:
        text = (
            f"{path}: expected a mask of its picture's proportions, {width}x{height}; found {columns}x{rows}. Use the "
            "mask of this very picture, not cropped or turned."
        )
        return "proportions", text, False
    return "", "", bool(inside.all())
