"""What a reader of the study should know about the pictures of a dataset: dark ones, uniform ones, copies."""

from pathlib import Path

import pandas as pd

from helpers.datasets.problems import Problems

MOST_PICTURES = 0.9  # share of the pictures whose range is looked at
NARROW = {8: 16, 16: 4}  # bits of a sample: pictures that use no more than one in so many of its values are refused


def check_range(folder: Path, names: pd.Series, inspected: pd.DataFrame, problems: Problems, notes: list[str]) -> None:
    """Check that the pictures use the range of their bits, and note which pictures show nothing.

    A few bright pictures, or bright marks on a few, do not hide that the others are dark.

    Args:
        folder: What the names are relative to.
        names: Image paths.
        inspected: Of the pictures that can be decoded, as from `inspect_images`.
        problems: Gets a problem if nearly all pictures use a small part of the range.
        notes: Gets what is odd, but may be right.
    """
    for bits, rows in inspected.groupby("bits"):
        count, spread = f"{len(rows):,} pictures of {bits} bits", rows.largest - rows.smallest
        used = int(spread.quantile(MOST_PICTURES))
        is_narrow = (spread > 0) & (spread < 2**bits // NARROW[bits])
        if 0 < used < 2**bits // NARROW[bits]:
            problems.add(
                f"{folder / names[rows.index[0]]}: expected pictures that use the range of their bits; "
                f"{MOST_PICTURES:.0%} of {count} use no more than {used + 1:,} of {2**bits:,} values, as if they had "
                f"{used.bit_length()} bits. They would be {2 ** (bits - used.bit_length())} times too dark or pale. "
                "Rescale them, all alike, so that they use the whole range; or save them so with 8 bits."
            )
        elif 0 < used < 2 ** (bits - 1):
            notes.append(f"dark or pale: most of {count} use no more than {used + 1:,} of {2**bits:,} values")
        elif is_narrow.any():
            notes.append(
                f"dark or pale: {is_narrow.sum():,} of {count} use less than 1/{NARROW[bits]} of its values; the first "
                f"is {names[is_narrow.idxmax()]}"
            )
    constant = names[inspected.index[inspected.smallest == inspected.largest]]
    if len(constant):
        notes.append(f"pictures of one colour, which show nothing: {len(constant):,}; the first is {constant.iloc[0]}")


def note_merged_groups(table: pd.DataFrame, groups: pd.Series, inspected: pd.DataFrame, notes: list[str]) -> None:
    """Note which groups were merged, and which files have several labels.

    Args:
        table: Columns image, label and group.
        groups: The merged group of each row.
        inspected: As from `inspect_images`.
        notes: Gets the notes.
    """
    digests = inspected.digest[inspected.problem == ""]
    counts = table.loc[digests.index].groupby(digests)[["group", "label"]].nunique()
    several, labels = counts.group > 1, counts.label > 1
    if several.any():
        first, second = table.image[digests.index[digests == several.idxmax()][:2]]
        merged = table.group[groups != table.group].nunique()
        notes.append(
            f"groups merged with another one, because they share a file: {merged:,}; for example, {first} and {second} "
            "are the same, byte for byte"
        )
    if labels.any():
        first, second = table.image[digests.index[digests == labels.idxmax()][:2]]
        notes.append(
            f"files listed with different labels, under different names: {labels.sum():,}; for example, {first} and "
            f"{second}"
        )
