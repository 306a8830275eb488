import shutil

import pandas as pd
import pytest
from tables import edit

from helpers.datasets.layout import read_layout
from helpers.errors import StudyError

TABLE = "trainLabels.csv"


@pytest.fixture
def copied(eyepacs, tmp_path):
    return shutil.copytree(eyepacs, tmp_path / "EyePACS")


def test_the_phantoms_are_read_as_the_public_layout(eyepacs):
    table, listed = read_layout("retinopathy", eyepacs), pd.read_csv(eyepacs / TABLE)
    assert list(table.columns) == ["image", "label", "group", "mask"]
    assert table.label.tolist() == ["grade 0" if level == 0 else "grade 1-4" for level in listed.level]
    assert table.groupby("group").size().eq(2).all()
    assert all((eyepacs / name).is_file() for name in [*table.image, *table["mask"]])


@pytest.mark.parametrize(
    ("threshold", "classes"),
    [
        (0, [f"grade {grade}" for grade in range(5)]),
        (2, ["grade 0-1", "grade 2-4"]),
        (4, ["grade 0-3", "grade 4"]),
    ],
)
def test_the_threshold_decides_what_counts_as_disease(eyepacs, threshold, classes):
    table, level = read_layout("retinopathy", eyepacs, threshold=threshold), pd.read_csv(eyepacs / TABLE).level
    expected = level if threshold == 0 else (level >= threshold).astype(int)
    assert table.label.tolist() == [classes[index] for index in expected]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="level"), [TABLE, "level is missing", "found image"]),
        (lambda t: t.assign(level=t.level.where(t.index != 3, "5")), [TABLE, "line 5", "'5'", "from 0 to 4"]),
        (lambda t: t.assign(image=t.image.where(t.index != 3, "12")), [TABLE, "line 5", "<patient>_<left|right>"]),
        (lambda t: t.assign(image=t.image.where(t.index != 3, "99_left")), [TABLE, "1 of 40", "99_left"]),
        (lambda t: pd.concat([t, t.tail(1).assign(level="9")]), [TABLE, "'9'"]),
        (lambda t: pd.concat([t, t.tail(1)]), [TABLE, "20_left", "more often", "Drop"]),
    ],
)
def test_a_table_that_does_not_fit_is_named(copied, change, words):
    edit(copied / TABLE, change)
    with pytest.raises(StudyError) as error:
        read_layout("retinopathy", copied)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_folder_without_the_table_says_what_it_holds(copied):
    (copied / TABLE).rename(copied / "labels.csv")
    with pytest.raises(
        StudyError, match=r"expected one trainLabels.csv of EyePACS, found none; the folder holds labels"
    ):
        read_layout("retinopathy", copied)


def test_real_images_are_read(real_images):
    table = read_layout("retinopathy", real_images / "EyePACS", threshold=0)
    assert len(table) == len(pd.read_csv(real_images / "EyePACS" / TABLE))
    assert table.label.nunique() == 5
