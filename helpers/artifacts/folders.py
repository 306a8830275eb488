"""The folders of a run, and the names of the files in them."""

import json
from dataclasses import dataclass
from pathlib import Path

from helpers import files
from helpers.config import Config
from helpers.errors import StudyError
from helpers.paths import from_root
from helpers.profile_files import profile_name, profile_path
from helpers.trainings import training_suffix

OWNER = "profile.json"  # in a profile's folder: which profile it belongs to
RUN_NAME = "{backbone}-{attention}{training}-seed{seed}"  # of a model's folder; training as `training_suffix` has it


def images_folder(config: Config) -> Path:
    """Return where images that the study itself writes are kept, for all profiles of a `runs_dir`."""
    return from_root(config.runs_dir) / "_images"  # no profile is called so


@dataclass(frozen=True)
class ProfileFolder:
    """The folder of everything that a profile's run leaves."""

    path: Path

    @classmethod
    def from_config(cls, config: Config) -> "ProfileFolder":
        return cls(from_root(config.runs_dir) / profile_path(config.profile).stem)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def notebooks(self) -> Path:
        return self.path / "notebooks"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def results(self) -> Path:
        return self.path / "results"

    @property
    def profile(self) -> Path:
        return self.path / "profile.yaml"

    @property
    def metadata(self) -> Path:
        return self.path / "ro-crate-metadata.json"

    def claim(self, profile: str) -> None:
        """Record which profile the folder belongs to, and keep a copy of the profile.

        Raises:
            StudyError: it belongs to another profile of the same name, whose file still exists.
        """
        owner, name = self.path / OWNER, profile_name(profile)
        recorded = json.loads(owner.read_text())["profile"] if owner.is_file() else None
        if recorded not in (None, name) and profile_path(recorded).is_file():
            raise StudyError(
                f"profile: {self.path} holds the run of {recorded}, expected that of {name}. Rename one of the two "
                "profiles, or choose another runs_dir."
            )
        content = profile_path(profile).read_bytes()
        if recorded != name or not self.profile.is_file() or self.profile.read_bytes() != content:
            with files.atomic_write(self.profile) as temporary:
                temporary.write_bytes(content)
            files.write_json({"profile": name}, owner)


@dataclass(frozen=True)
class TaskFolder:
    """The folder that all models of one task share."""

    path: Path

    @classmethod
    def from_config(cls, config: Config) -> "TaskFolder":
        return cls(ProfileFolder.from_config(config).path / config.task)

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.csv"

    @property
    def manifest_report(self) -> Path:
        return self.path / "manifest_report.json"


@dataclass(frozen=True)
class PretrainedFolder:
    """The folder of one backbone's weights that all its models start from."""

    path: Path

    @classmethod
    def from_config(cls, config: Config) -> "PretrainedFolder":
        return cls(ProfileFolder.from_config(config).path / "pretrained" / config.backbone)

    @property
    def weights(self) -> Path:
        return self.path / "backbone.weights.h5"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.npz"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one model. `suffix` keeps attacks with other parameters than the profile's apart."""

    path: Path
    suffix: str = ""

    @classmethod
    def from_config(cls, config: Config) -> "RunFolder":
        name = RUN_NAME.format(
            backbone=config.backbone,
            attention=config.attention,
            training=training_suffix(config.training),
            seed=config.seed,
        )
        return cls(TaskFolder.from_config(config).path / name)

    def variant(self, name: str) -> "RunFolder":
        """Return the same folder with the attack's files named after a variant; "" is the profile's own attack."""
        return RunFolder(self.path, f"-{name}" if name else "")

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.npz"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def robustness(self) -> Path:
        return self.path / f"robustness{self.suffix}.csv"

    def part(self, number: int, digest: str) -> Path:
        """Return where a block of images' rows are kept until all are there; `digest` tells parameters apart."""
        return self.path / f"robustness{self.suffix}.part{number}-{digest}.csv"

    def unchecked(self, digest: str) -> Path:
        """Return where the attack of the first block is kept until its rows are; hidden, as it holds all its images."""
        rows = self.part(0, digest)
        return rows.with_name(f".{rows.stem}.npz")

    def parts(self) -> list[Path]:
        """Return the files that `part` and `unchecked` name, of any digest."""
        return sorted(self.path.glob(f"*robustness{self.suffix}.part*"))

    @property
    def checks(self) -> Path:
        return self.path / f"checks{self.suffix}.json"

    @property
    def adversarials(self) -> Path:
        return self.path / f"adversarials{self.suffix}.npz"

    @property
    def explanations(self) -> Path:
        return self.path / f"explanations{self.suffix}.csv"

    @property
    def maps(self) -> Path:
        return self.path / f"explanations{self.suffix}.npz"

    @property
    def detection(self) -> Path:
        return self.path / f"detection{self.suffix}.csv"
