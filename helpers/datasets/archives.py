"""Unpacking a downloaded archive: complete or not at all, and only what is safe."""

import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from helpers import files
from helpers.datasets.archive_problems import ENDING, by_hand, explain
from helpers.errors import StudyError
from helpers.paths import display_path

LARGEST_RATIO = 200  # unpacked to packed size; beyond it, an archive is taken for a decompression bomb
BYTES_AT_A_TIME = 2**20
NO_FILES = {stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK}  # kinds of members of a .zip
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    KeyError,  # a hard link to a missing member
    struct.error,
)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .zip or .tar (.gz, .bz2, .xz) into a new folder of its name in `folder`, atomically.

    The folder has the archive's name without these endings. Backslashes in a .zip part folders, as in those of Windows.

    Raises:
        StudyError: no such archive; one that is empty, damaged, cut, encrypted, one of several parts, or of a kind or
            compression that Python does not read; one with a member outside its folder, a link out of it, any link in
            a .zip, or a device, or that would grow more than two-hundredfold; the folder cannot be written to, or the
            disk is full.
    """
    target = folder / ENDING.sub("", archive.name)
    try:
        _check_archive(archive, target)
        if target.is_dir():
            print(f"{display_path(target)} is there already. Delete it to unpack {archive.name} again.")
            return target
        _unpack_anew(archive, target)
    except StudyError:
        raise
    except NotImplementedError as error:
        problem = f"expected a compression that Python reads; {error}"
        raise StudyError(f"{archive}: {problem}. {by_hand(archive, target)}") from error
    except RuntimeError as error:  # how zipfile asks for a password
        problem = "expected an archive without a password, found an encrypted one"
        raise StudyError(f"{archive}: {problem}. {by_hand(archive, target)}") from error
    except DAMAGED as error:
        raise StudyError(explain(archive, target, error)) from error
    return target


def _check_archive(archive: Path, target: Path) -> None:
    """Check that the archive is there, and that its folder can be."""
    if archive.is_dir():
        raise StudyError(f"{archive}: expected an archive, found a folder. It is unpacked already, or not the archive.")
    if not archive.is_file():
        raise StudyError(f"{archive}: expected an archive, it is not there.")
    if not ENDING.sub("", archive.name).strip("."):
        raise StudyError(f"{archive}: expected a name before the ending, to name a folder after. Rename it.")
    if target.exists() and not target.is_dir():
        raise StudyError(f"{target}: expected a new folder to unpack {archive} to, found a file. Move it away.")


def _unpack_anew(archive: Path, target: Path) -> None:
    temporary = target.with_name(f".unfinished-{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    files.make_folder(temporary)
    try:
        if zipfile.is_zipfile(archive) and not tarfile.is_tarfile(archive):  # a .tar may end with a .zip in it
            _extract_zip(archive, temporary, target)
        else:
            _extract_tar(archive, temporary, target)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract_zip(archive: Path, folder: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            member.filename = member.filename.replace("\\", "/")
            if stat.S_IFMT(member.external_attr >> 16) in NO_FILES:
                problem = f"expected plain files, found {member.filename!r}, which is a link or a device"
                raise StudyError(f"{archive}: {problem}. Refused: it is not safe.")
        sizes = [member.file_size for member in members if not member.is_dir()]
        _check_members(archive, target, [member.filename for member in members], sizes)
        opened.extractall(folder, members)


def _extract_tar(archive: Path, folder: Path, target: Path) -> None:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
        end = opened.offset  # where tarfile found no further header: at the end, or at one that is damaged or cut
        sizes = [member.size for member in members if not member.isdir()]
        _check_members(archive, target, [member.name for member in members], sizes)
        opened.extractall(folder, filter="data")
        for member in members:  # of a link to nothing, some versions of tarfile say nothing
            if not os.path.lexists(folder / member.name):
                raise tarfile.ExtractError(f"{member.name!r} could not be unpacked")
        _check_end(opened, end)


def _check_end(opened: tarfile.TarFile, end: int) -> None:
    """Check that zeros end a .tar, as tarfile does not: it takes a damaged header for the end.

    Reading on to the end of the file also compares the checksum of a compressed one.
    """
    assert opened.fileobj
    opened.fileobj.seek(end)
    block = opened.fileobj.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is cut: the zeros at its end are missing")
    while block:
        if block.count(0) < len(block):
            raise tarfile.ReadError("a damaged header, or a second archive, is behind its last readable file")
        block = opened.fileobj.read(BYTES_AT_A_TIME)


def _check_members(archive: Path, target: Path, names: list[str], sizes: list[int]) -> None:
    """Check the names of an archive's members, and the sizes of those that are no folders."""
    if not sizes:
        raise StudyError(f"{archive}: expected files in it, found none. Download it again.")
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:(/|$)", str(path)):
            raise StudyError(f"{archive}: expected files inside its folder, found {name!r}. Refused: it is not safe.")
    total, packed = sum(sizes), archive.stat().st_size
    if total > LARGEST_RATIO * packed:
        raise StudyError(
            f"{archive}: expected at most {LARGEST_RATIO} times its size unpacked, found {total / packed:.0f} times. "
            "Refused: it looks like a decompression bomb; masks may pack as well. If you trust it: "
            f"{by_hand(archive, target)}"
        )
