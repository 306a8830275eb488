"""The figure of accuracy against epsilon: models of one task and backbone, with the numbers behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import recorded_config
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import ROBUSTNESS
from helpers.config import Config
from helpers.errors import StudyError
from helpers.judge.statistics import accuracy_by_epsilon, majority_share
from helpers.show.accuracy_plots import accuracy_against_epsilon
from helpers.show.names import backbone_name, join_distinct, model_name, source_name


@dataclass(frozen=True)
class _Outcome:
    """An attack's outcome: the configuration it was made with, its table, and the verdict of its checks."""

    config: Config
    table: pd.DataFrame
    verdict: str

    @classmethod
    def load(cls, folder: RunFolder) -> "_Outcome":
        table, verdict = ROBUSTNESS.load(folder.robustness), ChecksReport.load(folder.checks).verdict
        return cls(recorded_config(folder.robustness), table, verdict)

    @property
    def clean(self) -> pd.DataFrame:
        return self.table[self.table.epsilon == 0]

    @property
    def curve(self) -> pd.DataFrame:
        return accuracy_by_epsilon(self.table)

    def numbers(self) -> pd.DataFrame:
        """Return the curve with columns that name the model in front, and the verdict at the end."""
        names = ("task", "source", "backbone", "attention", "training", "seed")
        curve = self.curve
        model = pd.DataFrame({name: getattr(self.config, name) for name in names}, index=curve.index)
        return model.join(curve).assign(attack_checks=self.verdict)


def compare_models(folders: Iterable[RunFolder]) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw accuracy against epsilon for models of one task and backbone; return the figure and its numbers.

    Whatever the title says comes from the records of the attacks, not from a profile.

    Args:
        folders: The run folders of the models, each `variant` of an attack that is compared.

    Returns:
        The figure, and a table with a row per model and epsilon: task, source, backbone, attention, training, seed,
        epsilon, images, accuracy, low, high, attack_checks.

    Raises:
        StudyError: a model was not attacked, or there is no record of how; two models have the same name.
    """
    outcomes = [_Outcome.load(folder) for folder in folders]
    names = [model_name(outcome.config) for outcome in outcomes]
    if len(set(names)) < len(names):
        raise StudyError(f"models: expected models with different names, got {'; '.join(names)}. Leave one out.")
    figure, axis = plt.subplots(figsize=(8, 4.4))
    accuracy_against_epsilon(
        axis,
        {name: outcome.curve for name, outcome in zip(names, outcomes, strict=True)},
        verdicts={name: outcome.verdict for name, outcome in zip(names, outcomes, strict=True)},
        majority=majority_share(outcomes[0].clean.label),
    )
    axis.set_title(_title(outcomes))
    return figure, pd.concat([outcome.numbers() for outcome in outcomes], ignore_index=True)


def _title(outcomes: Sequence[_Outcome]) -> str:
    """Return what was attacked and how; where models differ in it, all that applies."""
    configs = [outcome.config for outcome in outcomes]
    what = [join_distinct(map(name, configs)) for name in (lambda c: c.task, backbone_name, source_name)]
    images = join_distinct((str(len(outcome.clean)) for outcome in outcomes), " and ")
    size = join_distinct((str(config.image_size) for config in configs), " and ")
    protocol = join_distinct((config.protocol for config in configs), " and ")
    return (
        f"{', '.join(what)}: {images} test images at {size} px\n"
        f"L∞ PGD, {_steps(configs)}, protocol {protocol}; bands: 95% Wilson intervals"
    )


def _steps(configs: Sequence[Config]) -> str:
    """Return the attack's steps in words; where they differ, with the ways of training that they belong to."""
    trainings: dict[str, list[str]] = {}
    for config in configs:
        steps = f"{config.steps} steps of ε/{1 / config.rel_stepsize:.3g}"
        trainings.setdefault(steps, []).append(config.training)
    if len(trainings) == 1:
        return next(iter(trainings))
    return " and ".join(f"{steps} ({join_distinct(names)})" for steps, names in trainings.items())
