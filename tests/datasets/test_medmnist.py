import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers import StudyError, prepare_manifest, read_config
from helpers.datasets.medmnist import read_medmnist, unpack_medmnist

COUNTS = {"train": 30, "val": 10, "test": 12}
COLUMNS = {"skin_lesion": (1, 7), "retinopathy": (1, 5), "pneumothorax": (14, 2)}


def arrays(task, *, size=28, channels=3, **changes):
    rng = np.random.default_rng(0)
    columns, values = COLUMNS[task]
    made = {}
    for split, count in COUNTS.items():
        shape = (count, size, size, channels) if channels else (count, size, size)
        made[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        labels = np.arange(count)[:, None] % values if columns == 1 else rng.integers(0, 2, (count, columns))
        made[f"{split}_labels"] = labels.astype(np.uint8)
    return made | changes


def saved(folder, content, name="file.npz"):
    np.savez_compressed(folder / name, **content)
    return folder / name


@pytest.mark.parametrize(("task", "channels"), [("skin_lesion", 3), ("retinopathy", 3), ("pneumothorax", 0)])
def test_images_labels_and_splits_come_out_as_they_went_in(tmp_path, task, channels):
    content = arrays(task, channels=channels)
    folder = unpack_medmnist(saved(tmp_path, content), tmp_path / "out", task=task)
    table = read_medmnist(folder, task=task)
    assert table.split.value_counts().to_dict() == {"train": 30, "validation": 10, "test": 12}
    assert table.group.is_unique
    first = table[table.split == "validation"].iloc[3]
    assert np.array_equal(np.asarray(Image.open(folder / first.image)), content["val_images"][3])
    if task == "skin_lesion":
        assert table.label[:8].tolist() == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc", "akiec"]
    if task == "retinopathy":
        assert table.label[:5].tolist() == ["grade 0", *["grade 1-4"] * 4]
        assert read_medmnist(folder, task=task, threshold=0).label[4] == "grade 4"
    if task == "pneumothorax":
        assert ((table.label == "pneumothorax")[:30] == content["train_labels"][:, 7]).all()
        effusions = read_medmnist(folder, task=task, finding="Effusion", against="no_finding")
        assert (effusions.label == "effusion").sum() == sum(content[f"{s}_labels"][:, 2].sum() for s in COUNTS)
        healthy = sum((content[f"{s}_labels"].sum(axis=1) == 0).sum() for s in COUNTS)
        assert (effusions.label == "no effusion").sum() == healthy


def test_a_second_unpacking_does_nothing_and_a_killed_one_goes_on(tmp_path):
    file = saved(tmp_path, arrays("skin_lesion"))
    folder = unpack_medmnist(file, tmp_path / "out", task="skin_lesion")
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    (folder / "labels.csv").unlink()
    sorted((folder / "images").iterdir())[5].unlink()
    unpack_medmnist(file, folder, task="skin_lesion")
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    times = {path: path.stat().st_mtime_ns for path in before}
    unpack_medmnist(file, folder, task="skin_lesion")
    assert {path: path.stat().st_mtime_ns for path in before} == times


def test_a_manifest_is_made_from_a_file(tmp_path):
    file = saved(tmp_path, arrays("retinopathy", size=40), "retinamnist_64.npz")
    choices = {"source": "medmnist", "data_dir": str(file), "runs_dir": str(tmp_path / "runs")}
    config = read_config(profile="smoke", task="retinopathy", **choices)
    manifest = prepare_manifest(config)
    assert manifest.split.value_counts().to_dict() == {"train": 30, "validation": 10, "test": 12}


def test_a_test_image_that_is_also_trained_on_can_be_skipped(tmp_path):
    """The file has no table in which a row could be dropped."""
    content = arrays("retinopathy", size=40)
    content["train_images"][4] = content["val_images"][2] = content["test_images"][7]
    content["train_images"][6] = content["val_images"][3]
    file = saved(tmp_path, content, "retinamnist_64.npz")
    choices = {"source": "medmnist", "data_dir": str(file), "runs_dir": str(tmp_path / "runs"), "task": "retinopathy"}
    with pytest.raises(StudyError, match=r"train_000004.png: expected a lesion or .*test_000007.*2 more"):
        prepare_manifest(read_config(profile="smoke", **choices))
    manifest = prepare_manifest(read_config(profile="smoke", **choices, on_bad_image="skip"))
    assert manifest.split.value_counts().to_dict() == {"train": 28, "validation": 9, "test": 12}


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_refused_in_one_error(tmp_path, seed):
    rng = np.random.default_rng(seed)
    file = saved(tmp_path, arrays("skin_lesion"))
    content = bytearray(file.read_bytes())
    if seed % 4 == 0:
        del content[rng.integers(len(content)) :]
    first = max(0, len(content) - 2000) if seed % 2 else 0  # half of them near the end: in the list of members
    for place in rng.integers(first, max(1, len(content)), size=1 + seed % 3):
        content[place] ^= 1 << rng.integers(8)
    file.write_bytes(content)
    try:
        assert (unpack_medmnist(file, tmp_path / "out", task="skin_lesion") / "labels.csv").is_file()
    except StudyError as error:
        assert "file.npz" in str(error)


def test_pickled_objects_are_refused_unread(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('pickle ran')",))

    file = saved(tmp_path, arrays("skin_lesion", train_labels=np.array([[Bomb()]], dtype=object)))
    with pytest.raises(StudyError, match=r"file.npz: expected train_labels as plain numbers.*has pickled objects"):
        unpack_medmnist(file, tmp_path / "out", task="skin_lesion")


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("pneumothorax", {}, ["chestmnist", "shape (n, 14)", "(30, 1)", "file of this task"]),
        ("retinopathy", {}, ["retinamnist", "0 to 4", "0 to 6"]),
        ("skin_lesion", {"val_images": np.zeros((9, 28, 28), np.uint8)}, ["val_images", "(10, size, size)", "(9, 28"]),
        ("skin_lesion", {"val_images": np.zeros((10, 28, 28), np.float32)}, ["val_images", "uint8", "float32"]),
        ("skin_lesion", {"test_images": None}, ["pickled"]),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, task, changes, words):
    file = saved(tmp_path, arrays("skin_lesion", **changes))
    with pytest.raises(StudyError) as error:
        unpack_medmnist(file, tmp_path / "out", task=task)
    assert all(word in str(error.value) for word in ["file.npz", *words]), str(error.value)
    assert not (tmp_path / "out" / "labels.csv").exists()


def test_missing_truncated_and_foreign_files_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"expected dermamnist_<size>.npz.*make data-medmnist"):
        unpack_medmnist(tmp_path / "nowhere.npz", tmp_path / "out", task="skin_lesion")
    file = saved(tmp_path, arrays("skin_lesion"))
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(StudyError, match="expected a whole .npz file"):
        unpack_medmnist(file, tmp_path / "out", task="skin_lesion")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(StudyError, match=r"train_labels is missing, found hello.txt"):
        unpack_medmnist(file, tmp_path / "out", task="skin_lesion")
