"""Copies of the repository, in which tests run the workflow.

The clone, the profile and the folder of runs have names with all that shells, Snakemake and YAML treat specially.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from helpers.paths import ROOT
from helpers.profile_files import read_profile

SPECIAL = "Ann's {study} #1, a=b & $c"  # a name of a folder
TABLES = ("*/manifest.csv", "*/*/robustness.csv", "*/*/predictions.csv", "*/*/explanations.csv", "*/*/checks.json")
PARTS_OF_A_CLONE = ("helpers", "notebooks", "params", "results", "workflow", "pyproject.toml")


@dataclass(frozen=True)
class Clone:
    """A copy of the repository, with a profile and a folder of runs."""

    path: Path
    profile: Path
    runs: Path

    @property
    def folder(self):
        return self.runs / self.profile.stem

    @property
    def tables(self):
        """Return the content of the tables of a finished run, by their paths."""
        found = [path for pattern in TABLES for path in self.folder.glob(pattern)]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def call(self, *command, environment=None):
        """Run a Python command in the clone."""
        path = os.pathsep.join([str(self.path), os.environ["PYTHONPATH"]])
        environment = {**(environment or os.environ), "PYTHONPATH": path}
        return subprocess.run(
            [sys.executable, *command], cwd=self.path, capture_output=True, text=True, check=False, env=environment
        )

    def run(self, *arguments, environment=None):
        """Run the workflow."""
        config = ["--config", f"profile={self.profile}", f"runs_dir={self.runs}"]
        return self.call("workflow/run.py", *arguments, *config, environment=environment)


def make_clone(folder, smoke_profile, *, name=SPECIAL, attentions=("none", "soft")):
    """Copy the repository into a folder, with a profile of its own: the models of another with these attentions."""
    content = read_profile(smoke_profile)
    content["models"] = [model for model in content["models"] if model["attention"] in attentions]
    path = folder / name / "clone"
    path.mkdir(parents=True)
    for part in PARTS_OF_A_CLONE:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, path / part)
    profile = folder / name / "my {profile} #2.yaml"
    profile.write_text(yaml.safe_dump(content))
    return Clone(path, profile, folder / name / "runs")
