"""Inspecting each image file once, before anything expensive starts: can it be used, and is there a copy of it?"""

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image

from helpers.progress import progress

LARGEST_IMAGE = 50_000_000  # pixels; a larger one is taken for a decompression bomb
THUMBNAIL = 16  # pixels
NEAR = 0.998  # correlation of thumbnails from which two pictures are near-duplicates
INSPECTED_AT_ONCE = 512  # images given to the threads at a time


def inspect_images(folder: Path, names: pd.Series) -> pd.DataFrame:
    """Decode every image once.

    Args:
        folder: What the names are relative to.
        names: Image paths, relative to `folder`.

    Returns:
        One row per image, in the same order and with the same index: problem (why it cannot be used; "" if
        it can), digest (of the file's bytes), thumbnail (uint8 (16, 16) as bytes, grey).
    """
    rows = progress(_inspected(folder, names), total=len(names), description="checking images")
    return pd.DataFrame(rows, columns=["problem", "digest", "thumbnail"], index=names.index)


def _inspected(folder: Path, names: pd.Series) -> Iterator[tuple[str, str, bytes]]:
    paths = (folder / name for name in names)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(paths, INSPECTED_AT_ONCE)):
            yield from pool.map(_inspect, batch)


def _inspect(path: Path) -> tuple[str, str, bytes]:
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > LARGEST_IMAGE:
                raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            turned = image.getexif().get(ExifTags.Base.Orientation, 1)
            image.load()
            opacity = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
            is_transparent = opacity is not None and np.asarray(opacity).min() < 255
            shades = image.point(lambda value: value / 257, "L") if image.mode == "I;16" else image.convert("L")
            thumbnail = shades.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX).tobytes()
    except Image.DecompressionBombError as error:
        return (
            f"expected at most {LARGEST_IMAGE:,} pixels, {error}; if it is not a decompression bomb, make it smaller",
            "",
            b"",
        )
    except (OSError, SyntaxError, ValueError) as error:
        found = "the file is empty" if path.is_file() and not path.stat().st_size else str(error)
        return f"expected a whole image, {found}; copy or download it again", "", b""
    if turned != 1:
        return f"expected an upright picture, its EXIF tag rotates it (orientation {turned}); save it rotated", "", b""
    if is_transparent:
        return "expected an opaque picture, parts of it are transparent; save it without", "", b""
    return "", digest, thumbnail


def near_duplicates(inspected: pd.DataFrame, split: pd.Series, *, largest: int = 100) -> list[tuple[int, int, float]]:
    """Find test images that look like an image of another split.

    Args:
        inspected: As from `inspect_images`.
        split: The split of each row.
        largest: The largest number of pairs to return.

    Returns:
        (row of the test image, row of the other, correlation of their thumbnails), the most alike first.
        A pair is reported from a correlation of 0.998 on. Whether it matters is for a human to judge.
    """
    pixels = np.stack([np.frombuffer(thumbnail, np.uint8) for thumbnail in inspected.thumbnail]).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1e-6)
    tests, others = np.flatnonzero(split == "test"), np.flatnonzero(split != "test")
    pairs = []
    for rows in np.array_split(tests, max(1, len(tests) // 256)):
        alike = pixels[rows] @ pixels[others].T
        for row, other in np.argwhere(alike > NEAR):
            pairs.append((int(rows[row]), int(others[other]), float(alike[row, other])))
    return sorted(pairs, key=lambda pair: -pair[2])[:largest]
