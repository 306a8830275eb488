import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.datasets.images import inspect_images, near_duplicates
from helpers.datasets.masks import read_mask


def problem(folder, name):
    return inspect_images(folder, pd.Series([name])).problem[0]


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))


def test_a_sound_picture_has_no_problem_and_a_digest(tmp_path, picture):
    picture.save(tmp_path / "a.png")
    inspected = inspect_images(tmp_path, pd.Series(["a.png"], index=[7]))
    assert inspected.index.tolist() == [7]
    assert inspected.problem[7] == ""
    assert len(inspected.digest[7]) == 64


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[: len(content) // 2], "expected a whole image, "),
        (lambda content: b"hello", "expected a whole image, cannot identify"),
        (lambda content: b"", "expected a whole image, the file is empty"),
    ],
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_damaged_files_are_named(tmp_path, picture, ending, damage, words):
    path = tmp_path / f"a.{ending}"
    picture.save(path)
    path.write_bytes(damage(path.read_bytes()))
    assert words in problem(tmp_path, path.name)


def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path):
    Image.new("1", (8_000, 7_000)).save(tmp_path / "large.png")
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    assert "at most 50,000,000 pixels, 8000x7000 pixels" in problem(tmp_path, "large.png")
    assert "at most 50,000,000 pixels" in problem(tmp_path, "bomb.png")


def test_pictures_that_their_exif_tag_turns_are_refused_and_upright_ones_are_not(tmp_path, picture):
    exif = picture.getexif()
    for orientation, refused in ((1, False), (6, True)):
        exif[0x0112] = orientation
        picture.save(tmp_path / "a.jpg", exif=exif)
        assert ("EXIF" in problem(tmp_path, "a.jpg")) == refused


def test_transparent_pictures_are_refused_and_opaque_ones_are_not(tmp_path, picture):
    for alpha, refused in ((255, False), (100, True)):
        clear = picture.convert("RGBA")
        clear.putalpha(alpha)
        clear.save(tmp_path / "a.png")
        assert ("transparent" in problem(tmp_path, "a.png")) == refused


def test_near_duplicates_across_splits_are_found_and_others_are_not(tmp_path):
    rng = np.random.default_rng(0)
    scenes = [rng.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(6)]
    names = [f"{number}.png" for number in range(7)]
    for name, scene in zip(names, [*scenes, scenes[2]], strict=True):
        Image.fromarray(scene).resize((64, 64), Image.Resampling.BICUBIC).save(tmp_path / name)
    again = Image.open(tmp_path / "6.png")
    again.save(tmp_path / "6.jpg", quality=80)
    names[6] = "6.jpg"
    split = pd.Series(["test", "train", "test", "train", "validation", "train", "train"])
    ((row, other, alike),) = near_duplicates(inspect_images(tmp_path, pd.Series(names)), split)
    assert (row, other) == (2, 6)
    assert alike > 0.998


def test_masks_are_pictures_or_boxes(tmp_path):
    mask = Image.new("L", (8, 8))
    mask.paste(255, (2, 4, 6, 8))
    mask.save(tmp_path / "m.png")
    expected = np.zeros((4, 4), bool)
    expected[2:4, 1:3] = True
    assert np.array_equal(read_mask("m.png", data_dir=tmp_path, size=4), expected)
    assert np.array_equal(read_mask("0.25 0.5 0.5 0.5", data_dir=tmp_path, size=4), expected)
    both = read_mask("0.25 0.5 0.5 0.5;0 0 0.25 0.25", data_dir=tmp_path, size=4)
    assert both.sum() == expected.sum() + 1
