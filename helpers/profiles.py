"""The models of a profile, each with all its parameters: those of the profile, of its sections, and what is given."""

from collections.abc import Mapping
from typing import Any

from helpers.config import Config, check_values, make_config
from helpers.errors import StudyError, check_choice
from helpers.grid import SHARED_BY_COMPARED
from helpers.profile_files import MODEL_KEYS, OVERRIDE_SECTIONS, profile_path, read_profile
from helpers.tasks import TASKS
from helpers.trainings import TRAININGS, split_training


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
        if isinstance(name, str):  # of another type: refused below
            for each in dict.fromkeys((split_training(name)[0], name)):  # a training's kind, and its variant
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
    _check_shared(profile, list(configs.values()))
    return list(configs.values())


def _check_shared(profile: str, models: list[Config]) -> None:
    """Check that models that are compared image by image can be."""
    first: dict[tuple[str, str], Config] = {}
    for model in models:
        other = first.setdefault((model.task, model.backbone), model)
        for name in SHARED_BY_COMPARED:
            one, two = getattr(other, name), getattr(model, name)
            if one != two:
                raise StudyError(
                    f"{profile_path(profile)}: {name}: expected the same for all models of a task and backbone, as "
                    f"they are compared; got {one!r} ({other.training}) and {two!r} ({model.training})."
                )


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
