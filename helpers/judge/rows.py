"""Tools of the measures: which rows of the results are about a model, and estimates from them."""

import pandas as pd

from helpers.judge.crossed import Estimate, crossed_mean

KEYS = ["image", "group", "seed"]


class NotMeasurableError(ValueError):
    """The results do not hold what the measure needs; the message says what."""


def of_model(table: pd.DataFrame, task: str, backbone: str, arm: str) -> pd.DataFrame:
    """Return the rows about the models of a task, backbone and arm, of all seeds.

    Raises:
        NotMeasurableError: there are none.
    """
    rows = table[(table.task == task) & (table.backbone == backbone) & (table.arm == arm)]
    if rows.empty:
        raise NotMeasurableError(f"no results of {arm} for {task}, {backbone}")
    return rows


def estimate(rows: pd.DataFrame, values: pd.Series) -> Estimate:
    """Return the mean of values, one for each row, over the rows' images and seeds."""
    columns = (rows[name].to_numpy() for name in ("group", "seed"))
    return crossed_mean(values.to_numpy(float), *columns, images=rows.image.to_numpy())


def pairs(one: pd.DataFrame, other: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return rows of the same image and seed side by side, their columns with the endings _1 and _2.

    Raises:
        NotMeasurableError: there are none.
    """
    merged = one[[*KEYS, *columns]].merge(other[[*KEYS, *columns]], on=KEYS, suffixes=("_1", "_2"))
    if merged.empty:
        raise NotMeasurableError("no image and seed in common")
    return merged
