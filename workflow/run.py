"""Run the workflow on this machine, in the profile's folder of runs; a killed run does not block the next one.

    python workflow/run.py --config profile=quick runs_dir=runs [--on slurm] [arguments of Snakemake, such as -n]

Snakemake's own lock outlives its process. The lock taken here is the operating system's and ends with the process. It
is in the folder of runs, so that two clones of the study that share the folder exclude each other.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import psutil

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.artifacts.records import broken_files
from helpers.config import Config
from helpers.errors import StudyError, check_choice
from helpers.gpus import ALL, SHARED, list_gpus
from helpers.paths import ROOT, display_path, from_root
from helpers.profiles import profile_path, read_models
from helpers.shared_folder import check_paths, check_shared

MACHINES = {"machine": "default", "slurm": "slurm"}  # and the profile of Snakemake for each
CORES_ON_A_CLUSTER = "4"  # of a job, unless STUDY_CORES_PER_JOB is set
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


def main() -> None:
    """Read the configuration, take the lock, remove a stale one of Snakemake's, and start Snakemake instead."""
    try:
        config, where, arguments = read_arguments(sys.argv[1:])
        models = read_models(str(config["profile"]), runs_dir=config["runs_dir"])
        first = models[0]
        folder = ProfileFolder.from_config(first)
        is_plan = any(word in ("-n", "--dry-run", "--dryrun", "--lint") for word in arguments)
        with files.lock(folder.path / "workflow", wait=False, inheritable=True) as is_locked:
            folder.claim(first.profile)
            if not is_plan:
                remove_broken(folder.path)
            command = [*SNAKEMAKE, *write_config_and_locate(folder.path, first, where), *arguments]
            if where == "machine" and (gpus := list_gpus()):
                at_once = [ALL] if any(model.devices == ALL for model in models) else gpus
                os.environ[SHARED] = ",".join(at_once)
                command += ["--resources", f"gpu={len(at_once)}"]
            if where == "slurm":
                os.environ.setdefault("STUDY_CORES_PER_JOB", CORES_ON_A_CLUSTER)
                check_paths(ROOT, Path(sys.executable), folder.path)
                check_shared(folder.path)
            has_stale_lock = any((folder.path / ".snakemake" / "locks").glob("*"))
            if has_stale_lock and is_locked and not is_plan and not is_snakemake_running(folder.path):
                subprocess.run([*command, "--unlock", "--quiet"], check=True)
            os.execv(sys.executable, command)  # keeps the lock until Snakemake ends
    except StudyError as error:
        sys.exit(f"error: {error}")


def remove_broken(folder: Path) -> None:
    """Remove files that do not have the size with which they were written, so that they are made again."""
    for path in broken_files(folder):
        print(f"{display_path(path)}: it is cut off or was changed, and is made again", flush=True)
        path.unlink()


def read_arguments(words: list[str]) -> tuple[dict[str, str | None], str, list[str]]:
    """Return the configuration that follows `--config`, where jobs run, and all other arguments, which are Snakemake's.

    Snakemake would read the values as YAML, in which "#", ":" and braces have a meaning.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("-C", "--config", nargs="*", default=[], metavar="NAME=VALUE", help="profile=…, runs_dir=…")
    parser.add_argument("--on", choices=sorted(MACHINES), default="machine", help="where jobs run")
    arguments, others = parser.parse_known_args(words)
    config: dict[str, str | None] = {"profile": "quick", "runs_dir": None}
    for word in arguments.config:
        name, _, value = word.partition("=")
        config[check_choice("--config", name, config)] = value
    return config, arguments.on, others


def write_config_and_locate(folder: Path, first: Config, where: str) -> list[str]:
    """Write the configuration for Snakemake; return its arguments that say where the workflow and its folder are."""
    path = folder / ".snakemake" / "config.json"
    is_path = first.profile.endswith((".yaml", ".yml"))
    profile = str(profile_path(first.profile)) if is_path else first.profile
    files.write_json({"profile": profile, "runs_dir": str(from_root(first.runs_dir))}, path)
    workflow = ROOT / "workflow"
    return [
        *("--configfile", str(path)),  # first: it would take targets that follow it for more files
        *("--snakefile", str(workflow / "Snakefile")),
        *("--workflow-profile", str(workflow / "profiles" / MACHINES[where])),
        *("--directory", str(folder)),
    ]


def is_snakemake_running(folder: Path) -> bool:
    """Return whether a process on this machine runs Snakemake in a folder, however it was started."""
    for process in psutil.process_iter():
        try:
            runs_snakemake = any(Path(word).name == "snakemake" for word in process.cmdline())
            if runs_snakemake and process.pid != os.getpid() and Path(process.cwd()) == folder.resolve():
                return True
        except (psutil.Error, OSError):  # it has ended, or belongs to somebody else
            continue
    return False


if __name__ == "__main__":
    main()
