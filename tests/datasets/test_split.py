import numpy as np
import pandas as pd
import pytest

from helpers.datasets.split import check_split, class_weights, split_by_group, split_like_datta, split_the_rest
from helpers.errors import StudyError


@pytest.fixture
def table():
    """Return 600 images of 300 groups, three classes in the ratio 3 : 2 : 1."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), rng.multinomial(300, np.full(300, 1 / 300)) + 1)
    return pd.DataFrame({"group": groups, "label": np.array(["a", "a", "a", "b", "b", "c"])[groups % 6]})


def test_no_group_is_divided_and_the_mix_of_classes_is_kept(table):
    split = split_by_group(table, folds=6, seed=0)
    assert split.groupby(table.group).nunique().max() == 1
    shares = split.value_counts(normalize=True)
    assert shares[["test", "validation"]].to_numpy() == pytest.approx(1 / 6, abs=0.02)
    mix = pd.crosstab(split, table.label, normalize="index")
    assert mix.to_numpy() == pytest.approx(
        np.tile(table.label.value_counts(normalize=True).sort_index(), (3, 1)), abs=0.04
    )


def test_the_seed_decides(table):
    first, again, other = (split_by_group(table, folds=6, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_leak_is_caught(table):
    leaking = table.assign(split=split_by_group(table, folds=6, seed=0))
    check_split(leaking)
    leaking.loc[0, "split"] = "test" if leaking.split[0] != "test" else "train"
    leaking.loc[1, "group"] = leaking.group[0]
    leaking.loc[1, "split"] = "validation"
    with pytest.raises(StudyError, match="expected every group in one split"):
        check_split(leaking)


def test_a_class_missing_from_a_split_is_named(table):
    empty = table.assign(split=split_by_group(table, folds=6, seed=0))
    empty = empty[(empty.label != "c") | (empty.split != "validation")]
    with pytest.raises(StudyError, match="validation split, found no image of c"):
        check_split(empty)


def test_class_weights_by_hand():
    labels = pd.Series(["a"] * 6 + ["b"] * 3)
    # 9 images, 2 classes: 9 / (2·6) and 9 / (2·3)
    assert class_weights(labels, ("a", "b")) == {0: 0.75, 1: 1.5}


def test_dattas_split_takes_fifteen_percent_of_the_lesions_with_one_image(table):
    split = split_like_datta(table, seed=0)
    alone = ~table.group.duplicated(keep=False)
    assert set(split) == {"train", "test"}
    assert not (split[~alone] == "test").any()
    assert (split == "test").sum() == np.ceil(0.15 * alone.sum())


def test_dattas_split_of_the_full_table_has_dattas_counts(real_images):
    table = pd.read_csv(real_images / "labels" / "HAM10000_metadata.csv").rename(
        columns={"lesion_id": "group", "dx": "label"}
    )
    split = split_like_datta(table, seed=0)
    assert split.value_counts().to_dict() == {"train": 9187, "test": 828}
    tested = table.label[split == "test"].value_counts().to_dict()
    assert tested == {"akiec": 23, "bcc": 26, "bkl": 66, "df": 6, "mel": 34, "nv": 663, "vasc": 10}


def test_the_grouped_split_of_the_full_tables_leaks_nothing(real_images):
    lesions = pd.read_csv(real_images / "labels" / "HAM10000_metadata.csv")
    eyes = pd.read_csv(real_images / "labels" / "trainLabels.csv")
    chests = pd.read_csv(real_images / "labels" / "Data_Entry_2017.csv")
    tables = {
        "HAM10000": pd.DataFrame({"group": lesions.lesion_id, "label": lesions.dx}),
        "EyePACS": pd.DataFrame({"group": eyes.image.str.rpartition("_")[0], "label": eyes.level > 0}),
        "ChestX-ray14": pd.DataFrame(
            {"group": chests["Patient ID"], "label": chests["Finding Labels"].str.contains("Pneumothorax")}
        ),
    }
    for name, full in tables.items():
        full["split"] = split_by_group(full, folds=7, seed=0)
        check_split(full)
        assert (full.split == "test").mean() == pytest.approx(1 / 7, abs=0.01), name


def test_an_official_test_split_is_kept_and_the_rest_dealt_out(table):
    official = np.where(table.group < 60, "test", "")
    split = split_the_rest(table.assign(split=official), folds=6, seed=0)
    assert ((split == "test") == (official == "test")).all()
    assert split.groupby(table.group).nunique().max() == 1
    assert (split == "validation").sum() / (split != "test").sum() == pytest.approx(1 / 5, abs=0.02)
