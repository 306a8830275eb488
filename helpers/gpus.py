"""The GPUs of a machine: each is for one job at a time, since two would fight for its memory."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock

from helpers.errors import StudyError

SHARED = "STUDY_GPUS"  # environment variable, set by workflow/run.py: the GPUs that its jobs share, such as "0,1"…
ALL = "all"  # …or this, where each job may use all of them
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"  # what CUDA reads
LOCKS = Path(tempfile.gettempdir()) / f"study-gpus-{os.getuid()}"  # of this machine, whatever folder a run is in
SECONDS_BETWEEN_TRIES = 0.2


def list_gpus() -> list[str]:
    """Return the GPUs that this process may use, as CUDA names them; empty without a driver."""
    if VISIBLE_GPUS in os.environ:
        return [name.strip() for name in os.environ[VISIBLE_GPUS].split(",") if name.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [str(number) for number, line in enumerate(listed.splitlines()) if line.startswith("GPU")]


@contextlib.contextmanager
def one_gpu(locks: Path = LOCKS) -> Iterator[None]:
    """Give this process, and those that it starts, one of the shared GPUs until the block ends; wait for a free one.

    Without `SHARED` in the environment, as on a cluster whose scheduler gives out GPUs, nothing changes. It has to be
    called before TensorFlow is imported.
    """
    shared = [name for name in os.environ.get(SHARED, "").split(",") if name]
    if shared in ([], [ALL]) or os.environ.get(VISIBLE_GPUS) == "":  # the last: a job that is to leave them alone
        yield
        return
    name, lock = _first_free(shared, locks)
    try:
        os.environ[VISIBLE_GPUS] = name
        print(f"on GPU {name}", flush=True)
        yield
    finally:
        lock.release()


def _first_free(names: Sequence[str], locks: Path) -> tuple[str, filelock.BaseFileLock]:
    """Return a GPU that no other job has, and its lock, which ends with the process."""
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    if locks.stat().st_uid != os.getuid():  # locks of somebody else may be links to files of ours
        raise StudyError(f"{locks}: expected a folder of yours, it belongs to another user. Delete it, or set TMPDIR.")
    waits = False
    while True:
        for name in names:
            lock = filelock.FileLock(locks / f"{name}.lock", fallback_to_soft=False)
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(timeout=0)
                return name, lock
        if not waits:
            print(f"all GPUs are taken ({', '.join(names)}); waiting for one", flush=True)
        waits = True
        time.sleep(SECONDS_BETWEEN_TRIES)
