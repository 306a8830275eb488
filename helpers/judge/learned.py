"""Whether models have learned their task: a ratio of radii says little of models that guess."""

import pandas as pd

from helpers.artifacts.results import StudyResults

LEARNED = 0.1  # a mean balanced accuracy less far above guessing, and the models have hardly learned the task


def balanced_accuracies(clean: pd.DataFrame) -> pd.Series:
    """Return each arm's balanced accuracy, the mean recall of the classes, over all trainings: the index is the arm.

    Args:
        clean: Of one task and backbone: arm, seed, label and right.
    """
    return clean.groupby(["arm", "seed", "label"]).right.mean().groupby("arm").mean()


def hardly_learned(results: StudyResults) -> list[tuple[str, str]]:
    """Return the tasks and backbones on which some arm guesses, or does hardly better (see `LEARNED`)."""
    found = []
    for task, backbone in results.cells:
        clean, models = (
            table[(table.task == task) & (table.backbone == backbone)] for table in (results.clean, results.models)
        )
        if balanced_accuracies(clean).min() < 1 / models.classes.iloc[0] + LEARNED:
            found.append((task, backbone))
    return found
