"""Where things live. Relative paths start at the repository's root, whatever the current folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.config import Config

ROOT = Path(__file__).resolve().parents[1]


def from_root(path: str | Path) -> Path:
    """Return an absolute path; a relative one is taken from the repository's root."""
    return ROOT / Path(path).expanduser()


def shown(path: Path) -> str:
    """Return a path as a reader may see it: relative to the root where it lies below it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@dataclass(frozen=True)
class TaskFolder:
    """The folder that all models of one task share."""

    path: Path

    @classmethod
    def of(cls, config: "Config") -> "TaskFolder":
        return cls(from_root(config.runs_dir) / Path(config.profile).stem / config.task)

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
    def of(cls, config: "Config") -> "PretrainedFolder":
        return cls(from_root(config.runs_dir) / Path(config.profile).stem / "pretrained" / config.backbone)

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

    def __post_init__(self):
        object.__setattr__(self, "path", Path(self.path))

    @classmethod
    def of(cls, config: "Config") -> "RunFolder":
        kind = "" if config.training == "standard" else f"-{config.training}"
        name = f"{config.backbone}-{config.attention}{kind}-seed{config.seed}"
        return cls(TaskFolder.of(config).path / name)

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
        """Return where a block of images' rows lie until all are there; `digest` tells other parameters apart."""
        return self.path / f"robustness{self.suffix}.part{number}-{digest}.csv"

    def parts(self) -> list[Path]:
        return sorted(self.path.glob(f"robustness{self.suffix}.part*.csv"))

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
