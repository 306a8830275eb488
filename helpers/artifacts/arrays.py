"""Reading and writing the .npz files of a run, without pickle."""

import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from helpers import files
from helpers.errors import StudyError


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays under their names, compressed, atomically."""
    with files.atomic_write(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def load_arrays(path: Path, *, needed: Collection[str], made_by: str) -> dict[str, np.ndarray]:
    """Return all arrays of a file by name.

    Args:
        path: The file.
        needed: Names that must be among them.
        made_by: What to run to get the file, for the error.

    Raises:
        StudyError: the file is not there, cannot be read, or lacks an array.
    """
    if not path.is_file():
        raise StudyError(f"{path}: expected {path.stem}, they are not there. Run {made_by} first.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StudyError(f"{path}: expected arrays ({error}). Delete it, and run {made_by}.") from error
    if missing := sorted(set(needed) - arrays.keys()):
        raise StudyError(
            f"{path}: expected the arrays {', '.join(needed)}; {', '.join(missing)} missing, an older version of the "
            f"study wrote it. Delete it, and run {made_by}."
        )
    return arrays
