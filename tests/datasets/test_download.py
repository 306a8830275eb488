"""Downloads from a local server, and archives that mean no good."""

import functools
import hashlib
import io
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
    words = {link: "link.tar.gz: expected a whole", bomb: "decompression bomb", torn: "torn.zip: expected a whole"}
    for archive, expected in words.items():
        with pytest.raises(StudyError, match=expected):
            download.unpack(archive, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())
