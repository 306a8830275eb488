"""The largest gains in robust accuracy of one kind of model over another: what the paper's headline gives."""

from dataclasses import dataclass

import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.judge.accuracy_measures import cells_with, right_at


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


def robust_accuracies(results: StudyResults, arms: tuple[str, str], *, each_training: bool = False) -> pd.DataFrame:
    """Return robust accuracies: a row per task, backbone and epsilon above 0, with a column for each of two arms.

    They are of all trainings together, or, with `each_training`, of pairs of single ones, in a row each. Where an
    attack on one of the models is not trusted, there is none: such an accuracy may be far too high.
    """
    if each_training:
        seeds = sorted(results.models.seed.unique())
        return pd.concat([robust_accuracies(results.trainings([seed]), arms) for seed in seeds], ignore_index=True)
    rows = []
    doubted = results.models[results.models.arm.isin(arms) & (results.models.verdict != "trusted")]
    left_out = set(zip(doubted.task, doubted.backbone, strict=True))
    for task, backbone in (cell for cell in cells_with(results, *arms) if cell not in left_out):
        for epsilon in filter(None, results.about["epsilons"]):
            both = {arm: right_at(results, task, backbone, arm, epsilon) for arm in arms}
            accuracies = {arm: part.right.mean() for arm, part in both.items()}
            images = both[arms[0]].image.nunique()
            rows.append({"task": task, "backbone": backbone, "epsilon": epsilon, "images": images, **accuracies})
    return pd.DataFrame(rows, columns=["task", "backbone", "epsilon", "images", *arms])


def largest_gains(accuracies: pd.DataFrame, arm: str, other: str) -> LargestGains:
    """Return the largest gains of `arm` over `other`, two columns of a table of robust accuracies."""
    one, two = accuracies[arm], accuracies[other]
    ratio = (one / two.where(two > 0) - 1).max()
    return LargestGains((one - two).max(), ratio, int(((two == 0) & (one > 0)).sum()))
