"""Collect the tables of a profile's run in one folder of results/: what notebook 07 and README are made of.

python -m helpers.show.collect --profile quick

With --so-far, a run that goes on can be judged already; and a run in parts, on several machines, becomes one folder.
"""

import itertools
import platform
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.model_file import count_parameters
from helpers.artifacts.origin import ORIGIN
from helpers.artifacts.records import recorded_config, recorded_facts, versions
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.results import ABOUT, MODEL, StudyResults, arm_of
from helpers.artifacts.tables import DETECTION, EXPLANATIONS, PREDICTIONS, ROBUSTNESS
from helpers.config import Config
from helpers.errors import StudyError
from helpers.explain.compare_maps import compare_maps
from helpers.explain.measure_table import MAP_PAIR_MEASURES
from helpers.judge.explanation_measures import LOST_WITH_MAP
from helpers.paths import display_path, from_root
from helpers.profile_files import OVERRIDE_SECTIONS, profile_path, read_profile
from helpers.profiles import read_models
from helpers.show.command_line import profile_parser
from helpers.show.finished import check_current, finished_models

DIGITS = 7  # of values in tables


def collect(profile: str, *, runs_dir: str | None = None, so_far: bool = False) -> StudyResults:
    """Return the results of a profile's run; `so_far`: of the models that are finished.

    Raises:
        StudyError: no such profile, or a model was not trained or attacked, or was trained again since; or no model is
            finished.
    """
    configs = finished_models(profile, runs_dir=runs_dir) if so_far else read_models(profile, runs_dir=runs_dir)
    for config in configs:
        check_current(config)
    standard = [config for config in configs if not config.is_adversarial]
    return StudyResults(
        about=_about(configs),
        models=pd.DataFrame(map(_model_row, configs)),
        radii=_stack(configs, _radii),
        clean=_stack(configs, _clean),
        explanations=_stack(standard, _explanations),
        maps=_compare_all_maps(standard),
        detection=_stack(standard, lambda config, folder: DETECTION.load(folder.detection).drop(columns="reason")),
    )


def _stack(configs: Sequence[Config], read: Callable[[Config, RunFolder], pd.DataFrame]) -> pd.DataFrame:
    """Return what `read` returns for each model, one below the other, with `MODEL` in front."""
    tables = []
    for config in configs:
        table = read(config, RunFolder.from_config(config))
        tables.append(pd.DataFrame(_key(config), index=table.index).join(table))
    return pd.concat(tables, ignore_index=True).round(DIGITS) if tables else pd.DataFrame(columns=list(MODEL))


def _key(config: Config) -> dict[str, str | int]:
    return dict(zip(MODEL, (config.task, config.backbone, arm_of(config), config.seed), strict=True))


def _model_row(config: Config) -> dict[str, Any]:
    folder = RunFolder.from_config(config)
    recorded = recorded_config(folder.robustness)
    return _key(config) | {
        "source": recorded.source,
        "classes": len(recorded.classes),
        "image_size": recorded.image_size,
        "parameters": count_parameters(folder.model),
        "data_seed": recorded.data_seed,
        "protocol": recorded.protocol,
        "attack_version": recorded_facts(folder.robustness, "stage_version")["stage_version"],
        "verdict": ChecksReport.load(folder.checks).verdict,
        **recorded_facts(folder.robustness, *ORIGIN, absent=""),
    }


def _radii(config: Config, folder: RunFolder) -> pd.DataFrame:
    table = ROBUSTNESS.load(folder.robustness)
    if "radius" not in table:
        raise StudyError(f"{folder.robustness}: expected radii, it is of protocol paper. Attack with protocol minimal.")
    return table.drop(columns=["seed", "prediction"])


def _clean(config: Config, folder: RunFolder) -> pd.DataFrame:
    table = PREDICTIONS.load(folder.predictions)
    if "group" not in table:
        raise StudyError(f"{folder.predictions}: expected a column group. Delete it, and run {PREDICTIONS.made_by}.")
    return table[["image", "group", "label"]].assign(right=(table.label == table.prediction).astype(int))


def _explanations(config: Config, folder: RunFolder) -> pd.DataFrame:
    table = EXPLANATIONS.load(folder.explanations)
    return with_vanished_maps(table[table.target != "predicted"]).drop(columns="reason")


def with_vanished_maps(table: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of explanations that have a value, and 0 for what is left of a map that vanished.

    A map that is zero everywhere has no rank order. But if the map of the unchanged image does not vanish, nothing of
    it is left: the correlation and the overlap of the two count as 0. Else only maps that survive would be compared.
    """
    clean = table[(table.condition == "clean") & (table.measure == "all zero")].set_index("image").value
    has_vanished = table.value.isna() & table.measure.isin(LOST_WITH_MAP) & (table.image.map(clean) == 0)
    has_vanished &= ~table.condition.str.startswith("shuffled")  # there, too few maps say so
    return table.assign(value=table.value.mask(has_vanished, 0.0)).dropna(subset="value")


def _compare_all_maps(configs: Sequence[Config]) -> pd.DataFrame:
    """Return how alike the maps of each two models of a task, backbone and seed are."""
    tables = []
    for one, other in itertools.combinations(configs, 2):
        if (one.task, one.backbone, one.seed) == (other.task, other.backbone, other.seed):
            table = compare_maps(RunFolder.from_config(one), RunFolder.from_config(other))
            about = _key(one) | {"other_arm": arm_of(other)}
            tables.append(
                pd.DataFrame(about, index=table.index).join(table[["image", "group", "condition", "measure", "value"]])
            )
    columns = [*MODEL, "other_arm", "image", "group", "condition", "measure", "value"]
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return found[found.measure.isin(MAP_PAIR_MEASURES) & found.value.notna()].round(DIGITS)


def _about(configs: Sequence[Config]) -> dict:
    return {
        "profile": profile_path(configs[0].profile).stem,
        "parameters": _parameters(configs[0].profile),
        "epsilons": list(configs[0].epsilons),
        "sources": {
            config.task: recorded_config(RunFolder.from_config(config).robustness).source for config in configs
        },
        "python": platform.python_version(),
        "versions": versions(),
    }


def _parameters(profile: str) -> dict:
    """Return the sections of a profile that hold parameters, without folders of this machine."""
    content = read_profile(profile)
    sections = {name: content[name] for name in ("parameters", *OVERRIDE_SECTIONS)}
    return {name: _without_folders(section) for name, section in sections.items()}


def _without_folders(section: dict) -> dict:
    return {
        key: _without_folders(value) if isinstance(value, dict) else value
        for key, value in section.items()
        if key not in ("data_dir", "runs_dir")
    }


def main() -> None:
    """Read the command line, and collect."""
    parser = profile_parser(__doc__)
    parser.add_argument("--to", help="folder of the tables; default: results/<profile>")
    parser.add_argument(
        "--so-far", action="store_true", help="of the finished models only; others that the folder has stay in it"
    )
    arguments = parser.parse_args()
    folder = from_root(arguments.to or f"results/{profile_path(arguments.profile).stem}")
    try:
        results = collect(arguments.profile, runs_dir=arguments.runs_dir, so_far=arguments.so_far)
        if arguments.so_far and (folder / ABOUT).is_file():
            results = results.join(StudyResults.load(folder))
        for path in results.save(folder):
            print(f"wrote {display_path(path)}")
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
