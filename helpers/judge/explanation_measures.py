"""Measures of perturbations and activation maps: from results, for one task and backbone, to an `Estimate`."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.artifacts.results import StudyResults
from helpers.judge.comparison import Comparison
from helpers.judge.crossed import Estimate, average, difference
from helpers.judge.rows import NotMeasurableError, estimate, of_model, pairs
from helpers.judge.statistics import CONFIDENCE

LOST_WITH_MAP = ("rank correlation", "inverted", "overlap of the top 20%")  # measures: 0 where a map vanishes


def explained(results: StudyResults, what: Comparison, task: str, backbone: str, **changes: object) -> pd.DataFrame:
    """Return image, group, seed and value of its quantity, under its condition, at its epsilon; some of it changed."""
    wanted = what.model_copy(update=changes)
    rows = of_model(results.explanations, task, backbone, wanted.arm)
    rows = rows[(rows.measure == wanted.quantity) & (rows.condition == wanted.condition)]
    if wanted.condition != "clean" and wanted.epsilon is not None:
        rows = rows[np.isclose(rows.epsilon, wanted.epsilon)]
    if wanted.outcome is not None:
        rows = rows[rows.outcome == wanted.outcome]
    if rows.empty:
        raise NotMeasurableError(f"no image has a value of {wanted.quantity}")
    return rows


def explanation(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return the mean of a measure of explanations."""
    rows = explained(results, what, task, backbone)
    if what.quantity in LOST_WITH_MAP and explained(results, what, task, backbone, quantity="all zero").value.all():
        raise NotMeasurableError("every map vanishes: there is nothing to compare")
    return estimate(rows, rows.value)


def explanation_against_control(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much larger the measure is under the condition than under its control, on the same images."""
    control = explained(results, what, task, backbone, condition=what.control, outcome=None)
    both = pairs(explained(results, what, task, backbone), control, ["value"])
    return estimate(both, both.value_1 - both.value_2)


def explanation_between_arms(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much larger the measure is for a model than for another, on the same images."""
    other = explained(results, what, task, backbone, arm=what.other_arm)
    both = pairs(explained(results, what, task, backbone), other, ["value"])
    return estimate(both, both.value_1 - both.value_2)


def explanation_between_epsilons(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much larger the measure is at an epsilon than at another, on the same images."""
    other = explained(results, what, task, backbone, epsilon=what.other_epsilon)
    both = pairs(explained(results, what, task, backbone), other, ["value"])
    return estimate(both, both.value_1 - both.value_2)


def explanation_between_tasks(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much larger the measure is than on average of other tasks, for the same kind of model."""

    def mean(name: str) -> Estimate:
        rows = explained(results, what, name, backbone)
        return estimate(rows, rows.value)

    return difference(mean(task), average([mean(name) for name in what.other_tasks]))


def maps_alike(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return how much more alike two models' maps of one image are than their maps of different images."""
    table = results.maps[(results.maps.measure == what.quantity)]
    arms = {what.arm, what.other_arm}
    is_pair = [{arm, other} == arms for arm, other in zip(table.arm, table.other_arm, strict=True)]
    table = table[np.array(is_pair, dtype=bool)]  # an empty list would take the columns away
    table = table[(table.task == task) & (table.backbone == backbone)]
    same, different = (table[table.condition == name] for name in ("other model", "other model, other image"))
    if same.empty:
        raise NotMeasurableError(f"no maps of {what.arm} and {what.other_arm} for {task}, {backbone}")
    both = pairs(same, different, ["value"])
    return estimate(both, both.value_1 - both.value_2)


def detection(results: StudyResults, what: Comparison, task: str, backbone: str) -> Estimate:
    """Return the area under the ROC curve of a detector: the mean over trainings, with the widest error of one.

    The error comes from the end of the interval that is farther away: near 1, the other end is much nearer.
    """
    rows = of_model(results.detection, task, backbone, what.arm)
    rows = rows[np.isclose(rows.epsilon, float(what.epsilon or 0)) & (rows.against == what.control)]
    rows = rows[(rows.features == what.quantity) & rows.auc.notna()]
    if rows.empty:
        raise NotMeasurableError("no detector was tried")
    error = float(np.maximum(rows.high - rows.auc, rows.auc - rows.low).max() / norm.ppf((1 + CONFIDENCE) / 2))
    images = int(rows.images.max())
    return Estimate(float(rows.auc.mean()), error, np.inf, images, rows.seed.nunique(), images, error**2, 0.0)
