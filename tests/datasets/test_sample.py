"""Tests of the order in which images are attacked."""

import numpy as np
import pandas as pd
import pytest

from helpers.datasets.sample import first_groups, in_sampling_order

SHARES = {"nv": 0.67, "mel": 0.11, "bkl": 0.11, "bcc": 0.05, "akiec": 0.03, "vasc": 0.02, "df": 0.01}  # as in HAM10000


def sorted_by_class(count=1000):
    """Return a table sorted by class, as HAM10000's is, in which every third lesion has two images."""
    labels = np.repeat(list(SHARES), [round(share * count) for share in SHARES.values()])
    lesions = pd.Series(np.arange(len(labels)) * 3 // 4)
    return pd.DataFrame(
        {"image": np.arange(len(labels)).astype(str), "label": labels, "group": "L" + lesions.astype(str)}
    )


@pytest.mark.parametrize("seed", range(5))
def test_any_first_part_has_all_classes_in_their_shares(seed):
    rows = sorted_by_class()
    order = in_sampling_order(rows, seed=seed)
    assert sorted(order.image) == sorted(rows.image)
    assert order.label.head(14).nunique() == 7
    for count in (100, 333, 700):
        found = order.label.head(count).value_counts()
        for label, share in SHARES.items():
            assert found[label] == pytest.approx(share * count, abs=2.1)  # a group has up to two images


def test_a_group_is_never_divided():
    order = in_sampling_order(sorted_by_class(), seed=0)
    starts = order.group != order.group.shift()
    assert starts.sum() == order.group.nunique()  # the images of a group lie together
    for count in range(1, 60):
        part = first_groups(order, count)
        assert count - 1 <= len(part) <= max(count, 2)
        assert not set(part.group) & set(order.group[len(part) :])


def test_order_depends_on_the_seed_and_not_on_the_order_of_the_rows():
    rows = sorted_by_class(200)
    order = in_sampling_order(rows, seed=1)
    pd.testing.assert_frame_equal(in_sampling_order(rows.sample(frac=1, random_state=3), seed=1), order)
    assert in_sampling_order(rows, seed=2).image.tolist() != order.image.tolist()


def test_patient_with_images_of_two_classes_counts_for_the_rarer_one():
    labels = ["none"] * 30 + ["pneumothorax"] * 2
    groups = [f"P{number // 2}" for number in range(30)] + ["P0", "P1"]
    rows = pd.DataFrame({"label": labels, "group": groups})
    part = first_groups(in_sampling_order(rows, seed=0), 6)
    assert set(part.label) == {"none", "pneumothorax"}
    assert part.groupby("group").size().isin([2, 3]).all()


def test_group_larger_than_the_sample_is_taken_whole():
    rows = pd.DataFrame({"label": ["a"] * 5, "group": ["P"] * 5})
    assert len(first_groups(rows, 3)) == 5
    assert len(first_groups(rows, None)) == 5
