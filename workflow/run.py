"""Run the workflow on this machine, in the profile's folder of runs; a killed run does not block the next one.

    python workflow/run.py --config profile=quick runs_dir=runs [arguments of Snakemake, such as -n]

Snakemake's own lock outlives its process. The lock taken here is the operating system's and ends with the process. It
is in the folder of runs, so that two clones of the study that share the folder exclude each other.
"""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.config import Config
from helpers.errors import StudyError, check_choice
from helpers.paths import ROOT, from_root
from helpers.profiles import read_models

SNAKEMAKE = [sys.executable, "-m", "snakemake"]
CONFIG = {"profile": "quick", "runs_dir": Config.model_fields["runs_dir"].default}


def main() -> None:
    """Read the configuration, take the lock, remove a stale lock of Snakemake's, and become Snakemake."""
    try:
        config, arguments = read_arguments(sys.argv[1:])
        first = read_models(config["profile"], runs_dir=config["runs_dir"])[0]
        folder = ProfileFolder.from_config(first)
        is_plan = any(word in ("-n", "--dry-run", "--dryrun", "--lint") for word in arguments)
        with files.lock(folder.path / "workflow", wait=False, inheritable=True) as is_locked:
            folder.claim(config["profile"])
            command = [*SNAKEMAKE, *where(folder.path, config), *arguments]
            has_stale_lock = any((folder.path / ".snakemake" / "locks").glob("*"))
            if has_stale_lock and is_locked and not is_plan and not is_snakemake_running(folder.path):
                subprocess.run([*command, "--unlock", "--quiet"], check=True)
            os.execv(sys.executable, command)  # keeps the lock until Snakemake ends
    except StudyError as error:
        sys.exit(f"error: {error}")


def read_arguments(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the configuration that follows `--config`, and all other arguments, which are Snakemake's.

    Snakemake would read the values as YAML, in which "#", ":" and braces have a meaning.
    """
    config, others, is_config = dict(CONFIG), [], False
    for word in words:
        is_config = word == "--config" or (is_config and "=" in word and not word.startswith("-"))
        if not is_config:
            others.append(word)
        elif word != "--config":
            name, _, value = word.partition("=")
            config[check_choice("--config", name, CONFIG)] = value
    config["runs_dir"] = str(from_root(config["runs_dir"]))
    if config["profile"].endswith((".yaml", ".yml")):
        config["profile"] = str(from_root(config["profile"]))
    return config, others


def where(folder: Path, config: dict[str, str]) -> list[str]:
    """Return Snakemake's arguments that say where the workflow and its folder are."""
    path = folder / ".snakemake" / "config.json"
    files.write_json(config, path)
    workflow = ROOT / "workflow"
    return [
        *("--snakefile", str(workflow / "Snakefile")),
        *("--workflow-profile", str(workflow / "profiles" / "default")),
        *("--directory", str(folder)),
        *("--configfile", str(path)),
    ]


def is_snakemake_running(folder: Path) -> bool:
    """Return whether a process on this machine runs Snakemake in a folder, however it was started."""
    for process in psutil.process_iter():
        try:
            runs_snakemake = any("snakemake" in Path(word).name for word in process.cmdline())
            if runs_snakemake and process.pid != os.getpid() and Path(process.cwd()) == folder.resolve():
                return True
        except (psutil.Error, OSError):  # it has ended, or belongs to somebody else
            continue
    return False


if __name__ == "__main__":
    main()
