import shutil

import pandas as pd
import pytest
from tables import edit

from helpers.datasets.layout import read_layout
from helpers.errors import StudyError
from helpers.tasks import SKIN_LESIONS

METADATA = "HAM10000_metadata.csv"


@pytest.fixture
def copied(ham10000, tmp_path):
    return shutil.copytree(ham10000, tmp_path / "HAM10000")


def test_the_phantoms_are_read_as_the_public_layout(ham10000):
    table = read_layout("skin_lesion", ham10000)
    assert list(table.columns) == ["image", "label", "group", "mask"]
    assert set(table.label) == set(SKIN_LESIONS)
    assert all((ham10000 / name).is_file() for name in [*table.image, *table["mask"]])


def test_images_in_two_parts_or_beside_the_metadata_are_found(copied):
    before = read_layout("skin_lesion", copied)
    (copied / "HAM10000_images_part_1").mkdir()
    (copied / "HAM10000_images_part_2").mkdir()
    for index, path in enumerate(sorted((copied / "HAM10000_images").iterdir())):
        target = (copied / "HAM10000_images_part_1", copied / "HAM10000_images_part_2", copied)[index % 3]
        shutil.move(path, target / path.name)
    after = read_layout("skin_lesion", copied)
    assert after.label.equals(before.label)
    assert after.image.str.startswith("HAM10000_images_part_2").sum() == 28
    assert all((copied / name).is_file() for name in after.image)


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
    edit(copied / METADATA, change)
    with pytest.raises(StudyError) as error:
        read_layout("skin_lesion", copied)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_missing_folder_and_missing_or_empty_metadata_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"nowhere is not there.*data_dir"):
        read_layout("skin_lesion", tmp_path / "nowhere")
    with pytest.raises(StudyError, match="HAM10000_metadata.csv"):
        read_layout("skin_lesion", tmp_path)
    (tmp_path / METADATA).write_text("")
    with pytest.raises(StudyError, match="expected a CSV table"):
        read_layout("skin_lesion", tmp_path)


def test_masks_are_found_by_their_suffix_in_any_case(copied):
    before = read_layout("skin_lesion", copied)
    for path in (copied / "HAM10000_segmentations_lesion_tschandl").iterdir():
        path.rename(path.with_name(path.name.replace("_segmentation", "_Segmentation")))
    assert read_layout("skin_lesion", copied)["mask"].str.lower().equals(before["mask"].str.lower())


def test_an_image_in_both_layouts_is_named(copied):
    (copied / "HAM10000_images_part_1").mkdir()
    path = next((copied / "HAM10000_images").iterdir())
    copy = copied / "HAM10000_images_part_1" / path.name
    shutil.copy(path, copy)
    read_layout("skin_lesion", copied)  # an equal file is no doubt
    copy.write_bytes(copy.read_bytes() + b" ")
    with pytest.raises(StudyError, match=f"expected one file for each image; found .*{path.name} and .*{path.name}"):
        read_layout("skin_lesion", copied)


def test_conflicting_labels_are_told_from_mere_repeats(copied):
    edit(copied / METADATA, lambda t: pd.concat([t, t.tail(1).assign(dx="mel")]))
    with pytest.raises(StudyError, match="PHANTOM_0000083 is listed more often, with conflicting labels"):
        read_layout("skin_lesion", copied)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_byte_order_mark_and_other_separators_are_read(copied, separator):
    before = read_layout("skin_lesion", copied)
    table = pd.read_csv(copied / METADATA)
    (copied / METADATA).write_text(table.to_csv(index=False, sep=separator), encoding="utf-8-sig")
    assert read_layout("skin_lesion", copied).equals(before)


def test_real_images_are_read(real_images):
    table = read_layout("skin_lesion", real_images / "HAM10000")
    assert len(table) == len(pd.read_csv(real_images / "HAM10000" / METADATA))
    assert set(table.label) == set(SKIN_LESIONS)
