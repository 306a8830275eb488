"""Files that are complete or absent, locks between processes, and digests."""

import contextlib
import errno
import gzip
import hashlib
import json
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from helpers.errors import StudyError
from helpers.paths import display_path

UNFINISHED = ".unfinished-"  # start of the names of temporary files and folders
NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}  # errors of a file system without locks
POLL_SECONDS = 0.2  # between two attempts to take a lock
SECONDS_OF_A_LOOK = 0.2  # for which `is_locked` of another process may hold a lock, at most


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` if the block ends without an error.

    The temporary path is unique, so that two processes may write the same file: the last one wins. What a killed
    process left behind is removed by the next `lock` in the folder or above it.
    """
    make_folder(path.parent)
    owner = f"{os.getpid()}@{socket.gethostname()}@{os.urandom(4).hex()}"
    temporary = path.with_name(f"{UNFINISHED}{owner}@{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 (the name that says that it is atomic)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(path) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_room(path: Path, size: int) -> None:
    """Check that the disk has room for a file of `size` bytes. Call it before a library that crashes on a full disk.

    Raises:
        StudyError: it has not.
    """
    if shutil.disk_usage(path.parent).free < size:
        raise _disk_full(path)


def _disk_full(path: Path) -> StudyError:
    return StudyError(
        f"{path}: expected free space to write it, the disk is full. Free some and run again; complete files stay."
    )


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files below a folder, of processes on this machine that no longer run."""
    for leftover in folder.rglob(f"{UNFINISHED}*@*"):
        process, host = leftover.name.removeprefix(UNFINISHED).split("@")[:2]
        if host == socket.gethostname() and process.isdigit() and not _is_running(int(process)):
            leftover.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def lock(path: Path, *, wait: bool = True, inheritable: bool = False) -> Iterator[bool]:
    """Hold the lock of a file that several processes may write; it ends with the process, however that ends.

    The lock is a hidden file beside `path`. On a file system without locks there is a warning instead.

    Args:
        path: The file to be written; it need not exist.
        wait: Wait for another holder, and print so; else raise.
        inheritable: Whether a program that replaces this one (`os.execv`) keeps the lock.

    Yields:
        Whether there is a lock: False on a file system without.

    Raises:
        StudyError: another process holds the lock, and `wait` is False.
    """
    make_folder(path.parent)
    held = filelock.FileLock(
        path.with_name(f".{path.name}.lock"),
        fallback_to_soft=False,
        on_acquired=lambda descriptor: os.set_inheritable(descriptor, inheritable),
    )
    try:
        held.acquire(timeout=SECONDS_OF_A_LOOK)
    except filelock.Timeout:
        if not wait:
            raise StudyError(
                f"{path}: another process is working on it. Wait until it has ended, or stop it."
            ) from None
        print(f"{display_path(path)}: another process is making it; waiting", flush=True)
        held.acquire(poll_interval=POLL_SECONDS)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        warnings.warn(
            f"{path.parent}: this file system has no locks ({error.strerror}). Do not run two processes on it at once.",
            stacklevel=3,
        )
    try:
        _remove_leftovers(path.parent)
        yield held.is_locked
    finally:
        held.release()


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file (see `lock`). To see that, a free lock is held for a moment."""
    place = path.with_name(f".{path.name}.lock")
    if not place.is_file():
        return False
    held = filelock.FileLock(place, fallback_to_soft=False)
    try:
        held.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:  # no locks here, or no right to take one
        return False
    held.release()
    return False


def make_folder(path: Path) -> Path:
    """Make a folder, and check that files can be written to it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise StudyError(
            f"{path}: expected a folder that can be written to; {error.strerror}. Choose another folder."
        ) from error


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, atomically; compressed if its name ends in .gz, the same table always to the same bytes."""
    with atomic_write(path) as temporary:
        if path.suffix != ".gz":
            table.to_csv(temporary, index=False)
            return
        with temporary.open("wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as compressed:
            table.to_csv(compressed, index=False)


def write_json(content: Any, path: Path) -> None:
    """Write JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def digest(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_digest(content: Any) -> str:
    """Return eight hexadecimal digits that tell JSON-able contents apart."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def fingerprint(paths: Iterable[Path], *, relative_to: Path) -> str:
    """Return eight hexadecimal digits that change when a file is added, removed or written: by name, size and time."""
    states = ((str(path.relative_to(relative_to)), path.stat()) for path in sorted(paths))
    return short_digest([[name, state.st_size, state.st_mtime_ns] for name, state in states])
