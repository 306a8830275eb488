"""The dry look: what it finds, that it opens a file once, and its command line."""

import shutil

import pytest
from PIL import Image

from helpers import StudyError, read_config
from helpers.datasets import inspect
from helpers.datasets.inspect import dry_look, main


@pytest.fixture
def chest(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "chest")
    (folder / "README.txt").write_text("about these pictures")
    (folder / "images" / "not listed.png").write_bytes(b"")
    return folder


def look_at(folder, tmp_path, task="pneumothorax"):
    return dry_look(
        read_config(profile="smoke", task=task, source="folder", data_dir=str(folder), runs_dir=str(tmp_path / "runs"))
    )


def test_a_look_says_what_is_there_and_what_is_not_used(chest, tmp_path):
    look = look_at(chest, tmp_path)
    text = str(look)
    assert look.problems == []
    assert "ChestX-ray14, 83 files" in text
    assert "40 rows, " in text
    assert "read: Data_Entry_2017.csv" in text
    assert "pictures: 40 PNG 32x32 L" in text
    assert "masks: of 40 of 40 images" in text
    assert "not used: 1 files .txt, such as README.txt: no picture, and no table of this layout" in text
    assert "not used: 1 files .png, such as images/not listed.png: pictures that no row of the table names" in text


def test_a_second_look_opens_only_what_changed(chest, tmp_path, monkeypatch):
    opened = []
    original = Image.open
    monkeypatch.setattr(inspect.Image, "open", lambda path, **how: opened.append(path) or original(path, **how))
    first = look_at(chest, tmp_path)
    assert len(opened) == 40
    assert str(look_at(chest, tmp_path)) == str(first)
    assert len(opened) == 40
    changed = min((chest / "images").glob("0*.png"))
    Image.new("RGB", (10, 12)).save(changed)
    assert "1 PNG 10x12 RGB" in str(look_at(chest, tmp_path))
    assert opened[40:] == [changed]
    (kept,) = (tmp_path / "runs" / "_looks").glob("chest-*.csv")
    kept.write_text("nonsense")
    look_at(chest, tmp_path)
    assert len(opened) == 81


def test_the_command_line_prints_what_is_found_and_ends_with_what_is_wrong(chest, tmp_path, capsys):
    words = [str(chest), "--task", "pneumothorax", "--runs-dir", str(tmp_path / "runs"), "--finding", "Hernia"]
    main(words[:-2])
    assert "40 PNG 32x32 L" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"error: .*expected images of all 2 classes .*found none of hernia"):
        main(words)
    words = words[:-2]
    first, second = sorted((chest / "images").glob("0*.png"))[:2]
    Image.new("RGB", (9, 9)).save(first, "GIF")
    second.unlink()
    with pytest.raises(SystemExit) as ended:
        main(words)
    missing, foreign = str(ended.value).splitlines()
    assert missing.startswith("error: ")
    assert "none for 1 of 40" in missing
    assert foreign.endswith("kind: GIF. Convert it to PNG. Or leave such images out: on_bad_image=skip.")
    with pytest.raises(SystemExit, match="error: finding: expected one of .*Did you mean 'Hernia'"):
        main([*words, "--finding", "Hernai"])


def test_phantoms_are_drawn_and_looked_at(tmp_path):
    config = read_config(profile="smoke", runs_dir=str(tmp_path), phantoms=42, folds=3)
    assert "42 rows" in str(dry_look(config))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StudyError, match="nowhere is not there"):
        look_at(tmp_path / "nowhere", tmp_path)
