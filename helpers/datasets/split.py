"""Splitting without leaks: whole groups, and the same proportions of classes in every split."""

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from helpers.errors import StudyError

SPLITS = ("train", "validation", "test")
DATTA_TEST_SHARE = 0.15  # of the lesions with one image


def split_by_group(table: pd.DataFrame, *, folds: int, seed: int) -> pd.Series:
    """Assign every row to train, validation or test.

    The table is divided into `folds` folds that never divide a group and that keep the proportions of classes
    (scikit-learn's StratifiedGroupKFold). The first fold is the test split, the second the validation split, the rest
    the training split.

    Args:
        table: Columns label and group.
        folds: At least 3; a split gets 1/folds of the images.
        seed: Decides which groups go into which split.

    Raises:
        StudyError: a class has too few groups to be in every split.
    """
    groups = table.groupby("label").group.nunique()
    if groups.min() < folds:
        raise StudyError(
            f"folds: expected every class to have at least {folds} groups (lesions or patients); "
            f"{groups.idxmin()} has {groups.min()}. Add images of it or lower folds."
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    split = pd.Series("train", index=table.index, dtype=str)
    for name, (_, rows) in zip(("test", "validation"), splitter.split(table, table.label, table.group), strict=False):
        split.iloc[rows] = name
    return split


def split_the_rest(table: pd.DataFrame, *, folds: int, seed: int) -> pd.Series:
    """Assign the rows whose column `split` is empty to train or validation; the other rows keep their split.

    One of `folds` - 1 folds is the validation split, chosen as in `split_by_group`.
    """
    split, rest = table.split.copy(), table[table.split == ""]
    if len(rest):
        assigned = split_by_group(rest, folds=folds - 1, seed=seed)
        split[rest.index] = assigned.where(assigned == "test", "train").where(assigned != "test", "validation")
    return split


def split_like_datta(table: pd.DataFrame, *, seed: int) -> pd.Series:
    """Assign every row to train or test as the code behind the paper does (Datta et al., 2021).

    The test split is a stratified 15% of the lesions with exactly one image; all others are for training. There is no
    validation split: that code chose its best epoch on the test split, which makes its clean accuracy optimistic.
    """
    single = table[~table.group.duplicated(keep=False)]
    try:
        _, test = train_test_split(single.index, test_size=DATTA_TEST_SHARE, random_state=seed, stratify=single.label)
    except ValueError as error:
        raise StudyError(
            f"split: expected enough lesions with one image to split like Datta et al.; {error}"
        ) from error
    split = pd.Series("train", index=table.index, dtype=str)
    split[test] = "test"
    return split


def missing_classes(labels: pd.Series, classes: tuple[str, ...]) -> str:
    """Return which classes no label names, as an error says it; "" if there are none."""
    missing = [name for name in classes if name not in set(labels)]
    if not missing:
        return ""
    return (
        f"expected images of all {len(classes)} classes ({', '.join(classes)}), found none of {', '.join(missing)}. "
        "Add images of it, or choose another task, or other parameters of it."
    )


def check_split(manifest: pd.DataFrame, splits: tuple[str, ...] = SPLITS) -> None:
    """Raise a StudyError if a group is in two splits, or a class of the table is missing from one of `splits`."""
    shared = manifest.groupby("group").split.nunique()
    if (shared > 1).any():
        raise StudyError(
            f"split: expected every group in one split; {shared.idxmax()} is in {shared.max()}. Split again."
        )
    counts = pd.crosstab(manifest.label, manifest.split).reindex(columns=splits, fill_value=0)
    for split in splits:
        empty = counts.index[counts[split] == 0]
        if len(empty):
            raise StudyError(
                f"split: expected every class in the {split} split, found no image of {', '.join(empty)}. "
                "Add images of it, or lower folds so that each split gets a larger share."
            )


def class_weights(labels: pd.Series, classes: tuple[str, ...]) -> dict[int, float]:
    """Return {class index: weight}, inversely proportional to the class's frequency, 1 on average over the images."""
    counts = labels.value_counts().reindex(list(classes))
    return {index: len(labels) / (len(classes) * count) for index, count in enumerate(counts)}
