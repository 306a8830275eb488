"""A table of how accurate and how robust the models of a run are, for README."""

from collections.abc import Sequence

import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.artifacts.tables import steps_of
from helpers.judge.learned import LEARNED, balanced_accuracies, hardly_learned
from helpers.judge.statistics import majority_share
from helpers.show.answer_ratios import mark_untrusted
from helpers.show.names import cell_name, span

GREY_LEVELS = 255  # of a picture file, between 0 and 1


def model_table(results: StudyResults, arms: Sequence[str]) -> str:
    """Return in Markdown a row for each task and backbone, whose cells have a number for each arm that there is.

    Below the table stands which models have hardly learned their task.

    Args:
        results: Of a run.
        arms: Kinds of models, in the order of the numbers.
    """
    listed = " / ".join(arms)
    lines = [
        f"| task, network | test images | trainings | clean accuracy ({listed}) | balanced accuracy | "
        "median radius, grey levels |",
        "|---|---|---|---|---|---|",
    ]
    for task, backbone in results.cells:
        clean, radii = (
            table[(table.task == task) & (table.backbone == backbone)] for table in (results.clean, results.radii)
        )
        share = majority_share(clean.drop_duplicates("image").label)
        medians = radii[radii.radius > 0].groupby("arm").radius.median() * GREY_LEVELS
        cells = [
            cell_name(task, backbone),
            f"{clean.image.nunique()}, {share:.0%} in the largest class; {radii.image.nunique()} attacked",
            _trainings(radii, arms),
            *(
                " / ".join(f"{numbers[arm]:.2f}" if arm in numbers else "–" for arm in arms)
                for numbers in (clean.groupby("arm").right.mean(), balanced_accuracies(clean), medians)
            ),
        ]
        cells[-1] += mark_untrusted(results, task, backbone, arms)
        lines.append(f"| {' | '.join(cells)} |")
    hardly = [cell_name(task, backbone) for task, backbone in hardly_learned(results)]
    said = (
        f"**The models of {'; '.join(hardly)} have hardly learned their task**: the balanced accuracy of at least one "
        f"kind is within {LEARNED:g} of guessing. So their radii say little of models that have."
    )
    return "\n".join(lines) + f"\n\n{said}" * bool(hardly)


def attacked_longer(radii: pd.DataFrame) -> pd.Series:
    """Return whether the attack on each training took more steps than others, as the checks doubted a shorter one.

    Args:
        radii: Of the models of one task and backbone.

    Returns:
        By arm and seed.
    """
    steps = radii.groupby(["arm", "seed"])[["attack"]].apply(steps_of)
    return steps > steps.min()


def _trainings(radii: pd.DataFrame, arms: Sequence[str]) -> str:
    """Return how many trainings there are of each arm, and how many of them were attacked longer."""
    by_arm = attacked_longer(radii[radii.arm.isin(arms)]).groupby("arm")
    longer = by_arm.sum()
    listed = " / ".join(str(longer.get(arm, "–")) for arm in arms)
    return span(by_arm.size()) + f"; attacked longer: {listed}" * bool(longer.any())
