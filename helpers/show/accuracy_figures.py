"""The figure of accuracy against epsilon: models of one task and backbone, with the numbers behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import recorded_config
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.results import StudyResults, rows_of_model
from helpers.artifacts.tables import ROBUSTNESS, steps_of
from helpers.config import Config
from helpers.errors import StudyError
from helpers.judge.statistics import accuracy_by_epsilon, in_whole_levels, majority_share
from helpers.show.accuracy_plots import accuracy_against_epsilon
from helpers.show.names import join_distinct, model_name, setting_name


@dataclass(frozen=True)
class Outcome:
    """An attack's outcome: the configuration it was made with, its table, and the verdict of its checks."""

    config: Config
    table: pd.DataFrame
    verdict: str

    @classmethod
    def of_folder(cls, folder: RunFolder) -> "Outcome":
        """Return the outcome that is in a run folder; its configuration is the one on record."""
        table, config = ROBUSTNESS.load(folder.robustness), recorded_config(folder.robustness)
        return cls(config, table, ChecksReport.load(folder.checks).verdict)

    @classmethod
    def of_results(cls, results: StudyResults, config: Config) -> "Outcome":
        """Return the outcome that is in a folder of results.

        Args:
            results: The results.
            config: Of the model; the profile's, as results hold no record of it.

        Raises:
            StudyError: the results have no such model.
        """
        verdict = rows_of_model(results.models, config).verdict.iloc[0]
        return cls(config, rows_of_model(results.radii, config), verdict)

    def curve(self, epsilons: Sequence[float] | None = None) -> pd.DataFrame:
        """Return `accuracy_by_epsilon`, with accuracy_8_bit if the table has levels; None: at those on record."""
        grid = self.config.epsilons if epsilons is None else epsilons
        curve = accuracy_by_epsilon(self.table, grid)
        if "levels" in self.table:
            curve["accuracy_8_bit"] = accuracy_by_epsilon(in_whole_levels(self.table), grid).accuracy
        return curve

    @property
    def labels(self) -> pd.Series:
        """Return the labels of the attacked images."""
        return self.table.drop_duplicates("image").label


def compare_models(
    folders: Iterable[RunFolder], *, epsilons: Sequence[float] | None = None
) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw the models in run folders, each `variant` of an attack that is compared; see `compare_outcomes`."""
    return compare_outcomes([Outcome.of_folder(folder) for folder in folders], epsilons=epsilons)


def compare_outcomes(
    outcomes: Sequence[Outcome], *, epsilons: Sequence[float] | None = None
) -> tuple[plt.Figure, pd.DataFrame]:
    """Draw accuracy against epsilon for models of one task and backbone; return the figure and its numbers.

    Args:
        outcomes: Of the models.
        epsilons: L∞ radii on pixels in [0, 1] at which accuracy is shown; None: those on record. Protocol "paper" has
            no others.

    Returns:
        The figure, and a table with a row per model and epsilon: task, source, backbone, attention, training, seed,
        epsilon, images, accuracy, low, high, attack_checks; under protocol "minimal" also accuracy_8_bit, against
        perturbations in whole grey levels.

    Raises:
        StudyError: a model was not attacked, or there is no record of how; two models have the same name.
    """
    names = [model_name(outcome.config) for outcome in outcomes]
    if len(set(names)) < len(names):
        raise StudyError(f"models: expected models with different names, got {'; '.join(names)}. Leave one out.")
    curves = [outcome.curve(epsilons) for outcome in outcomes]
    figure, axis = plt.subplots(figsize=(8, 4.4))
    accuracy_against_epsilon(
        axis,
        dict(zip(names, curves, strict=True)),
        verdicts={name: outcome.verdict for name, outcome in zip(names, outcomes, strict=True)},
        majority=majority_share(outcomes[0].labels),
    )
    axis.set_title(_title(outcomes))
    numbers = [named_curve(outcome, curve) for outcome, curve in zip(outcomes, curves, strict=True)]
    return figure, pd.concat(numbers, ignore_index=True)


def named_curve(outcome: Outcome, curve: pd.DataFrame) -> pd.DataFrame:
    """Return a curve with columns that name the model in front, and the verdict at the end."""
    names = ("task", "source", "backbone", "attention", "training", "seed")
    model = pd.DataFrame({name: getattr(outcome.config, name) for name in names}, index=curve.index)
    return model.join(curve).assign(attack_checks=outcome.verdict)


def _title(outcomes: Sequence[Outcome]) -> str:
    """Return what was attacked and how; where models differ in it, all that applies."""
    configs = [outcome.config for outcome in outcomes]
    images = join_distinct((str(len(outcome.labels)) for outcome in outcomes), " and ")
    size, seed = (join_distinct((str(getattr(c, name)) for c in configs), " and ") for name in ("image_size", "seed"))
    return (
        f"{setting_name(configs)}: {images} test images at {size} px, seed {seed}\n"
        f"L∞, {_attack_names(outcomes)}; bands: 95% intervals over lesions or patients"
    )


def _attack_names(outcomes: Sequence[Outcome]) -> str:
    """Return how models were attacked, in words; where the steps differ, all of them."""
    steps: dict[str, list[str]] = {}
    for outcome in outcomes:
        name = "minimum-norm attack of {} steps (protocol minimal)"
        if outcome.config.protocol == "paper":
            name = f"PGD of {{}} steps of ε/{1 / outcome.config.rel_stepsize:.3g} (protocol paper)"
        steps.setdefault(name, []).append(str(steps_of(outcome.table)))
    return " and ".join(name.format(join_distinct(taken, " and ")) for name, taken in steps.items())
