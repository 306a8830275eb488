"""Reading files of text, however a program has encoded them and separated their fields."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers.datasets.kinds import ADVICE, kind_of
from helpers.errors import StudyError

FOREIGN = {  # what a table may turn out to be: the way out
    "zip archive": "Unpack it; or, if it is an Excel workbook, export it as CSV",
    **{kind: ADVICE[kind] for kind in ("gzip archive", "old Excel workbook", "PDF", "web page", "pointer of Git LFS")},
}
DELIMITERS = ",;\t|"
SEPARATOR_LINE = re.compile(
    rf'\A(\s*)"?sep=[{DELIMITERS}]+"?[ \t]*$', re.IGNORECASE | re.MULTILINE
)  # Excel's first line


def read_content(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        StudyError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudyError(
            f"{path}: expected a file that can be read; {error.strerror}. Make it readable, or remove it."
        ) from error


def read_text(path: Path) -> str:
    """Return the text of a file, in UTF-8 or UTF-16, or else in Windows' code page.

    Raises:
        StudyError: it is no text, or cannot be read.
    """
    content = read_content(path)
    if (kind := kind_of(content)) in FOREIGN:
        raise StudyError(f"{path}: expected a CSV table, its bytes are of another kind: {kind}. {FOREIGN[kind]}.")
    for encoding in (_unicode_of(content), "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise StudyError(f"{path}: expected a CSV table, found bytes that are no text. Download it again.")


def _unicode_of(content: bytes) -> str:
    """Return which Unicode encoding a text has, by its mark, or by the zeros between its letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:200]
    for encoding, bytes_of_zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if bytes_of_zeros.count(0) > len(bytes_of_zeros) / 2:
            return encoding
    return "utf-8-sig"


def read_records(path: Path, columns: Sequence[str] = ()) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, fields without blanks round them) of a CSV file, without its blank lines.

    Args:
        path: The file.
        columns: Names that the header should have: they tell the delimiter.

    Raises:
        StudyError: it is no such file.
    """
    text = SEPARATOR_LINE.sub(r"\1", read_text(path), count=1)
    head = next((line for line in text.splitlines() if line.strip()), "")
    number, are_lines_quoted = 0, None
    try:
        delimiter = _delimiter(head, columns)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
        for fields in reader:
            number = reader.line_num
            if not any(field.strip() for field in fields):
                continue
            line = "" if any(fields[1:]) else fields[0]
            if are_lines_quoted is None:
                are_lines_quoted = delimiter in line
            if are_lines_quoted and line:
                fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
            yield number, [field.strip() for field in fields]
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {number + 1}: expected a CSV table; {error}. Correct it, or download it again."
        ) from error


def _delimiter(head: str, columns: Sequence[str]) -> str:
    """Return the delimiter that separates most of the columns in a header, or else the most frequent one."""
    wanted = {plain(name) for name in columns}

    def rank(delimiter: str) -> tuple[int, int]:
        try:
            fields = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:  # a field is too long: another delimiter cuts it
            return -1, 0
        return len(wanted & {plain(name) for name in fields}), head.count(delimiter)

    return max(DELIMITERS, key=rank)


def plain(name: str) -> str:
    """Return a name in small letters, with single blanks."""
    return " ".join(name.split()).casefold()
