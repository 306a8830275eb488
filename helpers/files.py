"""Files that are there whole or not at all, and the record of what they were made with."""

import contextlib
import errno
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.config import StudyError
from helpers.paths import shown

RECORD = "parameters.json"  # beside the files that it is about
VERSIONS = ("foolbox", "keras", "numpy", "pandas", "pillow", "scikit-learn", "scipy", "tensorflow")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; put it in the place of `path` when the block ends well.

    What a killed block left behind is overwritten by the next one for the same path.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".unfinished-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StudyError(
            f"{path}: expected room on the disk to write it, there is none. Free some and run again; whole files stay."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """Make a folder, and check that files can be written to it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise StudyError(
            f"{path}: expected a folder that can be written to; {error.strerror}. Choose another with runs_dir."
        ) from error


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    with whole(path) as temporary:
        table.to_csv(temporary, index=False)


def write_json(content: Any, path: Path) -> None:
    """Write JSON, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; one that is not there is empty."""
    return json.loads(path.read_text()) if path.is_file() else {}


def digest(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_digest(content: Any) -> str:
    """Return eight hexadecimal digits that tell JSON-able contents apart."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def versions() -> dict[str, str]:
    """Return the version of every package that has a say in the numbers."""
    return {name: version(name) for name in VERSIONS}


def is_made(output: Path, parameters: Mapping[str, Any]) -> bool:
    """Tell whether a file is there and was made with exactly these parameters."""
    return output.is_file() and recorded(output) == _as_json(parameters)


def differences(output: Path, parameters: Mapping[str, Any]) -> str:
    """Say which parameters of a file that is there differ from these; "" if none, or if there is no such file."""
    old, new = recorded(output) or {}, _as_json(parameters)
    if not (old and output.is_file()):
        return ""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(f"{name}: {old.get(name)!r} before, {new.get(name)!r} now" for name in names)


@contextlib.contextmanager
def making(output: Path, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Make a file inside the block; put its parameters on record, in parameters.json beside it, once it is whole.

    If the file is there but was made with other parameters, say which differ.
    """
    if changes := differences(output, parameters):
        print(f"{shown(output)} is made anew, its parameters changed ({changes})")
    path = output.parent / RECORD
    write_json({name: entry for name, entry in read_json(path).items() if name != output.name}, path)
    yield
    write_json({**read_json(path), output.name: {"parameters": _as_json(parameters), "versions": versions()}}, path)


def recorded(output: Path) -> dict[str, Any] | None:
    """Return the parameters that a file was made with, None if there is no record of it."""
    return read_json(output.parent / RECORD).get(output.name, {}).get("parameters")


def other_versions(output: Path) -> str:
    """Say which packages had other versions when a file was made; "" if none, or if there is no record."""
    now = versions()
    then = read_json(output.parent / RECORD).get(output.name, {}).get("versions", now)
    return ", ".join(f"{name} {then[name]} (here {now.get(name)})" for name in then if then[name] != now.get(name))


def _as_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(parameters)))
