"""Reading the tables of public datasets, however a program has saved them."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.datasets.text_files import read_text
from helpers.errors import StudyError

DELIMITERS = ",;\t|"
TABLE_ENDINGS = (".csv", ".tab", ".tsv", ".txt", "")


def find_table(folder: DatasetFolder, patterns: str | Sequence[str], shown: str) -> Path:
    """Return the only table of a dataset, in its folder or below it.

    Args:
        folder: The dataset's folder.
        patterns: Regular expressions of the table's name in lower case, without ending; the first that fits counts.
        shown: The table's usual name, for errors.

    Raises:
        StudyError: there is none, or there are several that differ.
    """
    tables = folder.files[folder.files.ending.isin(TABLE_ENDINGS)]
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        paths = tables.path[tables.name.str.lower().str.fullmatch(pattern)]
        if len(paths):
            nearest = sorted(paths, key=lambda path: (path.count("/"), path))
            return one_of_equal_files([folder.path / path for path in nearest], folder)
    raise StudyError(
        f"{folder.path}: expected one {shown} of {folder.dataset}, found none; the folder holds {folder.content()}. "
        "Point data_dir at the folder of the download that holds it."
    )


def one_of_equal_files(found: Sequence[Path], folder: DatasetFolder) -> Path:
    """Return the first of some files; the others must be copies of it.

    Raises:
        StudyError: one is not.
    """
    first, *others = found
    content = first.read_bytes() if others else b""
    for other in others:
        if other.read_bytes() != content:
            names = ", ".join(path.relative_to(folder.path).as_posix() for path in found)
            raise StudyError(
                f"{folder.path}: expected one {first.name} of {folder.dataset}, found {names}, which differ. Keep one "
                "of them, or point data_dir at a folder that holds one."
            )
    folder.used += [path.relative_to(folder.path).as_posix() for path in found]
    return first


def read_table(path: Path, columns: Sequence[str], folder: DatasetFolder) -> pd.DataFrame:
    """Read a table of text: CSV in UTF-8, UTF-16 or Windows' code page, separated by commas, semicolons, tabs or bars.

    Args:
        path: The file.
        columns: Names of the columns that must exist, in any case, and have a value in every row.
        folder: Gets the problems of single rows.

    Returns:
        The table, without blanks round the values; its index is the number of a row's line in the file. Rows with a
        problem are left out.

    Raises:
        StudyError: it is not such a table, or a column is missing.
    """
    lines = _lines(path, columns)
    header = _header(path, next(lines)[1], columns)
    rows, numbers, ragged = [], [], []
    for number, fields in lines:
        if not any(fields):
            continue
        if any(fields[len(header) :]):
            ragged.append((number, len(fields)))
            continue
        rows.append((fields + [""] * len(header))[: len(header)])
        numbers.append(number)
    if ragged:
        number, count = ragged[0]
        folder.problems.add(
            f"{path}, line {number}: expected {len(header)} fields, found {count}. Put quotes around a value that "
            "holds the delimiter.",
            count=len(ragged),
        )
    if not rows and not ragged:
        raise StudyError(f"{path}: expected a row for each image, found none. Download it again.")
    table = pd.DataFrame(rows, columns=pd.Index(header, dtype=object), index=numbers, dtype=str)
    return drop_bad_rows(table, {name: (table[name] != "", "filled in") for name in columns}, path, folder)


def drop_bad_rows(
    table: pd.DataFrame,
    checks: dict[str, tuple[pd.Series, str]],
    path: Path,
    folder: DatasetFolder,
) -> pd.DataFrame:
    """Return the rows of a table that pass all checks; the others become problems of the folder, a kind per column.

    Args:
        table: From `read_table`.
        checks: {column: (whether each row is right, what was expected)}.
        path: The table's file.
        folder: Gets the problems.
    """
    for column, (is_right, expected) in checks.items():
        wrong = table[column][~is_right]
        if len(wrong):
            value = repr(wrong.iloc[0]) if wrong.iloc[0] else "none"
            folder.problems.add(
                f"{path}, line {wrong.index[0]}: expected {column} to be {expected}; found {value}. Correct or drop "
                "the line.",
                count=len(wrong),
            )
    wrong = pd.concat([~is_right for is_right, _ in checks.values()], axis=1).any(axis=1)
    return table[~wrong]


def as_numbers(values: pd.Series) -> pd.Series:
    """Return text as numbers, with a decimal point or comma; NaN where it is no finite number."""
    numbers = pd.to_numeric(values.str.replace(",", ".", regex=False), errors="coerce")
    return numbers.where(numbers.abs() < float("inf"))


def image_stems(names: pd.Series) -> pd.Series:
    """Return image names without folders and without an image's ending."""
    names = names.str.replace(r"^.*[/\\]", "", regex=True)
    return names.str.replace(r"\.(jpe?g|png|tiff?|dcm|bmp|gif|webp)$", "", regex=True, flags=re.IGNORECASE)


def _lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a table, its header first."""
    text = read_text(path)
    head = next((line for line in text.splitlines() if line.strip()), "")
    wanted = {_plain(name) for name in columns}

    def columns_with(delimiter: str) -> int:
        return len(wanted & {_plain(name) for name in next(csv.reader([head], delimiter=delimiter), [])})

    delimiter = max(DELIMITERS, key=lambda delimiter: (columns_with(delimiter), head.count(delimiter)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    empty = True
    try:
        for fields in reader:
            values = [field.strip() for field in fields]
            if empty and not any(values):
                continue
            empty = False
            yield reader.line_num, values
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {reader.line_num}: expected a CSV table; {error}. Correct it, or download it again."
        ) from error
    if empty:
        raise StudyError(f"{path}: expected a CSV table, the file is empty. Download it again.")


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _header(path: Path, found: list[str], columns: Sequence[str]) -> list[str]:
    """Return the names of a table's columns, those that are needed as `columns` spells them."""
    while found and not found[-1]:
        found = found[:-1]
    spelled = {_plain(name): name for name in columns}
    header = [spelled.get(_plain(name), name) for name in found]
    for column in columns:
        if header.count(column) != 1:
            what = "is missing" if column not in header else "is there twice"
            raise StudyError(
                f"{path}: expected the columns {', '.join(columns)}; {column} {what}, found {', '.join(found)}. "
                "Download it again."
            )
    return header
