"""Measures of robustness and accuracy: from results, for one task and backbone, to an `Estimate`."""

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.judge.comparison import Comparison
from helpers.judge.crossed import Estimate, average, difference
from helpers.judge.pairs import LARGEST_RADIUS
from helpers.judge.rows import KEYS, NotMeasurableError, estimate, of_model, pairs

FEWEST_RIGHT = 10  # images, all trainings together, behind each accuracy of a ratio: of fewer, its error is too small


def cells_with(results: StudyResults, arm: str, other_arm: str) -> list[tuple[str, str]]:
    """Return the tasks and backbones of which there are models of both arms."""
    models = results.models
    return [
        (task, backbone)
        for task, backbone in results.cells
        if {arm, other_arm} <= set(models[(models.task == task) & (models.backbone == backbone)].arm)
    ]


def paired_radii(results: StudyResults, task: str, backbone: str, arm: str, other_arm: str) -> pd.DataFrame:
    """Return image, group, seed and log ratio, the radius under `arm` over that under `other_arm`.

    Images that either model misclassifies clean are left out: they have no radius.
    """
    one, other = (of_model(results.radii, task, backbone, name) for name in (arm, other_arm))
    both = pairs(one, other, ["radius"])
    both = both[(both.radius_1 > 0) & (both.radius_2 > 0)]
    if both.empty:
        raise NotMeasurableError("no image that both models classify right")
    logs = [np.log(np.minimum(both[name], LARGEST_RADIUS)) for name in ("radius_1", "radius_2")]
    return both[KEYS].assign(ratio=logs[0] - logs[1])


def ratio_of_radii(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Compare two models' geometric mean radii, on images that both classify right."""
    both = paired_radii(results, task, backbone, what.arm, str(what.other_arm))
    return estimate(both, both.ratio)


def ratio_of_radii_between_tasks(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Compare a model's geometric mean radius with that of the same kind of model of another task."""

    def mean(name: str) -> Estimate:
        rows = of_model(results.radii, name, backbone, what.arm)
        rows = rows[rows.radius > 0]
        return estimate(rows, np.log(np.minimum(rows.radius, LARGEST_RADIUS)))

    return difference(mean(task), average([mean(name) for name in what.other_tasks]))


def right_at(results: StudyResults, task: str, backbone: str, arm: str, epsilon: float) -> pd.DataFrame:
    """Return image, group, seed and right (0 or 1) at an epsilon: at 0 of all test images, else of those attacked."""
    if epsilon == 0:
        return of_model(results.clean, task, backbone, arm)
    rows = of_model(results.radii, task, backbone, arm)
    return rows.assign(right=(rows.radius > epsilon).astype(int))


def _both_right_at(results: StudyResults, what: Comparison, task: str, backbone: str) -> pd.DataFrame:
    """Return image, group, seed, and whether each of two models is right: right_1 and right_2."""
    epsilon, arms = float(what.epsilon or 0), (what.arm, str(what.other_arm))
    first, second = (right_at(results, task, backbone, arm, epsilon) for arm in arms)
    both = pairs(first, second, ["right"])
    if epsilon and not both[["right_1", "right_2"]].to_numpy().any():
        raise NotMeasurableError(
            f"at {epsilon:g}, neither model classifies an image right: there is nothing to compare"
        )
    return both


def accuracy(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return a model's accuracy at an epsilon."""
    rows = right_at(results, task, backbone, what.arm, float(what.epsilon or 0))
    return estimate(rows, rows.right)


def difference_of_accuracies(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much higher a model's accuracy is than another's at an epsilon."""
    both = _both_right_at(results, what, task, backbone)
    return estimate(both, both.right_1 - both.right_2)


def ratio_of_accuracies(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return the logarithm of a model's accuracy over another's at an epsilon, with its error by linearisation."""
    both = _both_right_at(results, what, task, backbone)
    logs, deviations = 0.0, np.zeros(len(both))
    for arm, right, sign in ((what.arm, both.right_1, 1), (what.other_arm, both.right_2, -1)):
        if right.sum() < FEWEST_RIGHT:
            few = f"{arm} classifies {right.sum()} of {len(both)} right"
            raise NotMeasurableError(f"at {what.epsilon:g}, {few}: a ratio takes {FEWEST_RIGHT}")
        logs += sign * np.log(right.mean())
        deviations += sign * (right / right.mean() - 1)
    return estimate(both, logs + deviations)


def share_lost(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return which share of its clean accuracy a model loses at an epsilon, on the attacked images."""
    rows = of_model(results.radii, task, backbone, what.arm)
    rows = rows[rows.radius > 0]
    if rows.empty:
        raise NotMeasurableError("no image is classified right clean")
    return estimate(rows, (rows.radius <= what.epsilon).astype(int))


def parameters_added(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return the share of weights that a model has more than another; it has no error."""
    arms = (what.arm, str(what.other_arm))
    one, other = (of_model(results.models, task, backbone, arm).parameters.iloc[0] for arm in arms)
    return Estimate(float(one / other - 1), 0.0, np.inf, 2, 1, 0, 0.0, 0.0)
