import errno
import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pandas as pd
import pytest

from helpers import files
from helpers.errors import StudyError


def test_a_file_whose_writing_fails_leaves_the_old_one_and_no_rest(tmp_path):
    path = tmp_path / "table.csv"
    files.write_table(pd.DataFrame({"a": [1]}), path)
    with pytest.raises(RuntimeError), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert pd.read_csv(path).a.tolist() == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without free space")
def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    files.write_table(pd.DataFrame({"a": [1]}), path)
    monkeypatch.setattr(files.os, "urandom", bytes)  # so that the name of the temporary file is known
    name = f"{files.UNFINISHED}{os.getpid()}@{socket.gethostname()}@00000000@table.csv"
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(StudyError, match=r"table.csv: expected free space to write it, the disk is full"):
        files.write_table(pd.DataFrame({"a": [2]}), path)
    assert pd.read_csv(path).a.tolist() == [1]


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "table.csv"
    with files.atomic_write(path) as first, files.atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second, longer")
    assert path.read_text() == "first"  # its block ended last
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_is_writing_is_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = tmp_path / "images"
    folder.mkdir()
    left, living = (
        folder / f"{files.UNFINISHED}{process}@{socket.gethostname()}@00000000@a.png"
        for process in (ended.pid, os.getpid())
    )
    elsewhere = folder / f"{files.UNFINISHED}{ended.pid}@another_machine@00000000@a.png"
    for path in (left, living, elsewhere):
        path.write_text("half")
    with files.lock(tmp_path / "table.csv"):
        assert {path.name for path in folder.iterdir()} == {living.name, elsewhere.name}


HOLD_LOCK = """
import sys, time
from pathlib import Path
from helpers import files
with files.lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold_lock(path, seconds):
    """Return a process that holds the lock of a file, once it does."""
    process = subprocess.Popen([sys.executable, "-c", HOLD_LOCK, path, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_makes_another_process_wait_and_says_so(tmp_path, capsys):
    other = hold_lock(tmp_path / "a.csv", 1)
    with files.lock(tmp_path / "a.csv") as is_held:
        assert other.poll() is not None or other.wait(5) == 0
        assert is_held
    other.stdout.close()
    assert "a.csv: another process is making it; waiting" in capsys.readouterr().out


def test_a_lock_that_one_does_not_want_to_wait_for_is_an_error_and_ends_with_its_process(tmp_path):
    other = hold_lock(tmp_path / "a.csv", 60)
    with (
        pytest.raises(StudyError, match="another process is working on it"),
        files.lock(tmp_path / "a.csv", wait=False),
    ):
        pass
    other.kill()
    other.communicate()
    with files.lock(tmp_path / "a.csv", wait=False):
        pass


def test_a_file_system_without_locks_gives_a_warning(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="this file system has no locks"), files.lock(tmp_path / "a.csv") as is_held:
        assert not is_held


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StudyError, match=r"file/runs: expected a folder that can be written to.*Choose another"):
        files.make_folder(blocked / "runs")


def test_digest(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # the first test vector of FIPS 180-2
    assert files.digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_fingerprint_changes_with_every_file_and_not_with_the_place_of_the_folder(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a").write_text("a")

    def fingerprint(where):
        return files.fingerprint(where.iterdir(), relative_to=where)

    before = fingerprint(folder)
    moved = folder.rename(tmp_path / "two")
    assert fingerprint(moved) == before
    (moved / "b").write_text("b")
    added = fingerprint(moved)
    assert added != before
    (moved / "b").write_text("c")
    assert fingerprint(moved) != added


def test_a_compressed_table_has_the_same_bytes_each_time_and_can_be_read(tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for name in ("one.csv.gz", "two.csv.gz"):
        files.write_table(table, tmp_path / name)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "one.csv.gz"), table)


def test_a_look_at_a_lock_neither_takes_it_away_nor_stops_who_wants_it(tmp_path):
    path = tmp_path / "workflow"
    assert not files.is_locked(path)
    with files.lock(path, wait=False):
        assert files.is_locked(path)
    look = filelock.FileLock(tmp_path / ".workflow.lock", thread_local=False)  # it holds the lock for a moment
    look.acquire()
    timer = threading.Timer(0.05, look.release)
    timer.start()
    with files.lock(path, wait=False) as is_locked:
        assert is_locked
    timer.join()


def test_a_disk_without_room_is_said_to_be_full(tmp_path):
    files.check_room(tmp_path / "small", 1000)
    with pytest.raises(StudyError, match="large: expected free space to write it, the disk is full"):
        files.check_room(tmp_path / "large", 2**60)
