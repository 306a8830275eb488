"""Whether a folder can be shared by the nodes of a cluster: it has locks, and its clock is that of this machine."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

from helpers import files
from helpers.errors import StudyError

LARGEST_SKEW = 5.0  # seconds: Snakemake compares times of files that different nodes wrote
READ_AGAIN = ("$", "`", '"', "\\")
PROBE = "shared_folder"
IS_KEPT_OUT = 3  # exit status of another process that finds the lock held
TRY_LOCK = f"""
import sys
from pathlib import Path
from helpers import StudyError, files
try:
    with files.lock(Path(sys.argv[1]), wait=False):
        pass
except StudyError:
    sys.exit({IS_KEPT_OUT})
"""


def check_paths(*paths: Path) -> None:
    """Raise a StudyError if jobs on other nodes would not find one of these paths, because a shell reads it again."""
    for path in paths:
        if found := [character for character in READ_AGAIN if character in str(path)]:
            raise StudyError(f"{path}: expected a path without {found[0]}, which Slurm's shells read again. Move it.")


def check_python(path: Path) -> None:
    """Raise a StudyError if jobs on other nodes would not start this Python."""
    if shlex.quote(str(path)) != str(path):
        raise StudyError(
            f"{path}: expected the path of a Python without spaces, quotes and other signs that a shell reads, because "
            "Snakemake's jobs on a cluster name it without quotes. Move the clone, or make its .venv anew elsewhere."
        )


def check_shared(folder: Path) -> None:
    """Raise a StudyError unless locks in a folder keep other processes out, and new files have the right time.

    What it takes for granted is that all nodes see the folder, the clone and its .venv under the same paths: a job on a
    node that does not ends with an error that names the path.
    """
    probe = folder / PROBE
    with files.lock(probe) as is_locked:
        other = subprocess.run(
            [sys.executable, "-c", TRY_LOCK, str(probe)], capture_output=True, text=True, check=False
        )
        if other.returncode not in (0, IS_KEPT_OUT):
            raise StudyError(f"{sys.executable} does not run here: {other.stderr.strip()[-500:]}")
        if not is_locked or other.returncode == 0:
            raise StudyError(
                f"{folder}: expected a file system with locks, where another process waits for this one; found none. "
                "Choose another runs_dir, or ask for a mount with locks (flock)."
            )
    with files.atomic_write(probe) as temporary:
        temporary.write_text("")
    skew = probe.stat().st_mtime - time.time()
    probe.unlink()
    if abs(skew) > LARGEST_SKEW:
        raise StudyError(
            f"{folder}: expected new files to have the time of this machine, found {skew:+.0f} seconds. Snakemake "
            "would take old files for new ones. Choose another runs_dir, or have the clocks set."
        )
