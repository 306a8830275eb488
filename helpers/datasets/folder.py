"""A dataset's folder as it is on disk: every file below it, and what is said about them."""

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pandas as pd

from helpers.datasets.problems import Problems
from helpers.errors import StudyError

IGNORED_FOLDERS = ("__MACOSX",)  # what macOS adds to archives


class DatasetFolder:
    """A dataset's folder, listed once.

    Args:
        path: The folder.
        dataset: The dataset's name, for errors.
        expected: What should be in the folder, for errors.

    Attributes:
        files: One row per file: path (relative to the folder, with /), name (without its ending), ending (lower case,
            with its dot; "" if there is none). Links are followed.
        problems: What is wrong with the folder, so far.
        used: Paths of the tables and lists that were read.
        unreadable: Paths of links that lead nowhere or to a folder around this one, and of folders that cannot be
            listed.
        notes: What a reader of the study should know: what was chosen among several, and what is not used.

    Raises:
        StudyError: there is no such folder.
    """

    def __init__(self, path: Path, *, dataset: str, expected: Iterable[str]):
        if what := _why_no_folder(path):
            raise StudyError(
                f"data_dir: expected the folder of {dataset}, with {', '.join(expected)} in it; {path} {what}. "
                "Point data_dir at it."
            )
        self.path, self.dataset = path, dataset
        self.problems = Problems(path)
        self.used: list[str] = []
        self.notes: list[str] = []
        self.unreadable: list[str] = []
        self.files = pd.DataFrame(map(_parts, self._listed()), columns=["path", "name", "ending"])

    def _listed(self) -> list[str]:
        paths = list(walk(self.path, self.unreadable))
        if self.unreadable:
            self.notes.append(
                f"links not followed, or folders that cannot be read: {len(self.unreadable):,}; the first is "
                f"{self.unreadable[0] or 'this folder itself'}"
            )
        strange = [path for path in paths if not _is_text(path)]
        if strange:
            self.notes.append(f"not used: {len(strange):,} files whose names are not text, such as {strange[0]!a}")
        return [path for path in paths if _is_text(path)]

    def content(self) -> str:
        """Return the first names in the folder, for errors."""
        try:
            visible = sorted(_shown(path) for path in self.path.iterdir() if not path.name.startswith("."))
        except OSError as error:
            return f"what one cannot see ({error.strerror})"
        return ", ".join(visible[:6]) + (", …" if len(visible) > 6 else "") or "nothing"


def walk(folder: Path, broken: list[str] | None = None, *, without: Collection[Path] = ()) -> Iterator[str]:
    """Yield the paths of all visible files below a folder, relative to it, with "/".

    Links are followed, after everything that is no link. Each folder is entered once, so links may form a circle. A
    link to a folder around the dataset is not followed.

    Args:
        folder: The folder.
        broken: Gets the paths of links that are not followed, and of folders that cannot be listed.
        without: Folders that are not entered.
    """
    root, left_out = os.path.realpath(folder), set(map(os.path.realpath, without))
    entered, waiting = set(), [("", str(folder))]
    links: list[tuple[str, str]] = []
    while waiting or links:
        prefix, path = waiting.pop() if waiting else links.pop(0)
        real = os.path.realpath(path)
        is_around = real != root and f"{root}/".startswith(f"{real.rstrip('/')}/")
        if is_around and broken is not None:
            broken.append(prefix)
        if real in entered or real in left_out or is_around:
            continue
        entered.add(real)
        inner: list[tuple[str, str]] = []
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError:
            if broken is not None:
                broken.append(prefix)
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in IGNORED_FOLDERS:
                continue
            name = prefix + entry.name
            kind = _kind_of_entry(entry)
            if kind == "folder":
                (links if entry.is_symlink() else inner).append((f"{name}/", entry.path))
            elif kind == "file":
                yield name
            elif broken is not None:
                broken.append(name)
        waiting += reversed(inner)


def _kind_of_entry(entry: os.DirEntry) -> str:
    """Return "folder", "file", or "" for a link that leads nowhere or in a circle."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    except OSError:
        return ""


def _why_no_folder(path: Path) -> str:
    """Return why a path is no folder, in words; "" if it is one."""
    try:
        return "" if path.is_dir() else "is a file" if path.is_file() else "is not there"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _is_text(path: str) -> bool:
    """Return whether a path can be written into a table."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not {"\n", "\r", "\0"} & set(path)


def _shown(path: Path) -> str:
    """Return a file's name; of a folder with a slash, of a link that leads nowhere with a remark."""
    try:
        return path.name + ("/" if path.is_dir() else "" if path.exists() else " (a broken link)")
    except OSError:
        return path.name


def _parts(path: str) -> tuple[str, str, str]:
    """Return a file's path, its name without ending (as one code point a letter), and its ending."""
    name = unicodedata.normalize("NFC", path.rpartition("/")[2])
    stem, dot, ending = name.rpartition(".")
    return (path, stem, f".{ending.lower()}") if stem and dot else (path, name, "")
