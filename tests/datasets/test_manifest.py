import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tables import edit

from helpers import StudyError, load_manifest, prepare_manifest, read_config, read_manifest, read_model_config
from helpers.artifacts import records
from helpers.artifacts.folders import TaskFolder
from helpers.artifacts.reports import ManifestReport
from helpers.datasets.manifest import data_folder, manifest_digest
from helpers.datasets.shortcuts import shortcut_accuracies
from helpers.paths import ROOT


@pytest.fixture
def copied(ham10000, tmp_path):
    return shutil.copytree(ham10000, tmp_path / "HAM10000")


def manifest_of(folder, **changes):
    return read_manifest(
        **{"task": "skin_lesion", "source": "folder", "data_dir": folder, "folds": 3, "seed": 0, **changes}
    )


def test_a_bad_image_stops_or_is_skipped_and_listed(copied):
    images = sorted((copied / "HAM10000_images").iterdir())
    images[7].write_bytes(b"")
    images[9].write_bytes(images[9].read_bytes()[:300])
    with pytest.raises(StudyError, match=rf"{images[7].name}: .*the file is empty.*1 more.*on_bad_image=skip"):
        manifest_of(copied)
    manifest = manifest_of(copied, on_bad_image="skip")
    assert len(manifest) == 82
    assert list(manifest.attrs["report"].skipped) == [f"HAM10000_images/{images[n].name}" for n in (7, 9)]
    assert manifest.index.tolist() == list(range(82))


def test_groups_that_share_a_file_are_one_group(copied, capsys):
    manifest = manifest_of(copied)
    tested = manifest[manifest.split == "test"].image.iloc[0]
    trained = manifest[(manifest.split == "train") & (manifest.label == manifest.label[0])].image.iloc[0]
    shutil.copy(copied / tested, copied / trained)
    again = manifest_of(copied).set_index("image")
    assert again.group[tested] == again.group[trained]
    assert again.split[tested] == again.split[trained]
    printed = capsys.readouterr().out
    assert "groups merged with another one, because they share a file: 1;" in printed
    assert "are the same, byte for byte" in printed


def test_all_that_is_wrong_with_tables_pictures_and_masks_is_one_error(copied):
    images = sorted((copied / "HAM10000_images").iterdir())
    images[3].unlink()
    for number in (7, 9):
        images[number].write_bytes(b"")
    Image.open(images[11]).save(images[11], "BMP")
    masks = sorted((copied / "HAM10000_segmentations_lesion_tschandl").iterdir())
    masks[20].write_bytes(b"II*\0")
    with pytest.raises(StudyError) as error:
        manifest_of(copied)
    lines = str(error.value).splitlines()
    assert lines[0] == f"{copied}: found 4 kinds of problems:"
    expected = ("found TIFF", "none for 1 of 84", "(1 more like this.)", "BMP")
    assert all(words in line for words, line in zip(expected, lines[1:], strict=True)), lines
    assert ["on_bad_image=skip" in line for line in lines[1:]] == [False, True, True, True]
    edit(copied / "HAM10000_metadata.csv", lambda t: t.drop(index=3))
    manifest = manifest_of(copied, on_bad_image="skip")
    assert len(manifest) == 80
    assert manifest["mask"].isna().sum() == 1
    assert "masks that cannot be used and are left out: 1" in manifest.attrs["report"].notes[0]


def test_a_class_that_no_image_shows_is_named(copied, chestxray14):
    """Without it, the study would be of another task."""
    edit(copied / "HAM10000_metadata.csv", lambda t: t.assign(dx=t.dx.replace("vasc", "nv")))
    with pytest.raises(StudyError, match=r"expected images of all 7 classes .*found none of vasc"):
        manifest_of(copied)
    with pytest.raises(StudyError, match=r"found none of hernia"):
        read_manifest(task="pneumothorax", source="folder", data_dir=chestxray14, folds=3, seed=0, finding="Hernia")


def test_a_class_that_skipping_removes_is_named(copied):
    table = pd.read_csv(copied / "HAM10000_metadata.csv")
    for name in table.image_id[table.dx == "df"]:
        (copied / "HAM10000_images" / f"{name}.jpg").write_bytes(b"")
    with pytest.raises(StudyError, match=r"without the images that are left out, .*found none of df"):
        manifest_of(copied, on_bad_image="skip")


def test_missing_files_can_be_skipped_and_are_said(copied):
    for path in sorted((copied / "HAM10000_images").iterdir())[:3]:
        path.unlink()
    manifest = manifest_of(copied, on_bad_image="skip")
    assert len(manifest) == 81
    assert "left out: " in manifest.attrs["report"].notes[0]
    assert "none for 3 of 84" in manifest.attrs["report"].notes[0]


def test_runs_in_the_folder_of_images_and_stray_files_do_not_count_as_changes(copied):
    config = read_config(profile="smoke", source="folder", data_dir=str(copied), folds=3, runs_dir=str(copied / "runs"))
    prepare_manifest(config)
    (copied / "Thumbs.db").write_text("")
    assert len(load_manifest(config)) == 84
    (copied.parent / "alias").symlink_to(copied)
    linked = config.replace(data_dir=str(copied.parent / "alias"))
    prepare_manifest(linked)
    assert len(load_manifest(linked)) == 84


@pytest.mark.parametrize("runs", [".", "ham"])
def test_images_in_the_folder_of_runs_are_watched_all_the_same(ham10000, tmp_path, runs):
    folder = shutil.copytree(ham10000, tmp_path / "ham")
    config = read_config(profile="smoke", source="folder", data_dir=str(folder), folds=3, runs_dir=str(tmp_path / runs))
    first = prepare_manifest(config).label[0]
    load_manifest(config)
    edit(folder / "HAM10000_metadata.csv", lambda t: t.assign(dx=[*t.dx[1:], first]))
    assert prepare_manifest(config).label[83] == first


def test_an_error_of_the_split_says_what_was_merged(copied):
    for path in (copied / "HAM10000_images").iterdir():
        Image.new("RGB", (32, 32)).save(path)
    with pytest.raises(StudyError, match=r"folds: expected .*Also found: pictures of one colour.*Also found: groups"):
        manifest_of(copied)


def write_depths(folder, scale):
    """Turn the pictures of a folder into 16 bits: 8-bit values times `scale`."""
    for path in folder.iterdir():
        grey = np.asarray(Image.open(path).convert("L")).astype(np.uint16)
        Image.fromarray(grey * np.uint16(scale)).save(path, "PNG")


def test_pictures_that_use_a_part_of_their_bits_are_named(chestxray14, tmp_path):
    folder = shutil.copytree(chestxray14, tmp_path / "chest")
    plain = {"task": "pneumothorax", "source": "folder", "data_dir": folder, "folds": 3, "seed": 0}
    write_depths(folder / "images", 257)
    assert read_manifest(**plain).attrs["report"].notes == []
    shutil.rmtree(folder / "images")
    shutil.copytree(chestxray14 / "images", folder / "images")
    write_depths(folder / "images", 16)
    with pytest.raises(StudyError, match=r"40 pictures of 16 bits .* as if they had 12 bits. .* 16 times too dark"):
        read_manifest(**plain)


def test_dark_pictures_and_pictures_of_one_colour_are_reported(copied):
    for number, path in enumerate(sorted((copied / "HAM10000_images").iterdir())):
        dark = Image.new("RGB", (9, 9)) if number == 5 else Image.open(path).convert("RGB").point(lambda v: v // 8)
        dark.save(path, "PNG")
    dark, constant = manifest_of(copied).attrs["report"].notes
    assert dark == "dark or pale: most of 84 pictures of 8 bits use no more than 32 of 256 values"
    assert constant.startswith("pictures of one colour, which show nothing: 1; the first is ")


def test_a_test_image_that_is_also_trained_on_is_an_error_and_can_be_skipped(chestxray14, tmp_path):
    """An official split is given: the copy outside of the test split is left out."""
    folder = shutil.copytree(chestxray14, tmp_path / "chest")
    table = pd.read_csv(folder / "Data_Entry_2017.csv")
    is_tested = table["Patient ID"] <= 9
    for name, rows in (("test_list.txt", table[is_tested]), ("train_val_list.txt", table[~is_tested])):
        (folder / name).write_text("\n".join(rows["Image Index"]))
    tested, trained = table["Image Index"][is_tested].iloc[0], table["Image Index"][~is_tested].iloc[0]
    shutil.copy(folder / "images" / tested, folder / "images" / trained)
    plain = {"task": "pneumothorax", "source": "folder", "data_dir": folder, "folds": 3, "seed": 0}
    with pytest.raises(StudyError, match=rf"{trained}: expected a lesion or patient in one of .*{tested}.*=skip"):
        read_manifest(**plain)
    manifest = read_manifest(**plain, on_bad_image="skip")
    patient = table["Patient ID"][table["Image Index"] == trained].iloc[0]
    assert len(manifest) == 40 - (table["Patient ID"] == patient).sum()
    assert f"images/{tested}" in set(manifest.image[manifest.split == "test"])


def test_near_duplicates_are_reported(copied):
    manifest = manifest_of(copied)
    tested = manifest[manifest.split == "test"].image.iloc[0]
    trained = manifest[manifest.split == "train"].image.iloc[0]
    Image.open(copied / tested).save(copied / trained, quality=70)
    ((one, other, alike),) = manifest_of(copied).attrs["report"].near_duplicates
    assert {one, other} == {tested, trained}
    assert 0.998 < alike <= 1


def test_a_class_with_too_few_lesions_is_named(copied):
    table = pd.read_csv(copied / "HAM10000_metadata.csv")
    table = table[(table.dx != "df") | (table.lesion_id == table[table.dx == "df"].lesion_id.iloc[0])]
    table.to_csv(copied / "HAM10000_metadata.csv", index=False)
    with pytest.raises(StudyError, match=r"folds: expected every class to have at least 3 groups.*df has 1"):
        manifest_of(copied)


def test_dattas_split_has_no_validation_images(copied):
    assert set(manifest_of(copied, split="datta").split) == {"train", "test"}


@pytest.mark.parametrize(("task", "classes"), [("retinopathy", 2), ("pneumothorax", 2)])
def test_phantoms_of_every_task_go_through_the_same_door(tmp_path, task, classes):
    config = read_config(profile="smoke", task=task, runs_dir=str(tmp_path / "runs"), phantoms=60, folds=3)
    manifest = prepare_manifest(config)
    assert set(manifest.label) == set(config.classes)
    assert len(config.classes) == classes
    report = ManifestReport.load(TaskFolder.from_config(config).manifest_report)
    assert (report.images, report.skipped, report.near_duplicates) == (60, {}, [])


def test_phantoms_of_another_drawing_version_are_drawn_again_and_models_of_the_old_ones_are_not_current(
    tmp_path, monkeypatch
):
    config = read_config(profile="smoke", runs_dir=str(tmp_path / "runs"))
    prepare_manifest(config)
    folder, digest = data_folder(config), manifest_digest(config)
    monkeypatch.setitem(records.STAGES, "drawing", records.STAGES["drawing"] + 1)
    with pytest.raises(StudyError, match=r"drawing: 1 before, 2 now"):
        load_manifest(config)
    prepare_manifest(config)
    assert folder != data_folder(config)
    assert digest != manifest_digest(config)


@pytest.fixture
def prepared(copied, tmp_path):
    """Return a configuration of a copied dataset whose manifest was made, and the digest of that manifest."""
    config = read_config(
        profile="smoke", source="folder", data_dir=str(copied), folds=3, runs_dir=str(tmp_path / "runs")
    )
    prepare_manifest(config)
    return config, manifest_digest(config)


def test_labels_that_were_corrected_are_noticed(prepared, copied):
    config, before = prepared
    edit(copied / "HAM10000_metadata.csv", lambda t: t.assign(dx=t.dx.replace({"nv": "mel", "mel": "nv"})))
    with pytest.raises(StudyError, match=r"contents of data_dir: .* before, .* now"):
        load_manifest(config)
    assert (prepare_manifest(config).label == "mel").any()
    assert manifest_digest(config) != before


def test_a_picture_that_was_replaced_is_noticed_although_the_manifest_stays_the_same(prepared, copied):
    config, before = prepared
    manifest = load_manifest(config)
    path = copied / manifest.image[0]
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    with pytest.raises(StudyError, match="contents of data_dir"):
        load_manifest(config)
    pd.testing.assert_frame_equal(prepare_manifest(config), manifest)
    assert manifest_digest(config) != before


def test_files_that_were_only_touched_cost_a_new_manifest_but_no_new_model(prepared, copied):
    config, before = prepared
    (copied / load_manifest(config).image[0]).touch()
    prepare_manifest(config)
    assert manifest_digest(config) == before


def test_a_manifest_whose_images_are_elsewhere_now_can_still_be_read(prepared, copied):
    config, _ = prepared
    copied.rename(copied.with_name("moved"))
    assert len(load_manifest(config)) == 84


def test_a_manifest_without_its_report_is_made_again(prepared):
    config, before = prepared
    TaskFolder.from_config(config).manifest_report.unlink()
    prepare_manifest(config)
    assert manifest_digest(config) == before


def test_two_profiles_of_the_same_name_do_not_share_a_folder(tmp_path):
    content = (ROOT / "params" / "smoke.yaml").read_text()
    paths = [tmp_path / name / "mine.yaml" for name in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(content)
    one, two = (read_config(profile=str(path), runs_dir=str(tmp_path / "runs")) for path in paths)
    prepare_manifest(one)
    with pytest.raises(StudyError, match=r"profile: .*runs/mine holds the run of .*one/mine.yaml, expected .*two/mine"):
        prepare_manifest(two)
    paths[0].unlink()  # the owner is gone: its folder may be used
    prepare_manifest(two)


def test_later_notebooks_learn_from_the_manifest_which_images_were_chosen(eyepacs, tmp_path):
    model = {"profile": "smoke", "task": "retinopathy", "attention": "soft", "runs_dir": str(tmp_path)}
    with pytest.raises(StudyError, match=r"expected a manifest, it is not there. Run notebook 01_prepare_data first"):
        read_model_config(**model)
    chosen = {"source": "folder", "data_dir": str(eyepacs), "threshold": 2, "folds": 3}
    prepare_manifest(read_config(**model | chosen))
    config = read_model_config(**model)
    assert {name: getattr(config, name) for name in chosen} == chosen
    assert config.classes == ("grade 0-1", "grade 2-4")
    assert len(load_manifest(config)) == 40
    with pytest.raises(StudyError, match=r"made with these parameters; threshold: 2 before, 1 now"):
        load_manifest(config.replace(threshold=1))


def test_the_shortcut_test_sees_colour_and_not_the_test_split(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    for number, label in enumerate(labels):
        pixels = rng.integers(60, 120, (20, 20, 3)) + 60 * label * np.array([1, 0, 0])
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    names = pd.Series([f"{number}.png" for number in range(100)] + ["not there.png"] * 20)
    split = ["train"] * 100 + ["test"] * 20
    manifest = pd.DataFrame(
        {"image": names, "label": np.array(["pale", "red"])[labels], "group": names, "split": split}
    )
    table = shortcut_accuracies(manifest, data_dir=tmp_path, classes=("pale", "red"))
    assert (table["balanced accuracy"] > 0.95).all()
    assert (table.chance == 0.5).all()
    shuffled = manifest.assign(label=rng.permutation(manifest.label))
    assert (shortcut_accuracies(shuffled, data_dir=tmp_path, classes=("pale", "red"))["balanced accuracy"] < 0.75).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "medmnist"}, "the dataset's .npz file for source 'medmnist'"),
        ({"task": "retinopathy", "split": "datta"}, "split: expected 'grouped' for task 'retinopathy'"),
        ({"finding": "Pneumothorx"}, "finding"),
        ({"threshold": 5}, "threshold"),
        ({"spurious": 1.5}, "spurious"),
        ({"on_bad_image": "ignore"}, "on_bad_image"),
    ],
)
def test_bad_choices_are_refused_before_anything_is_read(changes, words):
    with pytest.raises(StudyError, match=words):
        read_config(profile="smoke", **changes)


@pytest.mark.parametrize(("folder", "task"), [("HAM10000", "skin_lesion"), ("EyePACS", "retinopathy")])
def test_real_images_are_checked_and_split(real_images, tmp_path, folder, task):
    settings = {"profile": "smoke", "source": "folder", "data_dir": str(real_images / folder), "threshold": 0}
    manifest = prepare_manifest(read_config(**settings, task=task, runs_dir=str(tmp_path)))
    assert set(manifest.split) == {"train", "validation", "test"}
    assert manifest.groupby("group").split.nunique().max() == 1


@pytest.mark.parametrize("change", [{"ambiguity": 0.9}, {"spurious": 1.0}, {"phantom_size": 48}, {"data_seed": 5}])
def test_other_phantoms_under_the_same_names_are_other_images(tmp_path, change):
    digests = []
    for parameters in ({}, change):
        config = read_config(profile="smoke", runs_dir=str(tmp_path), phantoms=42, folds=3, **parameters)
        prepare_manifest(config)
        digests.append(manifest_digest(config))
    assert digests[0] != digests[1]


def test_phantoms_that_were_deleted_are_drawn_again(tmp_path):
    config = read_config(profile="smoke", runs_dir=str(tmp_path), phantoms=42, folds=3)
    manifest = prepare_manifest(config)
    shutil.rmtree(data_folder(config))
    prepare_manifest(config)
    assert all((data_folder(config) / name).is_file() for name in manifest.image)


def test_masks_that_were_replaced_are_noticed_and_do_not_make_another_model(prepared, copied):
    config, before = prepared
    path = TaskFolder.from_config(config).manifest_report
    masks = ManifestReport.load(path).masks_digest
    mask = copied / load_manifest(config)["mask"][0]
    Image.new("L", (32, 32), 255).save(mask)
    prepare_manifest(config)
    assert ManifestReport.load(path).masks_digest != masks
    assert manifest_digest(config) == before


def test_a_hidden_file_in_the_folder_changes_nothing(prepared, copied):
    (copied / ".DS_Store").write_text("")
    assert len(load_manifest(prepared[0])) == 84
