"""Reading the tables of public datasets, however a program has saved them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from helpers.datasets.folder import DatasetFolder
from helpers.datasets.text_files import plain, read_content, read_records
from helpers.errors import StudyError

TABLE_ENDINGS = (".csv", ".tab", ".tsv", ".txt", "")
WORKBOOK_ENDINGS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


def find_table(folder: DatasetFolder, patterns: str | Sequence[str], shown: str) -> Path:
    """Return the only table of a dataset, in its folder or below it.

    Args:
        folder: The dataset's folder. Gets a problem if there are several tables that differ.
        patterns: Regular expressions of the table's name in lower case, without ending; the first that fits counts.
        shown: The table's usual name, for errors.

    Raises:
        StudyError: there is none.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    for pattern in patterns:
        if found := named_files(folder, pattern, TABLE_ENDINGS):
            try:
                return one_of_equal_files(found, folder)
            except StudyError as error:
                folder.problems.add(str(error))
                return found[0]
    for pattern in patterns:
        if found := named_files(folder, pattern, WORKBOOK_ENDINGS):
            raise StudyError(
                f"{found[0]}: expected {shown} of {folder.dataset} as a CSV table, found a workbook. Export it as CSV."
            )
    raise StudyError(
        f"{folder.path}: expected one {shown} of {folder.dataset}, found none; the folder holds {folder.content()}. "
        "Point data_dir at the folder of the download that holds it."
    )


def named_files(folder: DatasetFolder, pattern: str, endings: Sequence[str]) -> list[Path]:
    """Return the files whose names fit a pattern, the nearest first."""
    fits = folder.files.name.str.lower().str.fullmatch(pattern) & folder.files.ending.isin(endings)
    return [folder.path / path for path in sorted(folder.files.path[fits], key=lambda path: (path.count("/"), path))]


def one_of_equal_files(found: Sequence[Path], folder: DatasetFolder) -> Path:
    """Return the first of some tables; the others must be copies of it, however they were saved.

    Raises:
        StudyError: one is not, or cannot be read.
    """
    folder.used += [path.relative_to(folder.path).as_posix() for path in found]
    first, *others = found
    for other in others:
        if read_content(other) != read_content(first) and _fields(other) != _fields(first):
            names = ", ".join(path.relative_to(folder.path).as_posix() for path in found)
            raise StudyError(
                f"{folder.path}: expected one {first.name} of {folder.dataset}, found {names}, which differ. Keep one "
                "of them, or point data_dir at a folder that holds one."
            )
    return first


def _fields(path: Path) -> list[list[str]]:
    return [fields for _, fields in read_records(path)]


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
    records = read_records(path, columns)
    _, head = next(records, (0, []))
    if not head:
        raise StudyError(f"{path}: expected a CSV table, the file is empty. Download it again.")
    header = _header(path, head, columns)
    rows, numbers, ragged = [], [], []
    for number, fields in records:
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


def as_known(values: pd.Series, known: Sequence[str]) -> pd.Series:
    """Return values as a list of known ones spells them, where they differ in case, or have blanks for underscores."""
    spelled = {plain(value.replace("_", " ")): value for value in known}
    return values.map({value: spelled.get(plain(value.replace("_", " ")), value) for value in values.unique()}).astype(
        str
    )


def as_groups(values: pd.Series) -> pd.Series:
    """Return groups such that spellings of one group are one, the first of them: P1 and p1; 1, 00000001 and 1.0."""
    keys = values.str.normalize("NFC").str.strip().str.casefold()
    keys = keys.str.replace(r"^0*(\d+)([.,]0*)?$", r"\1", regex=True)
    return values.groupby(keys).transform("first")


def image_stems(names: pd.Series) -> pd.Series:
    """Return image names without folders and without an image's ending, an accent and its letter as one character."""
    names = names.str.normalize("NFC").str.replace(r"^.*[/\\]", "", regex=True)
    return names.str.replace(r"\.(jpe?g|png|tiff?|dcm|bmp|gif|webp)$", "", regex=True, flags=re.IGNORECASE)


def _header(path: Path, found: list[str], columns: Sequence[str]) -> list[str]:
    """Return the names of a table's columns, those that are needed as `columns` spells them."""
    while found and not found[-1]:
        found = found[:-1]
    spelled = {plain(name): name for name in columns}
    header = [spelled.get(plain(name), name) for name in found]
    for column in columns:
        if header.count(column) != 1:
            what = "is missing" if column not in header else "is there twice"
            raise StudyError(
                f"{path}: expected the columns {', '.join(columns)}; {column} {what}, found {', '.join(found)}. "
                "Download it again."
            )
    return header
