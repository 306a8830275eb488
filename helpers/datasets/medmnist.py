"""The reader of MedMNIST+'s .npz files (Yang et al., 2023), unpacked once into a folder of pictures.

DermaMNIST is HAM10000, ChestMNIST is ChestX-ray14; RetinaMNIST is graded fundus photographs, but not EyePACS.
All are squeezed to squares. The files say neither which lesion nor which patient an image belongs to: every image is a
group of its own, and their own split is kept.
"""

import contextlib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from PIL import Image

from helpers import files
from helpers.config import FINDINGS, GRADES, SKIN_LESIONS, StudyError, finding_classes, grade_classes
from helpers.progress import progress

SPLITS = {"train": "train", "val": "validation", "test": "test"}  # MedMNIST's name: the manifest's
DATASETS = {"skin_lesion": "dermamnist", "retinopathy": "retinamnist", "pneumothorax": "chestmnist"}
LABEL_COLUMNS = {"skin_lesion": 1, "retinopathy": 1, "pneumothorax": len(FINDINGS)}
LABELS = {"skin_lesion": len(SKIN_LESIONS), "retinopathy": len(GRADES), "pneumothorax": 2}  # values of each column
TABLE = "labels.csv"
AT_ONCE = 256  # images in the hands of the threads


def unpack_medmnist(file: Path, folder: Path, *, task: str) -> Path:
    """Write the images of a MedMNIST+ file as PNG into `folder`, and labels.csv last; nothing if that is there.

    Args:
        file: As downloaded, e.g. dermamnist_64.npz.
        folder: Where to; its name should tell the file.
        task: Which task the file is meant for.

    Raises:
        StudyError: no such file; not an .npz; arrays missing, of another shape or type, or wanting pickle.
    """
    if not file.is_file():
        raise StudyError(
            f"data_dir: expected {DATASETS[task]}_<size>.npz of MedMNIST+, {file} is not there. Point data_dir at it, "
            "or fetch it: make data-medmnist."
        )
    if (folder / TABLE).is_file():
        return folder
    files.make_folder(folder / "images")
    try:
        with zipfile.ZipFile(file) as archive:
            tables = [_unpack_split(archive, file, folder, task=task, name=name) for name in SPLITS]
    except zipfile.BadZipFile as error:
        raise StudyError(f"{file}: expected a whole .npz file; {error}. Download it anew.") from error
    files.write_table(pd.concat(tables), folder / TABLE)
    return folder


def read_medmnist(
    folder: Path, *, task: str, threshold: int = 1, finding: str = "Pneumothorax", against: str = "others"
) -> pd.DataFrame:
    """Read a folder that `unpack_medmnist` wrote; see the readers of the three tasks for the parameters.

    Returns:
        One row an image: image (path relative to `folder`), label, group (the image itself), split.
    """
    table = pd.read_csv(folder / TABLE, dtype={"labels": str})
    labels = np.array([[int(number) for number in row.split()] for row in table.labels])
    kept = np.ones(len(table), bool)
    if task == "skin_lesion":
        names = np.array(SKIN_LESIONS)[labels[:, 0]]
    elif task == "retinopathy":
        index = labels[:, 0] if threshold == 0 else (labels[:, 0] >= threshold).astype(int)
        names = np.array(grade_classes(threshold))[index]
    else:
        present = labels[:, FINDINGS.index(finding)]
        names = np.array(finding_classes(finding))[present]
        kept = (present == 1) | (against == "others") | (labels.sum(axis=1) == 0)
    manifest = pd.DataFrame({"image": table.image, "label": names, "group": table.image, "split": table.split})
    return manifest[kept].reset_index(drop=True)


def _unpack_split(archive: zipfile.ZipFile, file: Path, folder: Path, *, task: str, name: str) -> pd.DataFrame:
    with _opened(archive, f"{name}_labels", file) as (shape, dtype, stream):
        if len(shape) != 2 or shape[1] != LABEL_COLUMNS[task] or dtype.kind not in "iu":
            raise StudyError(
                f"{file}: expected {name}_labels of {DATASETS[task]}, integers of shape (n, {LABEL_COLUMNS[task]}); "
                f"found {dtype} of shape {shape}. Point data_dir at the file of this task."
            )
        labels = np.frombuffer(stream.read(), dtype).reshape(shape)
    if labels.min() < 0 or labels.max() >= LABELS[task]:
        raise StudyError(
            f"{file}: expected {name}_labels of {DATASETS[task]}, 0 to {LABELS[task] - 1}; found {labels.min()} to "
            f"{labels.max()}. Point data_dir at the file of this task."
        )
    paths = [f"images/{name}_{number:06d}.png" for number in range(len(labels))]
    with _opened(archive, f"{name}_images", file) as (shape, dtype, stream), ThreadPoolExecutor() as pool:
        square = len(shape) in (3, 4) and shape[1] == shape[2] and shape[3:] in ((), (3,))
        if not square or dtype != np.uint8 or shape[0] != len(labels):
            raise StudyError(
                f"{file}: expected {name}_images, uint8 of shape ({len(labels)}, size, size) or with 3 channels; "
                f"found {dtype} of shape {shape}. Download it anew."
            )
        rows = zip((folder / path for path in paths), _images(stream, shape), strict=True)
        with progress(description=f"unpacking {name}", total=len(paths)) as bar:
            while batch := list(islice(rows, AT_ONCE)):
                list(pool.map(_write, batch))
                bar.update(len(batch))
    texts = [" ".join(map(str, row)) for row in labels]
    return pd.DataFrame({"image": paths, "labels": texts, "split": SPLITS[name]})


@contextlib.contextmanager
def _opened(archive: zipfile.ZipFile, name: str, file: Path) -> Iterator[tuple[tuple[int, ...], np.dtype, BinaryIO]]:
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
            raise StudyError(f"{file}: expected {name} as a NumPy array; {error}. Download it anew.") from error
        if dtype.hasobject or fortran:
            wants = "pickled objects, which can run code" if dtype.hasobject else "Fortran order"
            raise StudyError(f"{file}: expected {name} as plain numbers in C order; it wants {wants}. Refused.")
        yield shape, dtype, stream


def _images(stream: BinaryIO, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for _ in range(shape[0]):
        content = stream.read(int(np.prod(shape[1:])))
        yield np.frombuffer(content, np.uint8).reshape(shape[1:])


def _write(row: tuple[Path, np.ndarray]) -> None:
    path, pixels = row
    if not path.is_file():
        with files.whole(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG", compress_level=1)
