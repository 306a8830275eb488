"""What a .keras file says of its model, read without Keras."""

import io
import zipfile
from pathlib import Path

import h5py


def count_parameters(model: Path) -> int:
    """Return the number of weights in a .keras file, without running what is in it."""
    counts: list[int] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and "seed_generator" not in name and not name.startswith("optimizer"):
            counts.append(item.size)

    with zipfile.ZipFile(model) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))  # HDF5 jumps to and fro, which takes long in a ZIP
    with h5py.File(content) as weights:
        weights.visititems(add)
    return sum(counts)
