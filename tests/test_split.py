import numpy as np
import pandas as pd
import pytest

from helpers.config import StudyError
from helpers.datasets.split import check_split, class_weights, split_by_group


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
