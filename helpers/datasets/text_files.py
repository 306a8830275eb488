"""Reading files of text, however a program has encoded them."""

from pathlib import Path

from helpers.datasets.kinds import kind_of
from helpers.errors import StudyError

FOREIGN = {  # what a table may turn out to be: the way out
    "zip archive": "Unpack it; or, if it is an Excel workbook, export it as CSV",
    "gzip archive": "Unpack it",
    "old Excel workbook": "Export it as CSV",
    "PDF": "Download the table itself",
    "web page": "Log in, and download the table itself",
    "pointer of Git LFS": "Fetch the file itself: git lfs pull",
}


def read_text(path: Path) -> str:
    """Return the text of a file, in UTF-8 or UTF-16, or else in Windows' code page.

    Raises:
        StudyError: it is no text, or cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: expected a file that can be read; {error.strerror}.") from error
    if (kind := kind_of(content)) in FOREIGN:
        raise StudyError(f"{path}: expected a CSV table, its bytes are of another kind: {kind}. {FOREIGN[kind]}.")
    for encoding in ("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise StudyError(f"{path}: expected a CSV table, found bytes that are no text. Download it again.")
