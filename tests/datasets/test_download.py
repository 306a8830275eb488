"""Downloads from a local server, and archives that mean no good."""

import bz2
import errno
import functools
import gzip
import hashlib
import io
import lzma
import os
import stat
import subprocess
import tarfile
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers.datasets import download
from helpers.errors import StudyError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_fetched_verified_and_not_fetched_again(server, tmp_path):
    folder, url = server
    (folder / "a.npz").write_bytes(b"content")
    digest = "md5:" + hashlib.md5(b"content").hexdigest()
    path = download.fetch(f"{url}/a.npz?download=1", tmp_path / "data" / "a.npz", digest=digest)
    assert path.read_bytes() == b"content"
    (folder / "a.npz").unlink()
    assert download.fetch(f"{url}/a.npz?download=1", path, digest=digest) == path


def test_what_was_not_published_is_refused_and_leaves_no_file(server, tmp_path):
    folder, url = server
    (folder / "a.npz").write_bytes(b"something else")
    with pytest.raises(StudyError, match=r"a.npz: expected to download it"):
        download.fetch(f"{url}/a.npz", tmp_path / "data" / "a.npz", digest="md5:" + hashlib.md5(b"content").hexdigest())
    assert not list((tmp_path / "data").iterdir())


def test_a_server_that_does_not_answer_is_named_with_the_way_out(tmp_path):
    with pytest.raises(StudyError, match="put the file there by hand"):
        download.fetch("http://127.0.0.1:9/a.npz", tmp_path / "a.npz", digest="md5:" + "0" * 32)


def test_a_torn_file_is_fetched_anew(server, tmp_path):
    folder, url = server
    (folder / "a.npz").write_bytes(b"content")
    (tmp_path / "a.npz").write_bytes(b"con")
    path = download.fetch(f"{url}/a.npz", tmp_path / "a.npz", digest="md5:" + hashlib.md5(b"content").hexdigest())
    assert path.read_bytes() == b"content"


def test_the_three_medmnist_files_of_a_size_have_published_digests(server, tmp_path, monkeypatch):
    folder, url = server
    for name in ("dermamnist", "retinamnist", "chestmnist"):
        (folder / f"{name}_64.npz").write_bytes(name.encode())
        monkeypatch.setitem(download.MD5, f"{name}_64.npz", hashlib.md5(name.encode()).hexdigest())
    paths = download.fetch_medmnist(size=64, folder=tmp_path / "data", base_url=url)
    assert [path.name for path in paths] == ["dermamnist_64.npz", "retinamnist_64.npz", "chestmnist_64.npz"]
    assert len(download.MD5) == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ham10000", ["CC BY-NC 4.0", "10.7910/DVN/DBW86T", "data/HAM10000/HAM10000_metadata.csv"]),
        ("eyepacs", ["competition", "rules", "data/EyePACS/trainLabels.csv"]),
        ("chestxray14", ["NIH Clinical Center", "test_list.txt", "data/ChestX-ray14"]),
    ],
)
def test_instructions_name_the_terms_and_the_place(name, words, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["download", name])
    download.main()
    shown = capsys.readouterr().out
    assert all(word in shown for word in words)


def test_a_bad_archive_ends_the_command_with_one_error(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    monkeypatch.setattr("sys.argv", ["download", "unpack", str(tmp_path / "a.zip"), str(tmp_path / "data")])
    with pytest.raises(SystemExit) as ended:
        download.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def tarred(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return path


def test_zip_and_tar_are_unpacked_into_a_folder_of_their_name(tmp_path):
    archive = zipped(tmp_path / "part_1.zip", a="one", sub__b="two")
    assert download.unpack(archive, tmp_path / "data") == tmp_path / "data" / "part_1"
    assert (tmp_path / "data" / "part_1" / "sub" / "b").read_text() == "two"
    archive = tarred(tmp_path / "images_001.tar.gz", ("images/a.png", b"x", tarfile.REGTYPE))
    assert (download.unpack(archive, tmp_path / "data") / "images" / "a.png").read_bytes() == b"x"
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["images_001", "part_1"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_reaches_outside_its_folder_is_refused(tmp_path, name, kind):
    path = tmp_path / f"bad.{kind}"
    archive = zipped(path, **{name: "evil"}) if kind == "zip" else tarred(path, (name, b"evil", tarfile.REGTYPE))
    with pytest.raises(StudyError, match="expected files inside its folder"):
        download.unpack(archive, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())
    assert not (tmp_path / "evil").exists()


def test_links_bombs_and_torn_archives_are_refused(tmp_path):
    link = tarred(tmp_path / "link.tar.gz", ("passwords", b"", tarfile.SYMTYPE))
    bomb = zipped(tmp_path / "bomb.zip", zeros=bytes(10_000_000))
    torn = zipped(tmp_path / "torn.zip", a="a" * 1000)
    torn.write_bytes(torn.read_bytes()[:60])
    words = {
        link: "link.tar.gz: expected plain files inside its folder",
        bomb: "decompression bomb.*If you trust it: Unpack it by hand: 7z x .*bomb.zip",
        torn: "torn.zip: expected a whole",
    }
    for archive, expected in words.items():
        with pytest.raises(StudyError, match=expected):
            download.unpack(archive, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def written(path, content):
    path.write_bytes(content)
    return path


def damaged(path):
    """Return a zip file with bits flipped inside its compressed stream, as by a bad disk."""
    content = bytearray(zipped(path, a="".join(f"{n}_left,{n * n}\n" for n in range(2000))).read_bytes())
    content[60:90] = bytes(byte ^ 0xFF for byte in content[60:90])
    return written(path, content)


def with_bits(path, local, central, value):
    """Return a zip file with a byte replaced in the first local header and in the first central one."""
    content = bytearray(zipped(path, a="one").read_bytes())
    content[local] = content[content.find(b"PK\x01\x02") + central] = value
    return written(path, content)


def test_archives_that_python_does_not_read_are_named_with_the_way_out(tmp_path):
    deflate64 = with_bits(tmp_path / "windows.zip", 8, 10, 9)  # what Windows writes above 2 GB
    encrypted = with_bits(tmp_path / "secret.zip", 6, 8, 1)
    torn_tar = tarred(tmp_path / "torn.tar.gz", ("a", bytes(range(256)), tarfile.REGTYPE))
    words = {
        damaged(tmp_path / "flipped.zip"): "expected a whole .zip or .tar archive; .*Download it again.",
        written(torn_tar, torn_tar.read_bytes()[:-40]): "expected a whole .zip or .tar archive; .*Download it again.",
        written(tmp_path / "page.zip", b"<html>"): "another kind of file: web page. Sign in there, and download",
        deflate64: "expected a compression that Python reads; .* by hand: 7z x .*windows.zip -o.*data/windows",
        encrypted: "without a password, found an encrypted one. Unpack it by hand: 7z x ",
        written(
            tmp_path / "a b.7z", b"7z\xbc\xaf\x27\x1c..."
        ): "found a 7z archive. Unpack it by hand: 7z x '.*a b.7z'",
        written(tmp_path / "a.rar", b"Rar!\x1a\x07..."): "found a RAR archive.*7z x ",
        written(tmp_path / "a.tar.zst", b"\x28\xb5\x2f\xfd..."): "found a Zstandard archive.*tar -xf ",
        written(tmp_path / "labels.csv.gz", gzip.compress(b"a,b")): "found one compressed file.*: gzip -dk .*csv.gz",
        written(tmp_path / "labels.csv.xz", lzma.compress(b"a,b")): "found one compressed file.*: xz -dk .*csv.xz",
        tmp_path / "nothing.zip": "expected an archive, it is not there",
    }
    for archive, expected in words.items():
        with pytest.raises(StudyError, match=rf"^{archive}: .*{expected}") as error:
            download.unpack(archive, tmp_path / "data")
        assert "\n" not in str(error.value)
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_of_an_archive_is_named_with_the_command_that_joins_all_parts(tmp_path, number):
    content = zipped(tmp_path / "train.zip", a="one", b="two").read_bytes()
    (tmp_path / "train.zip").unlink()
    middle = len(content) // 2
    parts = [
        written(tmp_path / "train.zip.001", content[:middle]),
        written(tmp_path / "train.zip.002", content[middle:]),
    ]
    with pytest.raises(StudyError, match=r"found one part of several. Join all parts first: cat ") as error:
        download.unpack(parts[number], tmp_path / "data")
    subprocess.run(["sh", "-c", str(error.value).partition("first: ")[2]], check=True)
    assert (download.unpack(tmp_path / "train.zip", tmp_path / "data") / "b").read_text() == "two"


def test_a_zip_of_several_disks_is_joined_by_zip(tmp_path):
    content = zipped(tmp_path / "train.zip", a="one").read_bytes()
    written(tmp_path / "train.z01", content[:20])
    written(tmp_path / "train.zip", content[20:])
    for name in ("train.z01", "train.zip"):
        with pytest.raises(StudyError, match=r"Join all parts first: zip -s 0 .*train.zip --out .*train-joined.zip"):
            download.unpack(tmp_path / name, tmp_path / "data")


@pytest.mark.parametrize("mode", ["", "gz", "bz2", "xz"])
def test_what_pythons_tarfile_reads_is_unpacked(tmp_path, mode):
    with tarfile.open(tmp_path / f"a.tar.{mode}", f"w:{mode}") as archive:
        archive.add(written(tmp_path / "one", b"1"), "one")
    assert (download.unpack(tmp_path / f"a.tar.{mode}", tmp_path / "data") / "one").read_bytes() == b"1"


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_named(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "a.zip", a="one")
    with pytest.raises(StudyError, match="expected a folder that can be written to"):
        download.unpack(archive, written(tmp_path / "file", b""))

    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zipfile.ZipFile, "extractall", fill)
    with pytest.raises(StudyError, match=r"data/a: expected free space to unpack .*a.zip, the disk is full"):
        download.unpack(archive, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_a_picture_that_does_not_fit_the_checksum_behind_it_is_refused(tmp_path):
    path = tarred(tmp_path / "a.tar.gz", ("a.png", b"picture", tarfile.REGTYPE))
    content = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=0))
    content[content.find(b"picture")] ^= 1
    with pytest.raises(StudyError, match="CRC check failed.*Download it again"):
        download.unpack(written(path, content), tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"expected to read and write it while unpacking .*clash.zip"):
        download.unpack(zipped(tmp_path / "clash.zip", a="file", a__b="in a folder"), tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def tar_of_two(path, mode="w"):
    """Return a tar file of two files, whose headers are at bytes 0 and 1024."""
    with tarfile.open(path, mode) as archive:
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = 9
            archive.addfile(member, io.BytesIO(b"content 9"))
    return path


@pytest.mark.parametrize("mode", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:1024],
        lambda content: content[:1300],
        lambda content: content[:1536],
        lambda content: content[:2048],
        lambda content: content[:1024] + b"\xff" * 512 + content[1536:],
        lambda content: content[:1024] + bytes(512) + content[1536:],
        lambda content: content + content,
    ],
    ids=["cut before", "cut in", "cut behind", "no end", "overwritten", "zeroed", "two archives"],
)
def test_a_tar_that_breaks_off_at_a_header_is_refused(tmp_path, damage, mode):
    content = damage(tar_of_two(tmp_path / "sound.tar").read_bytes())
    packed = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[mode](content)
    with pytest.raises(StudyError, match=r"a.tar.*: expected a whole .zip or .tar archive; .*Download it again."):
        download.unpack(written(tmp_path / f"a.tar.{mode}", packed), tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("options", [[], ["--blocking-factor=1"], ["--blocking-factor=64"], ["-z"], ["--format=ustar"]])
def test_what_gnu_tar_writes_is_unpacked(tmp_path, options):
    (tmp_path / "in" / ("long" * 24)).mkdir(parents=True)
    for number in range(3):
        written(tmp_path / "in" / ("long" * 24) / f"{number}.txt", bytes(number))
    os.link(tmp_path / "in" / ("long" * 24) / "2.txt", tmp_path / "in" / "again.txt")
    subprocess.run(["tar", *options, "-cf", "a.tar", "in"], cwd=tmp_path, check=True)
    content = (tmp_path / "a.tar").read_bytes()
    for more in (b"", bytes(10240)):
        written(tmp_path / f"a{len(more)}.tar", content + more)
        unpacked = download.unpack(tmp_path / f"a{len(more)}.tar", tmp_path / "data")
        assert len(list(unpacked.rglob("*.txt"))) == 4


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(zipped(tmp_path / "in.npz", a="one"), "in.npz")
    assert [path.name for path in download.unpack(tmp_path / "a.tar", tmp_path / "data").iterdir()] == ["in.npz"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("HAM10000_images.part1.zip", "HAM10000_images.part1"),
        ("HAM10000_images.part2.ZIP", "HAM10000_images.part2"),
        ("v1.0.tar.gz", "v1.0"),
        ("v1.1.tgz", "v1.1"),
        ("v1.2.tar.bz2", "v1.2"),
        ("v1.3.txz", "v1.3"),
        ("v1.4.tar", "v1.4"),
    ],
)
def test_the_folder_has_the_archives_name_without_its_ending(tmp_path, name, folder):
    tar_or_zip = zipped if name.lower().endswith(".zip") else lambda path, **_: tar_of_two(path)
    assert download.unpack(tar_or_zip(tmp_path / name, one="one"), tmp_path / "data") == tmp_path / "data" / folder


def test_backslashes_part_folders_as_in_windows(tmp_path):
    archive = zipped(tmp_path / "a.zip", **{"sub\\b.txt": "two", "sub\\empty\\": "", "c.txt": "three"})
    unpacked = download.unpack(archive, tmp_path / "data")
    assert sorted(str(path.relative_to(unpacked)) for path in unpacked.rglob("*")) == [
        "c.txt",
        "sub",
        "sub/b.txt",
        "sub/empty",
    ]
    with pytest.raises(StudyError, match=r"expected files inside its folder, found 'C:"):
        download.unpack(zipped(tmp_path / "b.zip", **{"C:\\b.txt": "two"}), tmp_path / "data")


def test_links_and_archives_without_files_are_refused(tmp_path):
    link = zipfile.ZipInfo("passwords")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz"):
        pass
    (tmp_path / "folder.zip").mkdir()
    words = {
        tmp_path / "link.zip": "expected plain files, found 'passwords', which is a link",
        tmp_path / "empty.tar.gz": "expected files in it, found none",
        zipped(tmp_path / "empty.zip"): "expected files in it, found none",
        zipped(tmp_path / "folders.zip", a__=""): "expected files in it, found none",
        tarred(tmp_path / "hard.tar", ("a", b"", tarfile.LNKTYPE)): "expected plain files|expected a whole",
        tmp_path / "folder.zip": "expected an archive, found a folder",
        zipped(tmp_path / ".zip", a="one"): "expected a name before the ending.*Rename it",
    }
    for archive, expected in words.items():
        with pytest.raises(StudyError, match=rf"^{archive}: .*({expected})"):
            download.unpack(archive, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_a_hard_link_to_a_missing_member_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("one")
        member.type, member.linkname = tarfile.LNKTYPE, "missing"
        archive.addfile(member)
    with pytest.raises(StudyError, match=r"a.tar: expected a whole .* archive; .*missing.*Download it again|could not"):
        download.unpack(tmp_path / "a.tar", tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\n<!doctype html><title>Sign in", "web page"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"%PDF-1.7", "PDF"),
        (b"", "empty file"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path, start, kind):
    with pytest.raises(StudyError, match=rf"a.zip: expected .*, found another kind of file: {kind}\. .* again\."):
        download.unpack(written(tmp_path / "a.zip", start), tmp_path / "data")


def test_parts_made_by_split_are_joined_first(tmp_path):
    content = tar_of_two(tmp_path / "images.tar.gz", "w:gz").read_bytes()
    (tmp_path / "images.tar.gz").unlink()
    parts = [
        written(tmp_path / "images.tar.gz.aa", content[:60]),
        written(tmp_path / "images.tar.gz.ab", content[60:]),
    ]
    for part in parts:
        with pytest.raises(StudyError, match=r"found one part of several. Join all parts first: cat ") as error:
            download.unpack(part, tmp_path / "data")
    subprocess.run(["sh", "-c", str(error.value).partition("first: ")[2]], check=True)
    assert len(list(download.unpack(tmp_path / "images.tar.gz", tmp_path / "data").iterdir())) == 2


def test_a_target_that_may_not_be_entered_or_is_a_file_is_named(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "a.zip", a="one")
    (tmp_path / "data").mkdir()
    written(tmp_path / "data" / "a", b"")
    with pytest.raises(StudyError, match=r"data/a: expected a new folder .*found a file"):
        download.unpack(archive, tmp_path / "data")

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.exists", refuse)
    with pytest.raises(StudyError, match=r"data/a: expected to read and write it .*Permission denied"):
        download.unpack(archive, tmp_path / "data")
