"""Which models of a profile are finished: trained, and attacked and explained as they are now."""

from collections.abc import Iterator
from pathlib import Path

from helpers import files
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import recorded, recorded_digest
from helpers.config import Config
from helpers.errors import StudyError
from helpers.profiles import read_models


def finished_models(profile: str, *, runs_dir: str | None = None) -> list[Config]:
    """Return the models of a profile that were trained, attacked and, if they are to be, explained.

    Outcomes of a model that was trained again since, or of an attack in other steps, do not count.

    Raises:
        StudyError: no such profile, or no model is finished.
    """
    configs = [config for config in read_models(profile, runs_dir=runs_dir) if _is_finished(config)]
    if not configs:
        raise StudyError(f"profile {profile}: expected a finished model, found none. Run make study first.")
    return configs


def check_current(config: Config) -> None:
    """Raise a StudyError if an outcome is of a model that was trained again since, or of an attack in other steps."""
    for problem in _outdated(config):
        raise StudyError(f"{problem}. Run make study again, with this profile.")


def _is_finished(config: Config) -> bool:
    folder = RunFolder.from_config(config)
    needed = [*_outcomes(config), folder.checks, *([] if config.is_adversarial else [folder.maps, folder.detection])]
    return all(path.is_file() for path in needed) and not any(_outdated(config))


def _outcomes(config: Config) -> list[Path]:
    """Return the tables whose records name the model that they are of."""
    folder = RunFolder.from_config(config)
    return [folder.predictions, folder.robustness, *([] if config.is_adversarial else [folder.explanations])]


def _outdated(config: Config) -> Iterator[str]:
    """Yield what makes an outcome that of another model or attack, by the records."""
    folder = RunFolder.from_config(config)
    trained = recorded_digest(folder.model)
    if trained is None and folder.model.is_file():  # a training that was killed has removed the record
        trained = files.digest(folder.model)
    for path in _outcomes(config):
        of = recorded(path).get("model_digest", trained)
        if trained and of != trained:
            yield f"{path}: expected the outcome of {folder.model.name} as it is, got one of an earlier model"
    attacked = recorded_digest(folder.robustness, folder.adversarials.name)
    explained = recorded(folder.explanations).get("adversarials_digest", attacked)
    if not config.is_adversarial and attacked and explained != attacked:
        yield f"{folder.explanations}: expected explanations of {folder.adversarials.name} as it is, got earlier ones"
    if (steps := recorded(folder.robustness).get("steps", config.steps)) != config.steps:
        yield f"{folder.robustness}: expected an attack of {config.steps} steps, as in the profile, got one of {steps}"
