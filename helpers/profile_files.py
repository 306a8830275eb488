"""The YAML files of profiles: where they are, and what they hold."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from helpers.backbones import BACKBONES
from helpers.config import Config
from helpers.errors import StudyError, check_choice
from helpers.grid import expand_grids
from helpers.parameters import ImageParameters
from helpers.paths import ROOT, from_root, path_problem
from helpers.tasks import TASKS
from helpers.trainings import TRAININGS, split_training

# Sections of a profile that override `parameters`, and the names (of trainings: the kinds) allowed in them
OVERRIDE_SECTIONS: dict[str, Collection[str]] = {"backbones": BACKBONES, "tasks": TASKS, "trainings": TRAININGS}
MODEL_KEYS = ("task", "backbone", "attention", "training", "seed")  # what tells the models of a profile apart


def name_job(job: str, properties: Mapping[str, Any]) -> str:
    """Return a job's name with the model that it is for, if any: "attack (skin_lesion resnet50 soft standard 0)"."""
    model = " ".join(str(properties[key]) for key in MODEL_KEYS if properties.get(key) is not None)
    return f"{job} ({model})" if model else job


def profile_path(profile: str) -> Path:
    """Return where a profile is: the name of a file in params/ ("quick"), or the path of any YAML file.

    Raises:
        StudyError: it can be no path.
    """
    if not isinstance(profile, str) or not profile:
        raise StudyError(f"profile: expected a name, such as quick, or the path of a YAML file; got {profile!r:.80}.")
    if problem := path_problem(profile):
        raise StudyError(f"profile: {problem}.")
    return from_root(profile if profile.endswith((".yaml", ".yml")) else f"params/{profile}.yaml").resolve()


def profile_name(profile: str) -> str:
    """Return what identifies a profile in records: its name if it is in params/, else its path."""
    path = profile_path(profile)
    return path.stem if path.parent == ROOT / "params" else str(path)


def read_profile(profile: str) -> dict[str, Any]:
    """Return a profile's content: its `models`, its `parameters`, and the sections that override these.

    The models of its `grid` (see `helpers.grid`) follow those that it lists.

    Args:
        profile: The name of a file in params/ ("quick"), or the path of a YAML file.

    Raises:
        StudyError: no such file, no YAML, or unknown entries.
    """
    path = profile_path(profile)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (ROOT / "params").glob("*.yaml")))
        raise StudyError(
            f"profile: expected one of {known}, or the path of a YAML file; got {profile!r}, and {path} is not there."
        )
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: expected YAML; {error}") from error
    optional = {*OVERRIDE_SECTIONS, "models", "grid"}
    if not isinstance(content, dict) or content.keys() - optional != {"parameters"}:
        raise StudyError(
            f"{path}: expected the entries `models` or `grid` (or both), `parameters` and, optionally, "
            f"{', '.join(OVERRIDE_SECTIONS)}; got {content!r:.80}"
        )
    for section, known in OVERRIDE_SECTIONS.items():
        for name, overrides in _mapping(path, section, content.setdefault(section, {})).items():
            check_choice(f"{path}: {section}", split_training(str(name))[0] if section == "trainings" else name, known)
            _check_overrides(path, section, name, overrides)
    _mapping(path, "parameters", content["parameters"])
    _check_models(path, models := content.get("models", []))
    of_grid, variants = expand_grids(f"{path}: grid", content.pop("grid", []), content["trainings"])
    for key in {key for values in variants.values() for key in values if Config.model_fields[key].is_required()}:
        if key not in content["parameters"]:
            raise StudyError(f"{path}: parameters: expected {key}, too: models outside the grid need a value.")
    content["trainings"] |= variants
    if not (models := [*models, *of_grid]):
        raise StudyError(f"{path}: models: expected a list of at least one model, or a grid; found none.")
    return content | {"models": models}


def _mapping(path: Path, entry: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudyError(f"{path}: {entry}: expected names and values, got {value!r:.80}.")
    return value


def _check_overrides(path: Path, section: str, name: str, overrides: Any) -> None:
    shared = set() if section == "tasks" else set(ImageParameters.model_fields)
    shared |= {"pretraining"} if section == "trainings" else set()
    if wrong := sorted(_mapping(path, f"{section}.{name}", overrides).keys() & shared):
        raise StudyError(
            f"{path}: {section}.{name}: expected no parameter of what its models share with others, their images and "
            f"their backbone's pretraining; got {', '.join(wrong)}. Put it under `parameters` or another section."
        )


def _check_models(path: Path, models: Any) -> None:
    if not isinstance(models, list):
        raise StudyError(f"{path}: models: expected a list of at least one model, got {models!r:.80}.")
    for number, model in enumerate(models, start=1):
        for key in _mapping(path, f"models, entry {number}", model):
            check_choice(f"{path}: models, entry {number}", key, MODEL_KEYS)
