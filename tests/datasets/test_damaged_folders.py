"""Folders damaged at random: each ends in a manifest that keeps every promise, or in one StudyError."""

import hashlib
import shutil

import pandas as pd
import pytest
from damage import damage

from helpers import StudyError, read_manifest
from helpers.backend import tf
from helpers.datasets.masks import read_mask

TASKS = ("skin_lesion", "retinopathy", "pneumothorax")
LABELS = {  # task: table, its column of names and of labels, and the label of a value
    "skin_lesion": ("HAM10000_metadata", "image_id", "dx", lambda value: value),
    "retinopathy": ("trainLabels", "image", "level", lambda value: "grade 0" if float(value) == 0 else "grade 1-4"),
    "pneumothorax": (
        "Data_Entry_2017",
        "Image Index",
        "Finding Labels",
        lambda value: "pneumothorax" if "Pneumothorax" in value.split("|") else "no pneumothorax",
    ),
}


@pytest.fixture(scope="session")
def sound(ham10000, eyepacs, chestxray14, tmp_path_factory):
    """Return {task: a sound folder}; that of x-rays has the official lists and boxes."""
    chest = shutil.copytree(chestxray14, tmp_path_factory.mktemp("sound") / "chest")
    table = pd.read_csv(chest / "Data_Entry_2017.csv")
    is_tested = table["Patient ID"] <= 9
    for name, rows in (("test_list.txt", table[is_tested]), ("train_val_list.txt", table[~is_tested])):
        (chest / name).write_text("\n".join(rows["Image Index"]) + "\n")
    sick = table[table["Finding Labels"] == "Pneumothorax"]["Image Index"].tolist()
    for name in sick[:3]:
        (chest / "masks" / name).unlink()
    boxes = [f"{name},Pneumothorax,100.5,200,300,400,,,\n" for name in sick[:3]]
    (chest / "BBox_List_2017.csv").write_text("Image Index,Finding Label,Bbox [x,y,w,h],,,\n" + "".join(boxes))
    return {"skin_lesion": ham10000, "retinopathy": eyepacs, "pneumothorax": chest}


def check(manifest, folder):
    """Check what a manifest promises, without the code under test."""
    assert manifest.groupby("group").split.nunique().max() == 1
    assert set(manifest.split) == {"train", "validation", "test"}
    assert manifest.image.is_unique
    contents = [(folder / name).read_bytes() for name in manifest.image]
    digests = pd.Series([hashlib.sha256(content).hexdigest() for content in contents])
    assert manifest.split.groupby(digests).nunique().max() == 1
    for content in contents:
        assert tf.io.decode_image(content, channels=3, expand_animations=False).shape[-1] == 3
    for value in manifest["mask"].dropna() if "mask" in manifest else []:
        read_mask(value, data_dir=folder, size=8)


def labels_by_pandas(folder, task):
    """Return {image name: labels} as pandas reads the table; None if it cannot."""
    stem, names, labels, label_of = LABELS[task]
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts)):
        if path.is_file() and path.stem.lower() == stem.lower():
            try:
                table = pd.read_csv(path, dtype=str, keep_default_na=False)
                pairs = zip(table[names], table[labels], strict=True)
                return {name.rpartition(".")[0] or name: label_of(label.strip()) for name, label in pairs}
            except (ValueError, KeyError, UnicodeError):
                return None
    return None


def look_at_damage(sound, tmp_path, seed):
    task = TASKS[seed % 3]
    folder = shutil.copytree(sound[task], tmp_path / f"damaged-{seed}")
    ways = damage(folder, seed)
    on_bad_image = "skip" if seed % 2 else "stop"
    try:
        manifest = read_manifest(
            task=task, source="folder", data_dir=folder, folds=3, seed=0, on_bad_image=on_bad_image
        )
    except StudyError as error:
        assert folder.name in str(error) or "folds" in str(error) or "split" in str(error), (ways, error)
        return
    check(manifest, folder)
    if (expected := labels_by_pandas(folder, task)) is not None:
        found = manifest.image.str.rpartition("/")[2].str.rpartition(".")[0]
        lower = {name.lower(): label for name, label in expected.items()}
        for name, label in zip(found, manifest.label, strict=True):
            assert lower[name.lower()] == label, ways
    shutil.rmtree(folder)


@pytest.mark.parametrize("seed", [*range(60), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(60, 500))])
def test_a_damaged_folder_is_read_right_or_refused_in_one_error(sound, tmp_path, seed):
    look_at_damage(sound, tmp_path, seed)
