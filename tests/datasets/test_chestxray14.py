import shutil

import numpy as np
import pandas as pd
import pytest
from tables import edit

from helpers.datasets import folder
from helpers.datasets.layout import read_layout
from helpers.datasets.matching import MASKS
from helpers.errors import StudyError
from helpers.tasks import FINDINGS

TABLE = "Data_Entry_2017.csv"


@pytest.fixture
def copied(chestxray14, tmp_path):
    return shutil.copytree(chestxray14, tmp_path / "ChestX-ray14")


def relabel(folder, *findings):
    edit(folder / TABLE, lambda t: t.assign(**{"Finding Labels": [*findings, *t["Finding Labels"][len(findings) :]]}))


def test_the_phantoms_are_read_as_the_public_layout(chestxray14):
    table, listed = read_layout("pneumothorax", chestxray14), pd.read_csv(chestxray14 / TABLE)
    assert list(table.columns) == ["image", "label", "group", "mask"]
    assert (table.label == "pneumothorax").tolist() == (listed["Finding Labels"] == "Pneumothorax").tolist()
    assert table.groupby("group").size().max() > 1
    assert all((chestxray14 / name).is_file() for name in [*table.image, *table["mask"]])


def test_a_finding_is_told_from_all_others_or_from_no_finding(copied):
    relabel(copied, "Pneumothorax|Effusion", "Effusion", "No Finding", "Effusion|Pneumothorax", "Mass|Nodule")
    expected = ["pneumothorax", "no pneumothorax", "no pneumothorax", "pneumothorax", "no pneumothorax"]
    assert read_layout("pneumothorax", copied).label[:5].tolist() == expected
    against_none = read_layout("pneumothorax", copied, against="no_finding")
    assert against_none.label[:3].tolist() == ["pneumothorax", "no pneumothorax", "pneumothorax"]
    assert len(against_none) == 38
    assert (read_layout("pneumothorax", copied, finding="Effusion").label == "effusion").sum() == 3


def test_images_in_the_downloads_numbered_folders_are_found(copied):
    before = read_layout("pneumothorax", copied)
    for index, path in enumerate(sorted((copied / "images").iterdir())):
        target = copied / f"images_{index % 3 + 1:03d}" / "images"
        target.mkdir(parents=True, exist_ok=True)
        path.rename(target / path.name)
    after = read_layout("pneumothorax", copied)
    assert after.label.equals(before.label)
    assert after.image.str.startswith("images_002/images/").sum() == 13


def test_the_official_split_is_used_where_it_is_there(copied):
    table = pd.read_csv(copied / TABLE)
    tested = table["Patient ID"] <= 6
    (copied / "test_list.txt").write_text("\n".join(table["Image Index"][tested]))
    with pytest.raises(StudyError, match=r"train_val_list.txt is missing. Add it, or remove"):
        read_layout("pneumothorax", copied)
    (copied / "train_val_list.txt").write_text("\n".join(table["Image Index"][~tested][1:]))
    with pytest.raises(StudyError, match="is in neither"):
        read_layout("pneumothorax", copied)
    (copied / "train_val_list.txt").write_text("\n".join(table["Image Index"][~tested]))
    assert (read_layout("pneumothorax", copied).split == "test").tolist() == tested.tolist()


def test_boxes_stand_in_for_masks_where_there_are_none(copied):
    shutil.rmtree(copied / MASKS)
    first, second = pd.read_csv(copied / TABLE)["Image Index"][:2]
    header = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
    lines = [f"{first},Pneumothorax,256.0,512.0,128.0,64.0,,,\n", f"{second},Mass,1,2,3,4,,,\n"]
    (copied / "BBox_List_2017.csv").write_text(header + "".join(lines))
    masks = read_layout("pneumothorax", copied)["mask"]
    assert masks[0] == "0.25 0.5 0.125 0.0625"
    assert masks[1:].isna().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="Patient ID"), [TABLE, "Patient ID is missing"]),
        (lambda t: t.assign(**{"Finding Labels": "Pneumothorx"}), [TABLE, "line 2", "'Pneumothorx'", "Effusion"]),
        (lambda t: pd.concat([t, t.tail(1)]), [TABLE, "more often"]),
        (lambda t: t.assign(**{"Image Index": "x_" + t["Image Index"]}), [TABLE, "40 of 40", "Finish the download"]),
    ],
)
def test_a_table_that_does_not_fit_is_named(copied, change, words):
    edit(copied / TABLE, change)
    with pytest.raises(StudyError) as error:
        read_layout("pneumothorax", copied)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_two_versions_of_the_table_are_named(copied):
    later = copied / "Data_Entry_2017_v2020.csv"
    shutil.copy(copied / TABLE, later)
    read_layout("pneumothorax", copied)  # an equal table is no doubt
    edit(later, lambda t: t.head(30))
    with pytest.raises(StudyError, match=r"found Data_Entry_2017.csv, Data_Entry_2017_v2020.csv"):
        read_layout("pneumothorax", copied)


def test_a_table_of_full_length_is_read_with_one_listing_of_the_files(tmp_path, monkeypatch):
    count = 112_120
    rng = np.random.default_rng(0)
    names = pd.Series([f"{number // 4:08d}_{number % 4:03d}.png" for number in range(count)])
    findings = np.array(["No Finding", "Pneumothorax", "Effusion|Pneumothorax", *FINDINGS])[rng.integers(0, 17, count)]
    table = pd.DataFrame({"Image Index": names, "Finding Labels": findings, "Follow-up #": 0})
    table.assign(**{"Patient ID": names.str[:8]}).to_csv(tmp_path / TABLE, index=False)
    listings = []
    found = [TABLE, *("images/" + names)]
    monkeypatch.setattr(folder, "walk", lambda path, broken: listings.append(path) or found)
    manifest = read_layout("pneumothorax", tmp_path)
    assert listings == [tmp_path]
    assert manifest.image.equals("images/" + names)
    assert (manifest.label == "pneumothorax").sum() == table["Finding Labels"].str.contains("Pneumothorax").sum()


@pytest.mark.parametrize(("folder", "finding"), [("ChestX-ray14", "Pneumonia"), ("ChestX-ray14_64px", "Pneumothorax")])
def test_real_images_are_read(real_images, folder, finding):
    table = read_layout("pneumothorax", real_images / folder, finding=finding)
    assert len(table) == len(pd.read_csv(real_images / folder / TABLE))
    assert table.label.nunique() == 2
