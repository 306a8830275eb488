import json
from pathlib import Path

import pandas as pd
import pytest

from helpers import files
from helpers.config import StudyError


def test_a_file_whose_writing_fails_leaves_the_old_one_and_no_rest(tmp_path):
    path = tmp_path / "table.csv"
    files.write_table(pd.DataFrame({"a": [1]}), path)
    with pytest.raises(RuntimeError), files.whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert pd.read_csv(path).a.tolist() == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without room")
def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    files.write_table(pd.DataFrame({"a": [1]}), path)
    (tmp_path / ".unfinished-table.csv").symlink_to("/dev/full")
    with pytest.raises(StudyError, match=r"table.csv: expected room on the disk to write it, there is none"):
        files.write_table(pd.DataFrame({"a": [2]}), path)
    assert pd.read_csv(path).a.tolist() == [1]


def test_what_a_killed_process_left_half_written_is_overwritten(tmp_path):
    path = tmp_path / "table.csv"
    (tmp_path / ".unfinished-table.csv").write_text("a\nhal")
    files.write_table(pd.DataFrame({"a": [1]}), path)
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_made_file_is_known_by_its_parameters(tmp_path):
    path = tmp_path / "model.txt"
    assert not files.is_made(path, {"seed": 0})
    with files.making(path, {"seed": 0, "epsilons": (0.1,)}):
        path.write_text("0")
    assert files.is_made(path, {"seed": 0, "epsilons": [0.1]})
    assert not files.is_made(path, {"seed": 1, "epsilons": [0.1]})
    assert json.loads((tmp_path / "parameters.json").read_text())["model.txt"]["versions"]["keras"]
    path.unlink()
    assert not files.is_made(path, {"seed": 0, "epsilons": [0.1]})


def test_a_file_made_anew_says_what_changed_and_counts_as_missing_until_it_is_whole(tmp_path, capsys):
    path = tmp_path / "model.txt"
    with files.making(path, {"seed": 0, "epochs": 2}):
        path.write_text("old")
    with pytest.raises(RuntimeError), files.making(path, {"seed": 0, "epochs": 3}):
        raise RuntimeError
    printed = capsys.readouterr().out
    assert "epochs: 2 before, 3 now" in printed
    assert "seed" not in printed
    assert not files.is_made(path, {"seed": 0, "epochs": 2})
    assert not files.is_made(path, {"seed": 0, "epochs": 3})


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StudyError, match=r"file/runs: expected a folder that can be written to.*runs_dir"):
        files.make_folder(blocked / "runs")


def test_digest(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # the first test vector of FIPS 180-2
    assert files.digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
