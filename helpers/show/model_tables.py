"""Tables over several models, each row with the model that it is about, from the files of their runs."""

from collections.abc import Iterable

import pandas as pd

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.quantities import QUANTITIES
from helpers.artifacts.records import recorded_config
from helpers.artifacts.results import StudyResults, rows_of_model
from helpers.artifacts.tables import EXPLANATIONS, PREDICTIONS
from helpers.config import Config
from helpers.explain.measure_table import SHARES
from helpers.judge.statistics import clean_summary, summarise
from helpers.profile_files import MODEL_KEYS
from helpers.profiles import read_models
from helpers.show.names import model_name


def clean_accuracies(profile: str, *, runs_dir: str | None = None) -> pd.DataFrame:
    """Return `MODEL_KEYS` and `clean_summary` of the test split, a row for each model of a profile that is trained.

    Args:
        profile: The name of a file in params/ ("quick"), or the path of a YAML file.
        runs_dir: Where the runs are; None: as the profile says.

    Raises:
        StudyError: no such profile, or predictions without a record.
    """
    rows = []
    for folder in map(RunFolder.from_config, read_models(profile, runs_dir=runs_dir)):
        if folder.predictions.is_file():
            model = recorded_config(folder.predictions).model_dump(include=set(MODEL_KEYS))
            summary = clean_summary(PREDICTIONS.load(folder.predictions))
            rows.append({name: model[name] for name in MODEL_KEYS} | summary)
    return pd.DataFrame(rows)


def read_measures(folders: Iterable[RunFolder]) -> pd.DataFrame:
    """Return the tables of explanations of some models as one, with the columns task, backbone and model in front.

    Raises:
        StudyError: a model has no explanation, or one without a record.
    """
    tables = []
    for folder in folders:
        table = EXPLANATIONS.load(folder.explanations)
        config = recorded_config(folder.explanations)
        model = {"task": config.task, "backbone": config.backbone, "model": model_name(config)}
        tables.append(pd.DataFrame(model, index=table.index).join(table))
    return pd.concat(tables, ignore_index=True)


def measures_of_results(results: StudyResults, configs: Iterable[Config]) -> pd.DataFrame:
    """Return the same of some models from a folder of results, which leaves out what has no value.

    Raises:
        StudyError: the results have no explanation of a model.
    """
    tables = []
    for config in configs:
        rows = rows_of_model(results.explanations, config)
        model = {"task": config.task, "backbone": config.backbone, "model": model_name(config)}
        tables.append(pd.DataFrame(model, index=rows.index).join(rows))
    return pd.concat(tables, ignore_index=True)


def summarise_measures(measured: pd.DataFrame) -> pd.DataFrame:
    """Return mean and interval of every measure of every model under every condition (see `summarise`).

    Args:
        measured: What `read_measures` returned.
    """
    keys = ["task", "backbone", "model", "condition", "epsilon", "target", "measure"]
    return summarise(measured, keys, shares=SHARES, ranges=QUANTITIES)
