"""What a cluster needs of a folder: locks that keep others out, and the right time."""

import contextlib
import os
from pathlib import Path

import pytest

from helpers import StudyError, files, shared_folder


def test_a_folder_of_this_machine_passes_and_keeps_nothing(tmp_path):
    shared_folder.check_shared(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f".{shared_folder.PROBE}.lock"]


def test_locks_that_keep_nobody_out_are_noticed(tmp_path, monkeypatch):
    @contextlib.contextmanager
    def lock_of_nothing(path, **_):
        yield True

    monkeypatch.setattr(files, "lock", lock_of_nothing)
    with pytest.raises(StudyError, match="expected a file system with locks"):
        shared_folder.check_shared(tmp_path)


def test_a_clock_that_is_wrong_is_noticed(tmp_path, monkeypatch):
    written = Path.write_text

    def write_in_the_future(path, text):
        written(path, text)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 60))

    monkeypatch.setattr(Path, "write_text", write_in_the_future)
    with pytest.raises(StudyError, match=r"\+60 seconds"):
        shared_folder.check_shared(tmp_path)


@pytest.mark.parametrize("name", ["a$b", 'a"b', "a`b", "a\\b"])
def test_paths_that_a_shell_would_change_are_refused(name):
    shared_folder.check_paths(Path("Ann's #1, x = {y} & z"))
    with pytest.raises(StudyError, match="expected a path without"):
        shared_folder.check_paths(Path("whole"), Path("folder") / name)


@pytest.mark.parametrize("name", ["my clone", "Ann's", "a;b", "a&b"])
def test_a_python_that_a_job_would_not_start_is_refused(name):
    shared_folder.check_python(Path("/shared/study-1.0/.venv/bin/python"))
    with pytest.raises(StudyError, match="expected the path of a Python without spaces"):
        shared_folder.check_python(Path("/shared") / name / ".venv" / "bin" / "python")
