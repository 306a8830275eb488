"""Unpacking a downloaded archive: complete or not at all, and only what is safe."""

import errno
import lzma
import re
import shlex
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from helpers import files
from helpers.errors import StudyError
from helpers.paths import display_path

LARGEST_RATIO = 200  # unpacked to packed size; beyond it, an archive is taken for a decompression bomb
BYTES_AT_A_TIME = 2**20
FULL = {errno.ENOSPC, errno.EDQUOT}
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)
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


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip or .tar (.gz, .bz2, .xz) into a new folder of its name in `folder`, atomically.

    Raises:
        StudyError: no such archive; one that is damaged, encrypted, one of several parts, or of a kind or compression
            that Python does not read; one with a member outside its folder or that is not a plain file, or that would
            grow more than two-hundredfold; the disk is full.
    """
    target = folder / archive.name.split(".")[0]
    temporary = folder / f".unfinished-{target.name}"
    if not archive.is_file():
        raise StudyError(f"{archive}: expected an archive, it is not there.")
    if target.exists():
        print(f"{display_path(target)} is there already. Delete it to unpack {archive.name} again.")
        return target
    shutil.rmtree(temporary, ignore_errors=True)
    files.make_folder(temporary)
    try:
        _extract(archive, temporary)
        temporary.replace(target)
    except StudyError:
        raise
    except NotImplementedError as error:
        problem = f"expected a compression that Python reads; {error}"
        raise StudyError(f"{archive}: {problem}. {_by_hand(archive, target)}") from error
    except RuntimeError as error:  # how zipfile asks for a password
        problem = "expected an archive without a password, found an encrypted one"
        raise StudyError(f"{archive}: {problem}. {_by_hand(archive, target)}") from error
    except DAMAGED as error:
        raise StudyError(_explain(archive, target, error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _extract(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check_members(archive, [(member.filename, member.file_size) for member in members])
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            members = opened.getmembers()
            _check_members(archive, [(member.name, member.size) for member in members])
            opened.extractall(folder, filter="data")
            while opened.fileobj and opened.fileobj.read(BYTES_AT_A_TIME):  # to the checksum behind the last member
                pass


def _check_members(archive: Path, members: list[tuple[str, int]]) -> None:
    for name, _ in members:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise StudyError(f"{archive}: expected files inside its folder, found {name!r}. Refused: it is not safe.")
    total, packed = sum(size for _, size in members), archive.stat().st_size
    if total > LARGEST_RATIO * packed:
        raise StudyError(
            f"{archive}: expected at most {LARGEST_RATIO} times its size unpacked, found {total / packed:.0f} times. "
            "Refused: it looks like a decompression bomb."
        )


def _explain(archive: Path, target: Path, error: Exception) -> str:
    """Return what is wrong with an archive that could not be unpacked, and the way out."""
    if isinstance(error, OSError) and error.errno in FULL:
        return f"{target}: expected free space to unpack {archive}, the disk is full. Free some and unpack it again."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: expected to read and write it while unpacking {archive}; {error.strerror}."
    if isinstance(error, tarfile.FilterError):
        return f"{archive}: expected plain files inside its folder; {error}. Refused: it is not safe."
    if join := _join_command(archive):
        return f"{archive}: expected a whole archive, found one part of several. Join all parts first: {join}"
    with archive.open("rb") as file:
        start = file.read(8)
    for signature, kind in UNREADABLE.items():
        if start.startswith(signature):
            return f"{archive}: expected a .zip or .tar archive, found {kind}. {_by_hand(archive, target)}"
    for signature, command in COMPRESSED.items():
        if start.startswith(signature) and not re.search(r"\.(tar|t[gbx]z)", archive.name):
            kind = f"one compressed file. Unpack it by hand: {command} {shlex.quote(str(archive))}"
            return f"{archive}: expected a .zip or .tar archive, found {kind}"
    reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":.")
    return f"{archive}: expected a whole .zip or .tar archive; {reason}. Download it again."


def _by_hand(archive: Path, target: Path) -> str:
    return f"Unpack it by hand: 7z x {shlex.quote(str(archive))} {shlex.quote(f'-o{target}')}"


def _join_command(archive: Path) -> str:
    """Return the shell's command that joins an archive's parts; "" if it is not one of several."""
    if re.fullmatch(r"\.[0-9]{3}", archive.suffix):  # train.zip.001
        whole = shlex.quote(str(archive.with_suffix("")))
        return f"cat {whole}.[0-9]* > {whole}"
    if re.fullmatch(r"\.z[0-9]{2}", archive.suffix) or archive.with_suffix(".z01").exists():  # …, train.zip is the last
        joined = archive.with_name(f"{archive.stem}-joined.zip")
        return f"zip -s 0 {shlex.quote(str(archive.with_suffix('.zip')))} --out {shlex.quote(str(joined))}"
    return ""
