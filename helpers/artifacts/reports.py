"""The reports of a run: what a manifest left out, and what the checks of an attack said."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import files
from helpers.errors import StudyError


@dataclass(frozen=True)
class ManifestReport:
    """What was found while a manifest was made: manifest_report.json.

    Attributes:
        images: How many images the manifest has.
        skipped: {image: why it was left out}.
        near_duplicates: (test image, image of another split, correlation of their thumbnails).
        images_digest: Digest of the content of all image files; "" for phantoms, which their parameters determine.
        masks_digest: The same of all mask files.
        notes: What was chosen among several, what was merged, and what looks odd.
    """

    images: int
    skipped: dict[str, str]
    near_duplicates: list[tuple[str, str, float]]
    images_digest: str = ""
    masks_digest: str = ""
    notes: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it to a file, atomically."""
        files.write_json(asdict(self), path)

    @classmethod
    def load(cls, path: Path) -> "ManifestReport":
        """Read it from a file."""
        return cls(**_read(path, made_by="notebook 01_prepare_data"))


@dataclass(frozen=True)
class ChecksReport:
    """What the checks of an attack said: checks.json.

    Attributes:
        verdict: "trusted", "doubtful" or "broken".
        checks: One entry per check: name, passed, value, threshold, otherwise, meaning.
    """

    verdict: str
    checks: list[dict[str, Any]]

    @property
    def table(self) -> pd.DataFrame:
        """Return the checks, a row each."""
        return pd.DataFrame(self.checks)

    def save(self, path: Path) -> None:
        """Write it to a file, atomically."""
        files.write_json(asdict(self), path)

    @classmethod
    def load(cls, path: Path) -> "ChecksReport":
        """Read it from a file."""
        return cls(**_read(path, made_by="notebook 04_evaluate_pgd, or make study,"))


def _read(path: Path, *, made_by: str) -> dict[str, Any]:
    if not path.is_file():
        raise StudyError(f"{path}: expected a report, it is not there. Run {made_by} first.")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise StudyError(f"{path}: expected JSON ({error}). Delete it, and run {made_by}.") from error
