import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.backend import tf
from helpers.datasets.copies import near_duplicates
from helpers.datasets.images import inspect_images
from helpers.datasets.masks import inspect_masks, read_mask
from helpers.datasets.pipeline import read_image


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
    assert "at most 50,000,000 pixels, found 8000x7000;" in problem(tmp_path, "large.png")
    assert "at most 50,000,000 pixels" in problem(tmp_path, "bomb.png")


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(12))
def test_pictures_that_their_exif_tag_turns_are_refused_and_others_are_not(tmp_path, picture, orientation, ending):
    """Only 2 to 8 turn a picture; 0, and what is above 8, mean nothing."""
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / f"a.{ending}", exif=exif)
    assert ("EXIF" in problem(tmp_path, f"a.{ending}")) == (2 <= orientation <= 8)


def test_a_damaged_exif_tag_turns_nothing(tmp_path, picture):
    picture.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert problem(tmp_path, "a.jpg") == ""


@pytest.mark.parametrize(
    ("form", "kind"),
    [("WEBP", "WebP"), ("BMP", "BMP"), ("TIFF", "TIFF"), ("JPEG2000", "JPEG 2000"), ("GIF", "GIF"), ("PNG", None)],
)
def test_what_a_file_holds_counts_and_not_its_name(tmp_path, picture, form, kind):
    picture.save(tmp_path / "a.jpg", form)
    expected = f"its bytes are of another kind: {kind}. Convert it to PNG" if kind else ""
    assert problem(tmp_path, "a.jpg").endswith(expected)
    assert bool(problem(tmp_path, "a.jpg")) == bool(kind)


@pytest.mark.parametrize("cut", [1, 4, 12, 40])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_what_training_could_not_decode_is_found(tmp_path, picture, ending, cut):
    """Pillow reads a PNG without its end; TensorFlow, which decodes in training, does not."""
    path = tmp_path / f"a.{ending}"
    picture.save(path)
    path.write_bytes(path.read_bytes()[:-cut])
    try:
        read_image(str(path), size=8)
    except tf.errors.InvalidArgumentError:
        assert "expected a whole image" in problem(tmp_path, path.name)
    else:
        assert problem(tmp_path, path.name) == ""


@pytest.mark.parametrize(("mode", "bits", "largest"), [("L", 8, 200), ("RGB", 8, 200), ("I;16", 16, 200 * 16)])
def test_the_range_that_is_used_is_measured(tmp_path, mode, bits, largest):
    pixels = np.linspace(0, largest, 64).reshape(8, 8).astype(np.uint16 if bits == 16 else np.uint8)
    picture = Image.fromarray(np.repeat(pixels[..., None], 3, -1) if mode == "RGB" else pixels)
    picture.save(tmp_path / "a.png")
    Image.new(mode, (8, 8), 7 if mode != "RGB" else (7, 7, 7)).save(tmp_path / "b.png")
    inspected = inspect_images(tmp_path, pd.Series(["a.png", "b.png"]))
    assert inspected.bits.tolist() == [bits, bits]
    assert (inspected.smallest[0], inspected.largest[0]) == (0, largest)
    assert inspected.smallest[1] == inspected.largest[1] == 7
    assert inspected[["width", "height"]].to_numpy().tolist() == [[8, 8], [8, 8]]


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


def test_masks_that_are_no_png_files_or_damaged_are_problems(tmp_path):
    mask = Image.new("L", (8, 8))
    mask.paste(255, (2, 4, 6, 8))
    for name in ("a.png", "b.jpg", "c.png"):
        mask.save(tmp_path / name)
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:50])
    mask.convert("I;16").save(tmp_path / "d.png")
    assert read_mask("d.png", data_dir=tmp_path, size=4).sum() == 4
    mask.resize((8, 4)).save(tmp_path / "e.png")
    values = ["a.png", "b.jpg", "c.png", "d.png", "e.png", "0 0 1 1", "1e-05 0 0.5 0.5"]
    table = pd.DataFrame({"mask": values, "width": 100, "height": 101})
    found = inspect_masks(tmp_path, table)
    assert found.kind.tolist() == ["", "foreign", "damaged", "", "proportions"]
    assert "b.jpg: expected a mask in a PNG file, found JPEG" in found.problem[1]
    assert "c.png: expected a mask" in found.problem[2]
    assert "e.png: expected a mask of its picture's proportions, 100x101; found 8x4" in found.problem[4]


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "RGB", "1"])
def test_masks_of_every_kind_are_read(tmp_path, mode):
    """What is opaque is inside, if other pixels are not; else what is not black, however dark."""
    inside = np.zeros((8, 8), np.uint8)
    inside[4:, 2:6] = 1
    if mode in ("LA", "RGBA"):
        mask = Image.new(mode, (8, 8), "white")
        mask.putalpha(Image.fromarray(inside * 255))
    elif mode == "P":
        mask = Image.fromarray(inside).convert("P")
        mask.putpalette([0, 0, 0, 0, 0, 1])
    else:
        mask = Image.fromarray(inside * (255 if mode == "1" else 1)).convert(mode)
    mask.save(tmp_path / "m.png")
    assert np.array_equal(read_mask("m.png", data_dir=tmp_path, size=8), inside > 0)
    table = pd.DataFrame({"mask": ["m.png", "0 0 1 1"], "width": 8, "height": 8})
    assert inspect_masks(tmp_path, table).is_full.tolist() == [False]
    Image.new("L", (8, 8), 255).save(tmp_path / "m.png")
    assert inspect_masks(tmp_path, table).is_full.tolist() == [True]
