"""The models that notebook 04 compares, and where their outcomes come from: a run, or tables in results/."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.results import StudyResults
from helpers.attentions import ATTENTIONS
from helpers.config import Config
from helpers.datasets.manifest import read_model_config
from helpers.errors import StudyError
from helpers.lists import read_choices
from helpers.paths import ROOT
from helpers.profile_files import profile_path
from helpers.profiles import find_models, read_config
from helpers.show.accuracy_figures import Outcome
from helpers.show.names import model_name


@dataclass(frozen=True)
class Compared:
    """Models of one task, backbone and seed, and how they are attacked.

    Attributes:
        configs: A configuration for each model, in the order in which they were named, or else the profile's.
        has_models: Whether all models are in their run folders.
        has_run: Whether all models are there, or all outcomes: a run that was shared comes without models.
    """

    configs: list[Config]
    has_models: bool
    has_run: bool

    @classmethod
    def from_parameters(
        cls, *, attentions: Any = None, training: str | None = None, attack: Mapping[str, Any], **same: Any
    ) -> "Compared":
        """Choose the models by a notebook's parameters.

        Args:
            attentions: Names, or text such as "none, soft"; None: those of the profile.
            training: How the models learned; None: as in the profile, or "standard" if attentions are named.
            attack: Parameters of the attack; those that are None are the profile's.
            same: profile, task, backbone, seed and runs_dir.

        Raises:
            StudyError: an unknown name or value, the profile has no such model, or there is no run, and another attack
                than the profile's is asked for.
        """
        if attentions is not None:
            kinds = [(name, training or "standard") for name in read_choices("attentions", attentions, ATTENTIONS)]
        else:
            kinds = [(model.attention, model.training) for model in find_models(**same, training=training)]
        chosen = [{**same, "attention": name, "training": how, **attack} for name, how in kinds]
        configs = [read_config(**each) for each in chosen]
        folders = [RunFolder.from_config(config) for config in configs]
        has_models = all(folder.model.is_file() for folder in folders)
        if has_models or all(folder.robustness.is_file() for folder in folders):
            return cls([read_model_config(**each) for each in chosen], has_models, has_run=True)
        usual = read_config(**{**chosen[0], **dict.fromkeys(attack)})
        other = [name for name in attack if name != "epsilons" and getattr(configs[0], name) != getattr(usual, name)]
        if other:
            missing = next(folder.path for folder in folders if not folder.model.is_file())
            raise StudyError(
                f"{other[0]}: expected a model to attack in {missing}, found none; the tables in results/ are of the "
                "profile's own attack. Run notebook 02 or 03 first, or leave this parameter out."
            )
        return cls(configs, has_models, has_run=False)

    def outcomes(self, folders: Mapping[str, RunFolder]) -> dict[str, Outcome]:
        """Return {model's name: outcome of its attack}, from these folders, or from results/ if there is no run.

        Raises:
            StudyError: there is no run, and results/ has no such models.
        """
        if self.has_run:
            return {name: Outcome.of_folder(folder) for name, folder in folders.items()}
        results = StudyResults.load(ROOT / "results" / profile_path(self.configs[0].profile).stem)
        return {model_name(config): Outcome.of_results(results, config) for config in self.configs}
