"""Metadata that cannot be used are refused."""

import json

import pytest

from helpers import StudyError, files
from helpers.show.crate import verify


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"@graph": [{"@type": "File", "@id": "a"}]}'])
def test_a_folder_without_readable_metadata_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "ro-crate-metadata.json").write_text(content)
    with pytest.raises(StudyError, match="expected the metadata that a finished run leaves"):
        verify(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "%2e%2e/secret"])
def test_files_outside_the_folder_are_not_opened(tmp_path, name):
    (tmp_path / "secret").write_text("")
    folder = tmp_path / "run"
    folder.mkdir()
    graph = [{"@type": "File", "@id": name, "sha256": "0"}]
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@graph": graph}))
    with pytest.raises(StudyError, match="expected files inside the folder"):
        verify(folder)


def test_a_file_that_changed_is_told_from_one_that_is_missing(tmp_path):
    names = ("same", "changed", "gone")
    for name in names:
        (tmp_path / name).write_text("a")
    graph = [{"@type": "File", "@id": name, "sha256": files.digest(tmp_path / name)} for name in names]
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps({"@graph": graph}))
    assert verify(tmp_path) == []
    (tmp_path / "changed").write_text("b")
    (tmp_path / "gone").unlink()
    assert verify(tmp_path) == ["changed: changed", "gone: missing"]
