"""Reading profiles, the YAML files in params/: models or a grid, parameters, and what differs by task or backbone."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from helpers.backbones import BACKBONES
from helpers.config import Config, check_values, make_config
from helpers.errors import StudyError, check_choice
from helpers.grid import expand_grids
from helpers.parameters import ImageParameters
from helpers.paths import ROOT, from_root, path_problem
from helpers.tasks import TASKS
from helpers.trainings import TRAININGS, split_training

# Sections of a profile that override `parameters`, and the names allowed in them
OVERRIDE_SECTIONS: dict[str, Collection[str]] = {"backbones": BACKBONES, "tasks": TASKS, "trainings": TRAININGS}
MODEL_KEYS = ("task", "backbone", "attention", "training", "seed")  # what tells the models of a profile apart


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
            check_choice(f"{path}: {section}", str(name).split("-")[0], known)
            _check_overrides(path, section, name, overrides)
    _mapping(path, "parameters", content["parameters"])
    _check_models(path, models := content.get("models", []))
    of_grid, variants = expand_grids(f"{path}: grid", content.pop("grid", []), content["trainings"])
    content["trainings"] |= variants
    if not (models := [*models, *of_grid]):
        raise StudyError(f"{path}: models: expected a list of at least one model, or a grid; found none.")
    return content | {"models": models}


def _mapping(path: Path, entry: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudyError(f"{path}: {entry}: expected names and values, got {value!r:.80}.")
    return value


def _check_overrides(path: Path, section: str, name: str, overrides: Any) -> None:
    of_images = _mapping(path, f"{section}.{name}", overrides).keys() & ImageParameters.model_fields.keys()
    if of_images and section != "tasks":
        raise StudyError(
            f"{path}: {section}.{name}: expected no parameter of the images, which all models of a task share; got "
            f"{', '.join(sorted(of_images))}. Put it under `parameters` or `tasks`."
        )


def _check_models(path: Path, models: Any) -> None:
    if not isinstance(models, list):
        raise StudyError(f"{path}: models: expected a list of at least one model, got {models!r:.80}.")
    for number, model in enumerate(models, start=1):
        for key in _mapping(path, f"models, entry {number}", model):
            check_choice(f"{path}: models, entry {number}", key, MODEL_KEYS)


def read_config(*, profile: str, **overrides: Any) -> Config:
    """Return the profile's parameters, replaced by those of its sections that apply, and then by overrides.

    Args:
        profile: The name of a file in params/ ("quick"), or the path of a YAML file.
        overrides: Parameters of `Config` by name; None leaves the profile's value. Task, backbone, attention, training
            and seed that are not given are those of the profile's first model that has the given ones.

    Raises:
        StudyError: one error that lists everything that is wrong.
    """
    return _make(profile, read_profile(profile), overrides)


def _make(profile: str, content: Mapping[str, Any], overrides: Mapping[str, Any]) -> Config:
    given = {name: value for name, value in overrides.items() if value is not None}
    if not given.keys() >= set(MODEL_KEYS):
        given = _first_model(content["models"], given) | given
    parameters = dict(content["parameters"])
    for section in OVERRIDE_SECTIONS:
        name = given[section.removesuffix("s")]
        for each in (
            dict.fromkeys((split_training(name)[0], name)) if isinstance(name, str) else ()
        ):  # of another type: refused below
            parameters |= content[section].get(each, {})
    if isinstance(given["training"], str):
        check_choice("training", given["training"], dict.fromkeys((*TRAININGS, *content["trainings"])))
    return make_config({"profile": profile, **parameters, **given})


def _first_model(models: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `MODEL_KEYS` of the first model that has the given ones, as far as there is one."""
    defaults = {key: Config.model_fields[key].default for key in MODEL_KEYS}
    candidates = [defaults | model for model in models]
    for key in MODEL_KEYS:
        if key in given:
            candidates = [model for model in candidates if model[key] == given[key]] or candidates
    return candidates[0]


def read_models(profile: str, *, runs_dir: str | None = None) -> list[Config]:
    """Return the configuration of every model that a profile lists; `runs_dir` replaces the profile's.

    Raises:
        StudyError: an entry is wrong, or names the same model as an earlier one.
    """
    configs: dict[tuple, Config] = {}
    defaults = {key: Config.model_fields[key].default for key in MODEL_KEYS}
    content = read_profile(profile)
    for number, model in enumerate(content["models"], start=1):
        named = ", ".join(str(model[key]) for key in MODEL_KEYS if key in model)
        entry = f"{profile_path(profile)}: models, entry {number} ({named})"
        try:
            config = _make(profile, content, {"runs_dir": runs_dir, **defaults, **model})
        except StudyError as error:
            raise StudyError(f"{entry}: {error}") from error
        if (key := tuple(getattr(config, name) for name in MODEL_KEYS)) in configs:
            raise StudyError(f"{entry}: expected another model, an earlier entry is the same. Drop one of them.")
        configs[key] = config
    return list(configs.values())


def select_models(models: list[Config], **properties: Any) -> list[Config]:
    """Return the models that have all these properties; None: any."""
    wanted = {name: value for name, value in properties.items() if value is not None}
    return [model for model in models if all(getattr(model, name) == value for name, value in wanted.items())]


def find_models(profile: str, *, runs_dir: str | None = None, **properties: Any) -> list[Config]:
    """Return the models of a profile that have all these properties; None: any.

    Raises:
        StudyError: there are none, and the message lists those of the profile; or a property is no such value.
    """
    models = read_models(profile, runs_dir=runs_dir)
    wanted = check_values(**{name: value for name, value in properties.items() if value is not None})
    if not (found := select_models(models, **wanted)):
        properties_wanted = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        listed = "; ".join(", ".join(str(getattr(model, name)) for name in MODEL_KEYS) for model in models)
        raise StudyError(
            f"profile {profile}: expected a model with {properties_wanted}, found none. It lists "
            f"({', '.join(MODEL_KEYS)}): {listed}."
        )
    return found


def read_backbone_parameters(profile: str, backbone: str) -> dict[str, Any]:
    """Return the profile's `parameters`, replaced by those of its section for a backbone: what all its models share."""
    content = read_profile(profile)
    return {**content["parameters"], **content["backbones"].get(backbone, {})}


def profile_tasks(profile: str) -> list[str]:
    """Return the names of the tasks of a profile's models, each once, in the order of `TASKS`."""
    tasks = {config.task for config in read_models(profile)}
    return [name for name in TASKS if name in tasks]


def profile_name(profile: str) -> str:
    """Return what identifies a profile in records: its name if it is in params/, else its path."""
    path = profile_path(profile)
    return path.stem if path.parent == ROOT / "params" else str(path)
