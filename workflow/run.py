"""Run the workflow on this machine; the lock of a run that was killed does not stop the next one.

    python workflow/run.py --config profile=quick

Snakemake's own lock outlives its process. This one is the operating system's, and goes with it.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile")


def main() -> None:
    """Take the lock, clear a stale one of Snakemake's, and become Snakemake."""
    os.chdir(ROOT)
    folder = Path(".snakemake")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / "run.lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("error: another run of the workflow is at work in this folder. Wait for it, or stop it.")
    if any((folder / "locks").glob("*")):
        subprocess.run([*SNAKEMAKE, "--unlock", "--quiet", *sys.argv[1:]], check=True)
    os.set_inheritable(lock, True)  # held until Snakemake ends
    os.execv(sys.executable, [*SNAKEMAKE, *sys.argv[1:]])


if __name__ == "__main__":
    main()
