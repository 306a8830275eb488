"""One ratio over all tasks and networks. No verdict rests on it: it was added after results had been seen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from helpers.judge.statistics import CONFIDENCE
from helpers.judge.thresholds import NOT_TRUSTED

FEWEST = 3  # ratios: of two, an interval says next to nothing


@dataclass(frozen=True)
class Together:
    """A geometric mean of ratios with its interval, and how many they are."""

    value: float
    low: float
    high: float
    count: int


def together(rows: pd.DataFrame) -> Together | None:
    """Return the geometric mean of a claim's ratios, and its 95% interval by Student's t of their logarithms.

    Each combination of task and network counts alike, as one of a sample of such combinations. So the interval covers
    what differs between them, their trainings and their images. It takes them as independent, though networks share
    the images of a task.

    Args:
        rows: Of that claim in the ledger. Those without a value, or with an attack that is not trusted, do not count.

    Returns:
        Nothing if there are fewer than three.
    """
    logarithms = np.log(rows.value[rows.value.notna() & (rows.verdict != NOT_TRUSTED)].to_numpy())
    if len(logarithms) < FEWEST:
        return None
    low, high = ttest_1samp(logarithms, 0).confidence_interval(CONFIDENCE)
    value, low, high = np.exp([logarithms.mean(), low, high]).tolist()
    return Together(value, low, high, len(logarithms))
