"""Run the workflow on this machine, in the profile's folder of runs; a killed run does not block the next one.

    python workflow/run.py --config profile=quick runs_dir=runs [--on slurm] [arguments of Snakemake, such as -n]
    python workflow/run.py --config profile=quick seeds=[0,1,2]

Snakemake's own lock outlives its process. The lock taken here is the operating system's and ends with the process. It
is in the folder of runs, so that two clones of the study that share the folder exclude each other.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil

from helpers import files
from helpers.artifacts.broken import broken_files
from helpers.artifacts.folders import ProfileFolder
from helpers.config import Config
from helpers.errors import StudyError, check_choice
from helpers.gpus import ALL, SHARED, list_gpus
from helpers.paths import ROOT, display_path, from_root
from helpers.profile_files import profile_path
from helpers.profiles import read_models
from helpers.seeds import profile_with_seeds
from helpers.shared_folder import LARGEST_SKEW, check_paths, check_python, check_shared

MACHINES = {"machine": "default", "slurm": "slurm"}  # and the profile of Snakemake for each
QUESTIONS = (  # arguments of Snakemake with which it runs nothing
    *("--dry-run", "--dryrun", "--lint", "--summary", "-S", "--detailed-summary", "-D", "--dag", "--rulegraph"),
    *("--filegraph", "--d3dag", "--unlock", "--list-rules", "-l", "--list-target-rules", "--lt", "--report"),
    *("--help", "-h", "--version", "-v"),
)
CORES_ON_A_CLUSTER = "4"  # of a job, unless STUDY_CORES_PER_JOB is set
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


def main() -> None:
    """Read the configuration, take the lock, remove a stale one of Snakemake's, and start Snakemake instead."""
    try:
        config, where, arguments = read_arguments(sys.argv[1:])
        if seeds := config.pop("seeds"):
            runs = from_root(read_models(str(config["profile"]), runs_dir=config["runs_dir"])[0].runs_dir)
            config["profile"] = str(profile_with_seeds(str(config["profile"]), seeds, runs))
            print(f"profile with these seeds: {display_path(Path(config['profile']))}", flush=True)
        models = read_models(str(config["profile"]), runs_dir=config["runs_dir"])
        first = models[0]
        folder = ProfileFolder.from_config(first)
        is_question = any(word in QUESTIONS or re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*", word) for word in arguments)
        with files.lock(folder.path / "workflow", wait=False, inheritable=True) as is_locked:
            folder.claim(first.profile)
            if not is_question:
                set_aside_broken(folder.path)
                undo_clock(folder.path)
            command = [*SNAKEMAKE, *write_config_and_locate(folder.path, first, where), *arguments]
            if where == "machine":  # jobs that would not fit into its memory together run one after the other
                command = with_resource(command, f"mem_mb={psutil.virtual_memory().total // 2**20}")
            if where == "machine" and (gpus := list_gpus()):
                at_once = [ALL] if any(model.devices == ALL for model in models) else gpus
                os.environ[SHARED] = ",".join(at_once)
                command = with_resource(command, f"gpu={len(at_once)}")
            if where == "slurm":
                os.environ.setdefault("STUDY_CORES_PER_JOB", CORES_ON_A_CLUSTER)
                check_paths(ROOT, folder.path)
                check_python(Path(sys.executable))
                check_shared(folder.path)
            has_stale_lock = any((folder.path / ".snakemake" / "locks").glob("*"))
            if has_stale_lock and is_locked and not is_question and not is_snakemake_running(folder.path):
                subprocess.run([*command, "--unlock", "--quiet"], check=True)
            os.execv(sys.executable, command)  # keeps the lock until Snakemake ends
    except StudyError as error:
        sys.exit(f"error: {error}")


def set_aside_broken(folder: Path) -> None:
    """Rename files that do not have the size with which they were written: what needs them makes them again."""
    for path in broken_files(folder):
        path.replace(path.with_name(f"{path.name}.broken"))
        print(f"{display_path(path)}: it was cut off or changed; now it is {path.name}.broken", flush=True)


def undo_clock(folder: Path) -> None:
    """If the clock went back, take all files back by as much: Snakemake takes what is newer than now for new."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    ahead = max((path.stat().st_mtime for path in paths), default=0) - time.time()
    if ahead > LARGEST_SKEW:
        print(f"{display_path(folder)}: files are {ahead:.0f} seconds ahead of the clock, and taken back", flush=True)
        for path in paths:
            state = path.stat()
            os.utime(path, (state.st_atime, state.st_mtime - ahead))


def with_resource(command: list[str], resource: str) -> list[str]:
    """Return Snakemake's command with one more of the resources that jobs share."""
    for place, word in enumerate(command):
        name, _, first = word.partition("=")
        if name == "--resources":  # only the last of several such options would count
            return [*command[:place], name, resource, *([first] if first else []), *command[place + 1 :]]
    return [*command, "--resources", resource]


def read_arguments(words: list[str]) -> tuple[dict[str, str | None], str, list[str]]:
    """Return the configuration that follows `--config`, where jobs run, and all other arguments, which are Snakemake's.

    Snakemake would read the values as YAML, in which "#", ":" and braces have a meaning.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument(
        "-C", "--config", nargs="*", default=[], metavar="NAME=VALUE", help="profile=…, runs_dir=…, seeds=…"
    )
    parser.add_argument("--on", choices=sorted(MACHINES), default="machine", help="where jobs run")
    arguments, others = parser.parse_known_args(words)
    config: dict[str, str | None] = {"profile": "quick", "runs_dir": None, "seeds": None}
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
