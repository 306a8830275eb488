"""A commit is dirty if code was changed since, and not if a text was."""

import re
import subprocess

import pytest

from helpers.artifacts import origin


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Return a repository with one commit, which the study takes for its own."""
    (tmp_path / "helpers").mkdir()
    for name in ("helpers/code.py", "README.md"):
        (tmp_path / name).write_text("")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    return tmp_path


def test_code_makes_a_commit_dirty_and_texts_do_not(clone):
    commit = origin.origin()["commit"]
    assert re.fullmatch("[0-9a-f]{12}", commit)
    (clone / "README.md").write_text("changed")
    assert origin.origin()["commit"] == commit
    (clone / "helpers" / "code.py").write_text("changed")
    assert origin.origin()["commit"] == f"{commit}-dirty"


def test_outside_a_clone_and_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    assert origin.origin()["commit"] == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert origin.origin()["commit"] == ""
