"""The reader of MedMNIST+'s .npz files (Yang et al., 2023), unpacked once into a folder of pictures.

DermaMNIST is HAM10000, ChestMNIST is ChestX-ray14; RetinaMNIST is graded fundus photographs, but not EyePACS.
All are resized to squares. The files say neither which lesion nor which patient an image belongs to: every image is a
group of its own, and their own split is kept.
"""

import contextlib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from PIL import Image

from helpers import files
from helpers.datasets.archives import DAMAGED
from helpers.datasets.split import SPLITS
from helpers.errors import StudyError
from helpers.progress import progress
from helpers.tasks import NO_FINDING, TASKS, MedMNIST

PARTS = dict(zip(("train", "val", "test"), SPLITS, strict=True))  # MedMNIST's names: the manifest's
TABLE = "labels.csv"
WRITTEN_AT_ONCE = 256  # images given to the threads at a time


def unpack_medmnist(file: Path, folder: Path, *, task: str) -> Path:
    """Write the images of a MedMNIST+ file as PNG into `folder`, and labels.csv last; if that exists, do nothing.

    Args:
        file: As downloaded, e.g. dermamnist_64.npz.
        folder: Where to; its name should identify the file.
        task: Which task the file is meant for.

    Raises:
        StudyError: no such file; not an .npz; arrays missing, of another shape or type, or in need of pickle.
    """
    stored = _stored(task)
    if not file.is_file():
        raise StudyError(
            f"data_dir: expected {stored.name}_<size>.npz of MedMNIST+, {file} is not there. "
            "Point data_dir at it, or fetch it: make data-medmnist."
        )
    if (folder / TABLE).is_file():
        return folder
    with files.lock(folder / TABLE):
        if (folder / TABLE).is_file():
            return folder
        files.make_folder(folder / "images")
        try:
            with zipfile.ZipFile(file) as archive:
                tables = [_unpack_part(archive, file, folder, stored, name) for name in PARTS]
        except StudyError:
            raise
        except (*DAMAGED, NotImplementedError, RuntimeError) as error:  # damage can look like an unknown compression
            raise StudyError(f"{file}: expected a whole .npz file; {error}. Download it again.") from error
        files.write_table(pd.concat(tables), folder / TABLE)
    return folder


def read_medmnist(folder: Path, *, task: str, **options: str | int) -> pd.DataFrame:
    """Read a folder that `unpack_medmnist` wrote.

    Args:
        folder: The folder.
        task: Which task the images are of.
        options: The task's own parameters: threshold; finding and against.

    Returns:
        One row per image: image (path relative to `folder`), label, group (the image itself), split.
    """
    table = pd.read_csv(folder / TABLE, dtype={"labels": str})
    own_labels = {row: _own_label(row, _stored(task)) for row in table.labels.unique()}
    classes = {row: TASKS[task].class_of(label, **options) for row, label in own_labels.items()}
    manifest = pd.DataFrame(
        {"image": table.image, "label": table.labels.map(classes), "group": table.image, "split": table.split}
    )
    return manifest.dropna(subset="label").reset_index(drop=True)


def _stored(task: str) -> MedMNIST:
    """Return how MedMNIST+ stores a task.

    Raises:
        StudyError: it does not.
    """
    stored = TASKS[task].medmnist
    if stored is None:
        raise StudyError(f"source: MedMNIST+ has no images of task {task!r}. Choose another source.")
    return stored


def _own_label(row: str, stored: MedMNIST) -> str:
    """Return the dataset's own label of a row of numbers, separated by blanks."""
    numbers = [int(number) for number in row.split()]
    if not stored.one_column_each:
        return stored.labels[numbers[0]]
    present = [label for label, number in zip(stored.labels, numbers, strict=True) if number]
    return "|".join(present) or NO_FINDING


def _unpack_part(archive: zipfile.ZipFile, file: Path, folder: Path, stored: MedMNIST, name: str) -> pd.DataFrame:
    """Write the images of one of the file's three parts; return image, labels and split of each."""
    columns = len(stored.labels) if stored.one_column_each else 1
    largest = 1 if stored.one_column_each else len(stored.labels) - 1
    with _opened(archive, f"{name}_labels", file) as (shape, dtype, stream):
        if len(shape) != 2 or shape[1] != columns or dtype.kind not in "iu":
            raise StudyError(
                f"{file}: expected {name}_labels of {stored.name}, integers of shape (n, {columns}); "
                f"found {dtype} of shape {shape}. Point data_dir at the file of this task."
            )
        labels = np.frombuffer(stream.read(), dtype).reshape(shape)
    if labels.min() < 0 or labels.max() > largest:
        raise StudyError(
            f"{file}: expected {name}_labels of {stored.name}, 0 to {largest}; found {labels.min()} to "
            f"{labels.max()}. Point data_dir at the file of this task."
        )
    paths = [f"images/{name}_{number:06d}.png" for number in range(len(labels))]
    with _opened(archive, f"{name}_images", file) as (shape, dtype, stream), ThreadPoolExecutor() as pool:
        square = len(shape) in (3, 4) and shape[1] == shape[2] and shape[3:] in ((), (3,))
        if not square or dtype != np.uint8 or shape[0] != len(labels):
            raise StudyError(
                f"{file}: expected {name}_images, uint8 of shape ({len(labels)}, size, size) or with 3 channels; "
                f"found {dtype} of shape {shape}. Download it again."
            )
        rows = zip((folder / path for path in paths), _images(stream, shape), strict=True)
        with progress(description=f"unpacking {name}", total=len(paths)) as bar:
            while batch := list(islice(rows, WRITTEN_AT_ONCE)):
                list(pool.map(_write, batch))
                bar.update(len(batch))
    texts = [" ".join(map(str, row)) for row in labels]
    return pd.DataFrame({"image": paths, "labels": texts, "split": PARTS[name]})


@contextlib.contextmanager
def _opened(archive: zipfile.ZipFile, name: str, file: Path) -> Iterator[tuple[tuple[int, ...], np.dtype, IO[bytes]]]:
    """Open an array of an .npz for reading row by row: its shape, its type, and the stream of its numbers."""
    if f"{name}.npy" not in archive.namelist():
        found = ", ".join(archive.namelist()[:8]) or "nothing"
        raise StudyError(f"{file}: expected the arrays of MedMNIST; {name} is missing, found {found}.")
    with archive.open(f"{name}.npy") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(stream)
        except ValueError as error:
            raise StudyError(f"{file}: expected {name} as a NumPy array; {error}. Download it again.") from error
        if dtype.hasobject or fortran:
            kind = "pickled objects, which can run code" if dtype.hasobject else "numbers in Fortran order"
            raise StudyError(f"{file}: expected {name} as plain numbers in C order; it has {kind}. It is not read.")
        yield shape, dtype, stream


def _images(stream: IO[bytes], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for _ in range(shape[0]):
        content = stream.read(int(np.prod(shape[1:])))
        yield np.frombuffer(content, np.uint8).reshape(shape[1:])


def _write(row: tuple[Path, np.ndarray]) -> None:
    path, pixels = row
    if not path.is_file():
        with files.atomic_write(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG", compress_level=1)
