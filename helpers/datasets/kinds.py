"""What a file is, by its first bytes: names and endings may say something else."""

from pathlib import Path

READ = ("JPEG", "PNG")  # kinds of pictures that the study reads
STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\x93NUMPY": "NumPy",
    b"\x89HDF": "HDF5",
    b"\x5c\x01\0\0": "NIfTI",
    b"PK\x03\x04": "zip archive",
    b"\x1f\x8b": "gzip archive",
    b"\xd0\xcf\x11\xe0": "old Excel workbook",
    b"%PDF": "PDF",
    b"version https://git-lfs": "pointer of Git LFS",
}
PAGES = (b"<!doctype", b"<html")  # starts of web pages, in any case, also after blanks
MARKS = {(8, b"WEBP"): "WebP", (4, b"ftypavif"): "AVIF", (4, b"ftyphei"): "HEIC", (128, b"DICM"): "DICOM"}
HEAD = 132  # bytes that tell
ADVICE = {  # what to do with a file that should be a table or a picture; other kinds of pictures are converted
    "zip archive": "Unpack it",
    "gzip archive": "Unpack it",
    "old Excel workbook": "Export it as CSV",
    "PDF": "Download the file itself",
    "web page": "Log in, and download the file itself",
    "pointer of Git LFS": "Fetch the file itself: git lfs pull",
}


def kind_of(content: bytes) -> str:
    """Return what a file is: JPEG, PNG, DICOM, …; "empty file", or "unknown".

    Args:
        content: Its first 132 bytes, or more.
    """
    if not content:
        return "empty file"
    for start, kind in STARTS.items():
        if content.startswith(start):
            return kind
    for (offset, mark), kind in MARKS.items():
        if content[offset : offset + len(mark)] == mark:
            return kind
    is_page = content.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGES)
    return "web page" if is_page else "unknown"


def kind_of_file(path: Path) -> str:
    """Return what a file is; "unreadable" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD))
    except OSError:
        return "unreadable"
