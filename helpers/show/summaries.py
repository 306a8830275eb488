"""Summaries of results: accuracies by epsilon, as tables and figures, and measures of explanations, by model."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts.results import StudyResults, rows_of_model
from helpers.config import Config
from helpers.profiles import read_config
from helpers.show.accuracy_figures import Outcome, compare_outcomes, named_curve
from helpers.show.figures import save_figure
from helpers.show.model_tables import measures_of_results, summarise_measures


def models_of(results: StudyResults) -> list[Config]:
    """Return the configurations of the models that results are about, whether their profile lists them today or not."""
    models = []
    for row in results.models.itertuples():
        is_adversarial = row.arm == "adversarial"
        models.append(
            read_config(
                profile=results.about["profile"],
                task=row.task,
                backbone=row.backbone,
                attention="none" if is_adversarial else row.arm,
                training="adversarial" if is_adversarial else "standard",
                seed=row.seed,
            )
        )
    return models


def summarise_accuracies(results: StudyResults) -> pd.DataFrame:
    """Return a row per model and epsilon of the run, as `compare_outcomes` does."""
    curves = [named_curve(each, each.curve(results.about["epsilons"])) for each in _outcomes_of(results)]
    return pd.concat(curves, ignore_index=True)


def _outcomes_of(results: StudyResults) -> list[Outcome]:
    models = [(config, rows_of_model(results.models, config).source.iloc[0]) for config in models_of(results)]
    return [Outcome.of_results(results, config.replace(source=source)) for config, source in models]


def draw_accuracies(results: StudyResults, figures: Path) -> list[Path]:
    """Draw accuracy against epsilon for every task and backbone, of the first seed; return the paths."""
    seed, paths = results.models.seed.min(), []
    groups: dict[str, list[Outcome]] = {}
    for each in _outcomes_of(results):
        if each.config.seed == seed:
            groups.setdefault(f"{each.config.task}-{each.config.backbone}-seed{seed}", []).append(each)
    for name, alike in groups.items():
        figure, _ = compare_outcomes(alike, epsilons=results.about["epsilons"])
        paths.append(save_figure(figure, figures / f"accuracy_against_epsilon-{name}.png"))
    return paths


def summarise_explanations(results: StudyResults) -> pd.DataFrame:
    """Return mean and interval of every measure, over all trainings of a model together (see `summarise_measures`).

    A map that vanished counts as unlike the one it is compared with (see `collect`).
    """
    explained = [config for config in models_of(results) if not config.is_adversarial]
    return summarise_measures(measures_of_results(results, explained))


def save_summaries(results: StudyResults, folder: Path) -> list[Path]:
    """Write both summaries beside a folder of results; return their paths.

    Args:
        results: What to summarise.
        folder: For results/quick, the summaries are results/quick.csv and results/quick_explanations.csv.
    """
    tables = {".csv": summarise_accuracies(results), "_explanations.csv": summarise_explanations(results)}
    paths = [folder.with_name(folder.name + ending) for ending in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        files.write_table(table.round(6), path)
    return paths
