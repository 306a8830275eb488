"""The order in which images are attacked: any first part of it is a stratified sample of whole groups."""

from collections import Counter

import numpy as np
import pandas as pd


def in_sampling_order(rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return the rows in a random order of which any first part has about the same shares of classes as the whole.

    The images of a group (lesion, patient) stay together. One group after another is drawn: first one of each class,
    then always one of the class that the order so far lacks most. A group counts for the rarest class of its images.

    Args:
        rows: Columns label and group, at least one row.
        seed: Decides the order, together with the rows' index; the order in which they are given does not matter.
    """
    rows = rows.sort_index()
    shares = rows.label.value_counts(normalize=True).sort_index()
    labels_of = rows.groupby("group").label.agg(list)
    waiting: dict[str, list[str]] = {label: [] for label in shares.index}
    for group in np.random.default_rng(seed).permutation(labels_of.index):
        waiting[min(labels_of[group], key=lambda label: shares[label])].append(group)
    drawn: Counter[str] = Counter()
    order = []

    def lack(label: str) -> tuple[bool, float]:
        return drawn[label] == 0, shares[label] * (drawn.total() + 1) - drawn[label]

    while any(waiting.values()):
        group = waiting[max((label for label, groups in waiting.items() if groups), key=lack)].pop()
        drawn.update(labels_of[group])
        order.append(group)
    positions = rows.groupby("group").indices
    return rows.iloc[np.concatenate([positions[group] for group in order])]


def first_groups(rows: pd.DataFrame, count: int | None) -> pd.DataFrame:
    """Return as many of the first rows as `count` allows without dividing a group, but at least one group; None: all.

    Args:
        rows: Column group; the images of a group lie together.
        count: Largest number of rows, at least 1.
    """
    if count is None or count >= len(rows):
        return rows
    groups = rows.group.to_numpy()
    ends = np.append(np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(rows))
    return rows.iloc[: max(ends[ends <= count], default=ends[0])]
