"""All measures of claims, by name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import numpy as np

from helpers.artifacts.quantities import DETECTORS, QUANTITIES
from helpers.artifacts.results import StudyResults
from helpers.judge import accuracy_measures as accuracies
from helpers.judge import explanation_measures as explanations
from helpers.judge.comparison import Comparison
from helpers.judge.crossed import Estimate

A_SHARE, ANY_NUMBER = (0.0, 1.0), (-np.inf, np.inf)


@dataclass(frozen=True)
class Measure:
    """A measure.

    Attributes:
        estimate: From results, comparison, task and backbone to an estimate.
        needs: Fields of `Comparison` that it needs.
        takes: Further fields that it uses if they are given; it takes no others but `arm`.
        is_ratio: Whether the estimate is the logarithm of what is shown and compared with thresholds.
        rests_on_attack: Whether a doubtful attack makes it doubtful, unless the claim is about clean images.
        bounds: Between which it lies, whatever its interval; None: where its quantity lies.
        quantities: Of which one is measured; none, if it takes no quantity.
        controls: With which of them it can be compared; none: with any.
    """

    estimate: Callable[[StudyResults, Comparison, str, str], Estimate]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    is_ratio: bool = False
    rests_on_attack: bool = True
    bounds: tuple[float, float] | None = ANY_NUMBER
    quantities: Collection[str] = ()
    controls: Collection[str] = ()

    def shown(self, estimate: Estimate, quantity: str | None) -> list[float]:
        """Return the value of a quantity and the ends of its 95% interval, on the scale of the thresholds."""
        numbers = np.array([estimate.value, *estimate.interval()])
        return np.clip(np.exp(numbers) if self.is_ratio else numbers, *self.limits(quantity)).tolist()

    def limits(self, quantity: str | None) -> tuple[float, float]:
        """Return between which numbers it lies."""
        return self.bounds or QUANTITIES[str(quantity)]


_of_explanations = partial(Measure, quantities=QUANTITIES, takes=("epsilon", "condition", "outcome"))
MEASURES = {
    "ratio of radii": Measure(accuracies.ratio_of_radii, ("other_arm",), is_ratio=True),
    "ratio of radii between tasks": Measure(accuracies.ratio_of_radii_between_tasks, ("other_tasks",), is_ratio=True),
    "accuracy": Measure(accuracies.accuracy, ("epsilon",), bounds=A_SHARE),
    "difference of accuracies": Measure(accuracies.difference_of_accuracies, ("other_arm", "epsilon")),
    "ratio of accuracies": Measure(accuracies.ratio_of_accuracies, ("other_arm", "epsilon"), is_ratio=True),
    "share of accuracy lost": Measure(accuracies.share_lost, ("epsilon",), bounds=A_SHARE),
    "explanation": _of_explanations(explanations.explanation, ("quantity",), bounds=None),
    "explanation against control": _of_explanations(explanations.explanation_against_control, ("quantity", "control")),
    "explanation between arms": _of_explanations(explanations.explanation_between_arms, ("quantity", "other_arm")),
    "explanation between epsilons": _of_explanations(
        explanations.explanation_between_epsilons, ("quantity", "epsilon", "other_epsilon")
    ),
    "explanation between tasks": _of_explanations(explanations.explanation_between_tasks, ("quantity", "other_tasks")),
    "detection": Measure(
        explanations.detection,
        ("quantity", "control", "epsilon"),
        bounds=A_SHARE,
        quantities=DETECTORS,
        controls=("clean", "noise"),
    ),
    "difference of clean accuracies": Measure(
        accuracies.difference_of_accuracies, ("other_arm",), rests_on_attack=False
    ),
    "parameters added": Measure(accuracies.parameters_added, ("other_arm",), rests_on_attack=False),
    "likeness of maps": Measure(
        explanations.maps_alike, ("quantity", "other_arm"), rests_on_attack=False, quantities=QUANTITIES
    ),
}
