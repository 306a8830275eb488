"""Inspecting each picture once, before anything expensive starts: can it be used as it is?"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image

from helpers.datasets.kinds import ADVICE, READ, kind_of
from helpers.progress import progress

LARGEST_IMAGE = 50_000_000  # pixels; a larger one is taken for a decompression bomb
THUMBNAIL = 16  # pixels
INSPECTED_AT_ONCE = 512  # images given to the threads at a time
TURNED = range(2, 9)  # values of the EXIF tag that rotate or mirror a picture; all others mean nothing
NO_KIND = {  # what `kind_of` returns for a file that is of no kind: what is wrong
    "empty file": "the file is empty; copy or download it again",
    "unknown": "cannot identify what its bytes are; copy or download it again",
    "unreadable": "the file cannot be read; change its permissions",
}
PNG_DEPTH = 24  # the byte of a PNG file that has its bits a sample


@dataclass(frozen=True)
class Inspected:
    """What an inspection found.

    Attributes:
        problem: Why the picture cannot be used; "" if it can.
        kind: One word for this kind of problem.
        digest: SHA-256 of the file's bytes.
        thumbnail: uint8 (16, 16) as bytes, grey.
        bits: Of a sample: 8 or 16.
        smallest, largest: The smallest and the largest sample.
        width, height: In pixels.
    """

    problem: str = ""
    kind: str = ""
    digest: str = ""
    thumbnail: bytes = b""
    bits: int = 8
    smallest: int = 0
    largest: int = 0
    width: int = 0
    height: int = 0


def inspect_images(folder: Path, names: pd.Series) -> pd.DataFrame:
    """Decode every picture once, as training does.

    Args:
        folder: What the names are relative to.
        names: Image paths, relative to `folder`.

    Returns:
        One row per image, in the same order and with the same index; columns as the attributes of `Inspected`.
    """
    rows = progress(_inspected(folder, names), total=len(names), description="checking images")
    columns = [field.name for field in fields(Inspected)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged tags that do not matter, without naming the file
        return pd.DataFrame([astuple(row) for row in rows], columns=columns, index=names.index)


def _inspected(folder: Path, names: pd.Series) -> Iterator[Inspected]:
    paths = (folder / name for name in names)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(paths, INSPECTED_AT_ONCE)):
            yield from pool.map(_inspect, batch)


def _inspect(path: Path) -> Inspected:
    try:
        content = path.read_bytes()
        kind = kind_of(content)
        if kind not in READ:
            return Inspected(problem_of_kind(kind), "damaged" if kind in NO_KIND else kind)
        problem = _problem_of_header(content)
        return problem or _decoded(content)
    except Exception as error:  # a damaged file can make decoders fail in any way
        reason = str(error).partition("\n")[0].removeprefix("{{function_node").partition("}} ")
        return _damaged(reason[2] or reason[0])


def problem_of_kind(kind: str) -> str:
    """Return why a file of a kind (see `kind_of`) is no picture that can be used, and the way out."""
    if kind in NO_KIND:
        return f"expected a whole image, {NO_KIND[kind]}"
    advice = ADVICE.get(kind, "Convert it to PNG")
    return f"expected a JPEG or PNG picture, its bytes are of another kind: {kind}. {advice}"


def problem_of_size(width: int, height: int) -> str:
    """Return that a picture is too large; "" if it is not."""
    if width * height <= LARGEST_IMAGE:
        return ""
    return (
        f"expected at most {LARGEST_IMAGE:,} pixels, found {width}x{height}; if it is not a decompression bomb, "
        "make it smaller"
    )


def _damaged(reason: str) -> Inspected:
    return Inspected(f"expected a whole image, {reason}; copy or download it again", "damaged")


def _problem_of_header(content: bytes) -> Inspected | None:
    """Return what is wrong with a picture, as far as one can tell without decoding all of it."""
    try:
        with Image.open(io.BytesIO(content), formats=READ) as image:
            if problem := problem_of_size(image.width, image.height):
                return Inspected(problem, "too large")
            turned = _orientation(image)
            is_transparent = image.has_transparency_data and _is_transparent(image)
    except Image.DecompressionBombError as error:
        return Inspected(f"expected at most {LARGEST_IMAGE:,} pixels; {error}", "too large")
    if turned in TURNED:
        return Inspected(
            f"expected an upright picture, its EXIF tag rotates it (orientation {turned}); save it rotated", "turned"
        )
    if is_transparent:
        return Inspected("expected an opaque picture, parts of it are transparent; save it without", "transparent")
    return None


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's reader of EXIF fails in many ways on a damaged tag, which then turns nothing
        return 1


def _is_transparent(image: Image.Image) -> bool:
    return bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)


def _decoded(content: bytes) -> Inspected:
    """Decode a picture as training does."""
    from helpers.datasets.pipeline import decode, decode_16_bits  # not above: the workflow's plan needs no TensorFlow

    pixels = decode(content).numpy()
    bits, samples = 8, pixels
    if kind_of(content) == "PNG" and content[PNG_DEPTH] == 16:
        bits, samples = 16, decode_16_bits(content).numpy()
    thumbnail = Image.fromarray(pixels).convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return Inspected(
        digest=hashlib.sha256(content).hexdigest(),
        thumbnail=thumbnail.tobytes(),
        bits=bits,
        smallest=int(samples.min()),
        largest=int(samples.max()),
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
