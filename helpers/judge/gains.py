"""The largest gains in robust accuracy of one kind of model over another: what the paper's headline gives."""

from dataclasses import dataclass

import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.judge.accuracy_measures import cells_with
from helpers.judge.rows import of_model


@dataclass(frozen=True)
class LargestGains:
    """The maxima over all tasks, networks and epsilons.

    Attributes:
        points: Of the difference of robust accuracies.
        ratio: Of their ratio, less 1; NaN if the other accuracy is 0 everywhere.
        unbounded: Number of comparisons in which the other accuracy is 0 and this one is not: their ratio has no bound.
    """

    points: float
    ratio: float
    unbounded: int


def robust_accuracies(results: StudyResults, arms: tuple[str, str]) -> pd.DataFrame:
    """Return robust accuracies: a row per task, backbone and epsilon above 0, with a column for each of two arms."""
    rows = []
    for task, backbone in cells_with(results, *arms):
        both = {arm: of_model(results.radii, task, backbone, arm) for arm in arms}
        for epsilon in results.about["epsilons"]:
            accuracies = {arm: (part.radius > epsilon).mean() for arm, part in both.items()}
            images = both[arms[0]].image.nunique()
            rows.append({"task": task, "backbone": backbone, "epsilon": epsilon, "images": images, **accuracies})
    table = pd.DataFrame(rows, columns=["task", "backbone", "epsilon", "images", *arms])
    return table[table.epsilon > 0].reset_index(drop=True)


def largest_gains(accuracies: pd.DataFrame, arm: str, other: str) -> LargestGains:
    """Return the largest gains of `arm` over `other`, two columns of a table of robust accuracies."""
    one, two = accuracies[arm], accuracies[other]
    ratio = (one / two.where(two > 0) - 1).max()
    return LargestGains((one - two).max(), ratio, int(((two == 0) & (one > 0)).sum()))
