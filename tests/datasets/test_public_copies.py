"""The folders that people have: links, capitals, doubled levels, and the copies of the datasets that are shared."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tables import edit

from helpers import read_manifest
from helpers.datasets.folder import walk
from helpers.datasets.layout import open_folder, read_layout
from helpers.errors import StudyError

FOLDERS = {"skin_lesion": "HAM10000_images", "retinopathy": "train", "pneumothorax": "images"}


@pytest.fixture(params=FOLDERS)
def dataset(request, ham10000, eyepacs, chestxray14, tmp_path):
    """Return a task, a copy of its dataset, and the folder of images in it."""
    sources = {"skin_lesion": ham10000, "retinopathy": eyepacs, "pneumothorax": chestxray14}
    folder = shutil.copytree(sources[request.param], tmp_path / "data")
    return request.param, folder, folder / FOLDERS[request.param]


def test_linked_folders_and_files_are_read_as_if_they_were_there(dataset, tmp_path):
    task, folder, images = dataset
    before = read_layout(task, folder)
    scratch = images.rename(tmp_path / "scratch")
    images.symlink_to(scratch)
    pd.testing.assert_frame_equal(read_layout(task, folder), before)
    images.unlink()
    images.mkdir()
    for path in scratch.iterdir():
        (images / path.name).symlink_to(path)
    pd.testing.assert_frame_equal(read_layout(task, folder), before)


def test_a_circle_of_links_ends_and_a_link_to_a_folder_around_is_not_followed(dataset):
    task, folder, images = dataset
    before = read_layout(task, folder)
    for name, target in (("up", ".."), ("itself", "itself"), ("here", "."), ("images again", images.name)):
        (folder / name).symlink_to(target)
    (images / "circle").symlink_to(folder)
    pd.testing.assert_frame_equal(read_layout(task, folder), before)
    paths = list(walk(folder))
    assert (
        len(paths) == len(set(paths)) == sum(path.is_file() for path in folder.rglob("[!.]*") if not path.is_symlink())
    )


def test_links_that_lead_nowhere_are_said(dataset):
    task, folder, images = dataset
    first = min(images.iterdir())
    first.unlink()
    first.symlink_to("nowhere")
    assert "links not followed, or folders that cannot be read: 1; the first is" in open_folder(task, folder).notes[0]
    with pytest.raises(StudyError, match=f"none for 1 of .*{first.name} is a link that leads nowhere"):
        read_layout(task, folder)


def test_doubled_levels_capitals_and_hidden_files_change_nothing(dataset):
    task, folder, images = dataset
    before = read_layout(task, folder)
    inner = folder / images.name.upper() / images.name
    inner.parent.mkdir()
    images.rename(inner)
    for number, path in enumerate(sorted(inner.iterdir())):
        if number % 2:
            path.rename(path.with_name(path.name.swapcase()))
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / inner.name).write_text("")
    (inner / "._copy.jpg").write_text("")
    after = read_layout(task, folder)
    assert after.label.equals(before.label)
    assert after.group.equals(before.group)
    assert all((folder / name).is_file() for name in after.image)


def test_a_dataset_twice_under_two_spellings_is_read_once(ham10000, tmp_path):
    """A copy of HAM10000 on Kaggle has each folder of images once more, in small letters."""
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    shutil.copytree(folder / "HAM10000_images", folder / "ham10000_images")
    opened = open_folder("skin_lesion", folder)
    assert len(read_layout("skin_lesion", folder)) == 84
    manifest = read_manifest(task="skin_lesion", source="folder", data_dir=folder, folds=3, seed=0)
    assert manifest.image.nunique() == 84
    assert "84 images are there more than once, in equal files" in manifest.attrs["report"].notes[0]
    assert len(opened.files) == 1 + 3 * 84


def test_two_spellings_of_one_name_with_different_content_are_named(ham10000, tmp_path):
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    path = min((folder / "HAM10000_images").iterdir())
    other = path.with_name(path.name.lower())
    other.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(StudyError, match=f"expected one file for each image; found .*{path.name} and .*{other.name}"):
        read_layout("skin_lesion", folder)


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_masks_in_other_capitals_are_found(ham10000, tmp_path, change):
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    masks = folder / "HAM10000_segmentations_lesion_tschandl"
    for path in list(masks.iterdir()):
        path.rename(path.with_name(change(path.name)))
    assert read_layout("skin_lesion", folder)["mask"].notna().all()
    masks.rename(folder / "masks")
    for path in list((folder / "masks").iterdir()):
        path.rename(path.with_name(path.name.lower().replace("_segmentation", "")))
    assert read_layout("skin_lesion", folder)["mask"].str.startswith("masks/").all()


def test_names_that_macos_writes_with_separate_accents_are_found(ham10000, tmp_path):
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    edit(folder / "HAM10000_metadata.csv", lambda t: t.assign(image_id=t.image_id.str.replace("PHANTOM", "Läsion")))
    for path in list((folder / "HAM10000_images").iterdir()):
        path.rename(path.with_name(path.name.replace("PHANTOM", "La\u0308sion")))
    (folder / "HAM10000_images").rename(folder / "HAM10000\u00a0images")
    assert len(read_layout("skin_lesion", folder)) == 84


def test_lists_that_divide_a_patient_are_named_and_can_be_skipped(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    table = pd.read_csv(folder / "Data_Entry_2017.csv")
    first = table["Patient ID"].duplicated(keep=False).idxmax()  # of a patient with several pictures
    is_tested = (table["Patient ID"] <= 9) & (table.index != first)
    for name, rows in (("test_list.txt", table[is_tested]), ("train_val_list.txt", table[~is_tested])):
        (folder / name).write_text("\n".join(rows["Image Index"]))
    plain = {"task": "pneumothorax", "source": "folder", "data_dir": folder, "folds": 3, "seed": 0}
    with pytest.raises(StudyError, match=rf"{table['Image Index'][first]}: expected a lesion or patient in one of"):
        read_manifest(**plain)
    manifest = read_manifest(**plain, on_bad_image="skip")
    assert len(manifest) == 39
    assert manifest.groupby("group").split.nunique().max() == 1


def test_nihs_small_copy_names_its_lists_otherwise(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    inner = folder / "images-224" / "images-224"
    inner.parent.mkdir()
    (folder / "images").rename(inner)
    table = pd.read_csv(folder / "Data_Entry_2017.csv")
    is_tested = table["Patient ID"] <= 9
    (folder / "test_list_NIH.txt").write_text("\r\n".join(table["Image Index"][is_tested]))
    (folder / "train_val_list_NIH.txt").write_text("\n".join(table["Image Index"][~is_tested]) + "\n")
    manifest = read_manifest(task="pneumothorax", source="folder", data_dir=folder, folds=3, seed=0)
    assert (manifest.split == "test").tolist() == is_tested.tolist()
    assert "official split: train_val_list_NIH.txt, test_list_NIH.txt" in manifest.attrs["report"].notes
    shutil.copy(folder / "test_list_NIH.txt", folder / "test_list.txt")
    read_layout("pneumothorax", folder)  # an equal list is no doubt
    (folder / "test_list.txt").write_text(table["Image Index"][0])
    with pytest.raises(StudyError, match=r"found test_list.txt, test_list_NIH.txt, which differ"):
        read_layout("pneumothorax", folder)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "Image Index\n", "other.png\n"])
def test_an_official_list_without_images_is_named(chestxray14, tmp_path, content):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    (folder / "test_list.txt").write_text(content)
    (folder / "train_val_list.txt").write_text("\n".join(pd.read_csv(folder / "Data_Entry_2017.csv")["Image Index"]))
    with pytest.raises(
        StudyError, match=r"^[^\n]*test_list.txt: expected names of images that the table lists, found none"
    ):
        read_layout("pneumothorax", folder)


@pytest.mark.parametrize(
    "write",
    [
        lambda names: ",".join(names),
        lambda names: "".join(f"{name};\n" for name in names),
        lambda names: "".join(f'"{name}"\n' for name in names),
        lambda names: "Image Index,Finding\n" + "".join(f"{name},No Finding\n" for name in names),
        lambda names: "".join(f"{row},images/{name},0\n" for row, name in enumerate(names)),
        lambda names: "".join(f"{name} 0 1 0\n" for name in names),
        lambda names: "".join(f"{name.upper()}\r\n" for name in names),
    ],
    ids=["commas", "semicolons", "quotes", "a header", "an index column", "words", "capitals"],
)
def test_official_lists_are_read_however_they_were_saved(chestxray14, tmp_path, write):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    table = pd.read_csv(folder / "Data_Entry_2017.csv")
    is_tested = table["Patient ID"] <= 9
    for name, rows in (("test_list.txt", table[is_tested]), ("train_val_list.txt", table[~is_tested])):
        (folder / name).write_text(write(rows["Image Index"].tolist()))
    assert (read_layout("pneumothorax", folder).split == "test").tolist() == is_tested.tolist()


def test_official_lists_may_have_names_with_blanks(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    for path in sorted((folder / "images").iterdir()):
        path.rename(path.with_name(f"x {path.name}"))
    edit(folder / "Data_Entry_2017.csv", lambda t: t.assign(**{"Image Index": "x " + t["Image Index"]}))
    names = pd.read_csv(folder / "Data_Entry_2017.csv")["Image Index"]
    (folder / "test_list.txt").write_text("\n".join(names[:9]))
    (folder / "train_val_list.txt").write_text("\n".join(names[9:]))
    assert (read_layout("pneumothorax", folder).split == "test").sum() == 9


def test_a_list_that_is_no_text_is_said_together_with_other_problems(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    (folder / "test_list.txt").write_text("<!doctype html>")
    (folder / "train_val_list.txt").write_text("00000001_000.png")
    (folder / "BBox_List_2017.csv").write_text("Image Index,x,y,w,h\n00000001_000.png,1,2,3,4\n")
    (folder / "images" / "00000001_000.png").unlink()
    with pytest.raises(StudyError, match=r"(?s)found 3 kinds.*web page.*Finding Label is missing.*none for 1 of 40"):
        read_layout("pneumothorax", folder)


@pytest.mark.parametrize("names", [("NIH_train_val_list", "NIH_test_list"), ("trainval list", "test-list")])
def test_official_lists_under_similar_names_are_used(chestxray14, tmp_path, names):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    table = pd.read_csv(folder / "Data_Entry_2017.csv")
    is_tested = table["Patient ID"] <= 9
    for name, rows in zip(names, (table[~is_tested], table[is_tested]), strict=True):
        (folder / f"{name}.txt").write_text("\n".join(rows["Image Index"]))
    assert (read_layout("pneumothorax", folder).split == "test").tolist() == is_tested.tolist()


@pytest.mark.parametrize("name", ["test_list.txt", "train_val_list.xlsx", "BBox_List_2017.csv"])
def test_lists_that_are_no_text_files_are_named(chestxray14, tmp_path, name):
    """Without them, the study would be of another split without a word."""
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    if name.endswith(".xlsx"):
        (folder / name).write_bytes(b"PK")
    else:
        (folder / name).mkdir()
    with pytest.raises(StudyError, match=f"{name}: expected a text file, as .* is published"):
        read_layout("pneumothorax", folder)


def test_pictures_that_are_packed_or_behind_a_link_to_a_folder_around_are_named(ham10000, tmp_path):
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    shutil.rmtree(folder / "HAM10000_images")
    (folder / "HAM10000_images_part_1.zip").write_bytes(b"PK")
    with pytest.raises(StudyError, match=r"none for 84 of 84 .* Unpack HAM10000_images_part_1.zip"):
        read_layout("skin_lesion", folder)
    (folder / "images").symlink_to("..")
    with pytest.raises(StudyError, match=r"none for 84 of 84 .*images/? is a link that leads nowhere or to a folder"):
        read_layout("skin_lesion", folder)


def test_an_image_in_both_official_lists_is_named(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "nih")
    names = "\n".join(pd.read_csv(folder / "Data_Entry_2017.csv")["Image Index"])
    for name in ("test_list.txt", "train_val_list.txt"):
        (folder / name).write_text(names)
    with pytest.raises(StudyError, match=r"00000001_000 is in both.*39 more like this"):
        read_layout("pneumothorax", folder)


def test_nihs_random_sample_is_read(chestxray14, tmp_path):
    folder = tmp_path / "sample"
    shutil.copytree(chestxray14, folder / "sample")
    (folder / "sample" / "Data_Entry_2017.csv").rename(folder / "sample" / "sample_labels.csv")
    edit(
        folder / "sample" / "sample_labels.csv",
        lambda t: t.assign(**{"Finding Labels": t["Finding Labels"].replace("No Finding", "No_Finding")}),
    )
    assert read_layout("pneumothorax", folder).label.equals(read_layout("pneumothorax", chestxray14).label)


def test_of_the_resized_eyepacs_the_uncropped_pictures_are_read(eyepacs, tmp_path):
    folder = tmp_path / "resized"
    shutil.copytree(eyepacs / "train", folder / "resized_train" / "resized_train")
    cropped = shutil.copytree(eyepacs / "train", folder / "resized_train_cropped" / "resized_train_cropped")
    for path in cropped.iterdir():
        path.write_bytes(path.read_bytes() + b"\0")
    table = pd.read_csv(eyepacs / "trainLabels.csv")
    table.to_csv(folder / "trainLabels.csv", index=False)
    table.head(30).to_csv(folder / "trainLabels_cropped.csv")
    assert read_layout("retinopathy", folder).image.str.startswith("resized_train/").all()
    assert len(read_layout("retinopathy", folder)) == 40


def test_dicom_and_tiff_are_named_as_what_they_are(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "chest")
    first, second = sorted((folder / "images").iterdir())[:2]
    first.with_name(f"{first.stem}.DCM").write_bytes(bytes(128) + b"DICM" + bytes(10))
    first.unlink()
    with pytest.raises(StudyError, match=r"00000001_000.DCM: expected a picture named .*DICOM. Convert it to PNG"):
        read_layout("pneumothorax", folder)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(second.with_suffix(".tif"))
    second.unlink()
    with pytest.raises(StudyError, match=r"\(1 more like this.\)"):
        read_layout("pneumothorax", folder)
