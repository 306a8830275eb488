"""Copies of one picture: equal files, which belong to one group, and pictures that look alike."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

NEAR = 0.998  # correlation of thumbnails from which two pictures are near-duplicates
SPLITS_TO_KEEP = ("test", "validation")  # of a group in several splits, the images in the first of these are kept


def merge_groups(groups: pd.Series, digests: pd.Series) -> pd.Series:
    """Return groups such that equal files are in one: whatever a table says, they show the same lesion or patient.

    Args:
        groups: The group of each row.
        digests: The digest of each row's file.

    Returns:
        Each row's group; groups that share a file have the name of the first of them.
    """
    if groups.empty:
        return groups
    group, names = pd.factorize(groups)
    file, files = pd.factorize(digests)
    links = coo_matrix((np.ones(len(group)), (group, len(names) + file)), shape=[len(names) + len(files)] * 2)
    _, component = connected_components(links, directed=False)
    of_group = component[: len(names)]
    first = pd.Series(names).groupby(of_group).transform("first")
    return pd.Series(first.to_numpy()[group], index=groups.index)


def rows_outside_the_split_of_their_group(groups: pd.Series, split: pd.Series) -> pd.Series:
    """Return which rows have to be left out, because a given split divides their group.

    A group's images in the test split are kept, and else those in the validation split.

    Args:
        groups: The group of each row.
        split: The given split of each row; "" is not yet assigned.
    """
    left_out = pd.Series(False, index=split.index)
    for name in SPLITS_TO_KEEP:
        kept = groups[(split == name) & ~left_out]
        left_out |= groups.isin(kept) & (split != name)
    return left_out


def near_duplicates(inspected: pd.DataFrame, split: pd.Series, *, largest: int = 100) -> list[tuple[int, int, float]]:
    """Find test images that look like an image of another split.

    Args:
        inspected: As from `inspect_images`.
        split: The split of each row.
        largest: The largest number of pairs to return.

    Returns:
        (row of the test image, row of the other, correlation of their thumbnails), the most alike first.
        A pair is reported from a correlation of 0.998 on. Whether it matters is for a human to judge.
    """
    pixels = np.stack([np.frombuffer(thumbnail, np.uint8) for thumbnail in inspected.thumbnail]).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels /= np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1e-6)
    tests, others = np.flatnonzero(split == "test"), np.flatnonzero(split != "test")
    pairs = []
    for rows in np.array_split(tests, max(1, len(tests) // 256)):
        alike = pixels[rows] @ pixels[others].T
        for row, other in np.argwhere(alike > NEAR):
            pairs.append((int(rows[row]), int(others[other]), float(alike[row, other])))
    return sorted(pairs, key=lambda pair: -pair[2])[:largest]
