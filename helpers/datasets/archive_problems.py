"""What is wrong with an archive that could not be unpacked, in one sentence with the way out."""

import errno
import re
import shlex
import tarfile
from pathlib import Path

from helpers.datasets.kinds import kind_of

HEAD_OF_ARCHIVE = 512  # bytes: a tar file's first header
FULL = {errno.ENOSPC, errno.EDQUOT}
NAMELESS = {"unknown", "zip archive", "gzip archive"}  # kinds that say nothing of what is wrong
UNREADABLE = {  # first bytes of archives that Python does not read
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
COMPRESSED = {  # first bytes of one compressed file, which is fine if that is a .tar, and the command that unpacks it
    b"\x1f\x8b": "gzip -dk",
    b"\xfd7zXZ\x00": "xz -dk",
    b"BZh": "bzip2 -dk",
}
ENDING = re.compile(r"(\.tar(\.(gz|bz2|xz|zst))?|\.(zip|tgz|tbz2?|txz|7z|rar))$", re.IGNORECASE)
SPLIT = re.compile(r".+\.(zip|tar|gz|tgz|bz2|tbz2?|xz|txz|7z|rar|zst)\.[a-z]{2}", re.IGNORECASE)  # a.tar.gz.aa


def explain(archive: Path, target: Path, error: Exception) -> str:
    """Return what is wrong with an archive, or with the folder that it was to be unpacked to, and the way out."""
    if isinstance(error, OSError) and error.errno in FULL:
        return f"{target}: expected free space to unpack {archive}, the disk is full. Free some and unpack it again."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: expected to read and write it while unpacking {archive}; {error.strerror}."
    if isinstance(error, tarfile.FilterError):
        return f"{archive}: expected plain files inside its folder; {error}. Refused: it is not safe."
    if join := _join_command(archive):
        return f"{archive}: expected a whole archive, found one part of several. Join all parts first: {join}"
    with archive.open("rb") as file:
        start = file.read(HEAD_OF_ARCHIVE)
    for signature, kind in UNREADABLE.items():
        if start.startswith(signature):
            return f"{archive}: expected a .zip or .tar archive, found {kind}. {by_hand(archive, target)}"
    for signature, command in COMPRESSED.items():
        if start.startswith(signature) and not re.search(r"\.(tar|t[gbx]z)", archive.name, re.IGNORECASE):
            kind = f"one compressed file. Unpack it by hand: {command} {shlex.quote(str(archive))}"
            return f"{archive}: expected a .zip or .tar archive, found {kind}"
    kind = kind_of(start)
    if kind not in NAMELESS and b"ustar" not in start:  # a tar file starts with the name of its first member
        hint = "Sign in there, and download the archive" if kind == "web page" else "Download the archive"
        return f"{archive}: expected a .zip or .tar archive, found another kind of file: {kind}. {hint} again."
    text = str(error.args[0] if isinstance(error, KeyError) else error)  # the text of a KeyError is in quotes
    reason = (text or type(error).__name__).splitlines()[0].rstrip(":.")
    return f"{archive}: expected a whole .zip or .tar archive; {reason}. Download it again."


def by_hand(archive: Path, target: Path) -> str:
    """Return a sentence with the shell's command that unpacks an archive without Python."""
    if re.search(r"\.(tar|t[gbx]z)", archive.name, re.IGNORECASE):
        folder = shlex.quote(str(target))
        return f"Unpack it by hand: mkdir -p {folder} && tar -xf {shlex.quote(str(archive))} -C {folder}"
    return f"Unpack it by hand: 7z x {shlex.quote(str(archive))} {shlex.quote(f'-o{target}')}"


def _join_command(archive: Path) -> str:
    """Return the shell's command that joins an archive's parts; "" if it is not one of several."""
    whole = shlex.quote(str(archive.with_suffix("")))
    if re.fullmatch(r"\.[0-9]{3}", archive.suffix):  # train.zip.001
        return f"cat {whole}.[0-9]* > {whole}"
    if SPLIT.fullmatch(archive.name) and not ENDING.search(archive.name):  # train.zip.aa
        return f"cat {whole}.[a-z][a-z] > {whole}"
    if re.fullmatch(r"\.z[0-9]{2}", archive.suffix) or archive.with_suffix(".z01").exists():  # …, train.zip is the last
        joined = archive.with_name(f"{archive.stem}-joined.zip")
        return f"zip -s 0 {shlex.quote(str(archive.with_suffix('.zip')))} --out {shlex.quote(str(joined))}"
    return ""
