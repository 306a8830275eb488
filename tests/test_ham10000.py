import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.config import CLASSES, StudyError
from helpers.datasets.ham10000 import read_ham10000
from helpers.datasets.manifest import check_images, read_manifest

METADATA = "HAM10000_metadata.csv"


@pytest.fixture
def copied(ham10000, tmp_path):
    return shutil.copytree(ham10000, tmp_path / "HAM10000")


def edit(folder, change):
    table = pd.read_csv(folder / METADATA)
    change(table).to_csv(folder / METADATA, index=False)


def test_the_phantoms_are_read_as_the_public_layout(ham10000):
    table = read_ham10000(ham10000)
    assert list(table.columns) == ["image", "label", "group", "mask"]
    assert set(table.label) == set(CLASSES["skin_lesion"])
    assert all((ham10000 / name).is_file() for name in [*table.image, *table["mask"]])


def test_images_in_two_parts_or_beside_the_metadata_are_found(copied):
    before = read_ham10000(copied)
    (copied / "HAM10000_images_part_1").mkdir()
    (copied / "HAM10000_images_part_2").mkdir()
    for index, path in enumerate(sorted((copied / "HAM10000_images").iterdir())):
        target = (copied / "HAM10000_images_part_1", copied / "HAM10000_images_part_2", copied)[index % 3]
        shutil.move(path, target / path.name)
    after = read_ham10000(copied)
    assert after.label.equals(before.label)
    assert after.image.str.startswith("HAM10000_images_part_2").sum() == 28
    check_images(copied, after.image)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="dx"), [METADATA, "dx is missing", "lesion_id, image_id"]),
        (lambda t: t.assign(dx=t.dx.where(t.index != 3, "melanoma")), [METADATA, "line 5", "'melanoma'", "akiec, bcc"]),
        (lambda t: t.assign(dx=t.dx.where(t.index != 3)), [METADATA, "dx", "line 5"]),
        (lambda t: t.assign(image_id=t.image_id.where(t.index != 3, "ISIC_1")), [METADATA, "1 of 84", "ISIC_1"]),
        (lambda t: pd.concat([t, t.tail(1)]), [METADATA, "once", "PHANTOM_0000083"]),
    ],
)
def test_a_table_that_does_not_fit_is_named(copied, change, words):
    edit(copied, change)
    with pytest.raises(StudyError) as error:
        read_ham10000(copied)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_missing_folder_and_missing_or_empty_metadata_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"nowhere is not there.*data_dir"):
        read_ham10000(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="HAM10000_metadata.csv"):
        read_ham10000(tmp_path)
    (tmp_path / METADATA).write_text("")
    with pytest.raises(StudyError, match="expected a CSV table"):
        read_ham10000(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "not an image", "empty"])
def test_an_image_that_cannot_be_read_is_named_before_training(copied, damage):
    path = sorted((copied / "HAM10000_images").iterdir())[7]
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "not an image": b"hello", "empty": b""}[damage])
    with pytest.raises(StudyError, match=f"{path.name}: expected a whole image"):
        read_manifest(task="skin_lesion", data_dir=copied, folds=3, seed=0)


def test_a_decompression_bomb_is_refused(tmp_path):
    Image.new("1", (8_000, 7_000)).save(tmp_path / "bomb.png")
    with pytest.raises(StudyError, match=r"bomb.png: expected at most 50,000,000 pixels, got 8000x7000"):
        check_images(tmp_path, pd.Series(["bomb.png"]))


def test_a_class_with_too_few_lesions_is_named(copied):
    edit(copied, lambda t: t[(t.dx != "df") | (t.lesion_id == t[t.dx == "df"].lesion_id.iloc[0])])
    with pytest.raises(StudyError, match=r"folds: expected every class to have at least 3 groups.*df has 1"):
        read_manifest(task="skin_lesion", data_dir=copied, folds=3, seed=0)


def test_real_images_are_read(real_ham10000):
    table = read_ham10000(real_ham10000)
    assert len(table) == len(pd.read_csv(real_ham10000 / METADATA))
    assert set(table.label) == set(CLASSES["skin_lesion"])
    pixels = np.asarray(Image.open(real_ham10000 / table.image[0]))
    assert pixels.shape[2] == 3
