"""Metadata that cannot be used are refused."""

import json

import pytest

from helpers import StudyError
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
