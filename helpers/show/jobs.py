"""How far the jobs of a profile's run are: from the logs and the timings that they leave, nothing else."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.show.job_list import Job

LOCK = "workflow"  # in the folder of a profile's run: held as long as its workflow runs
TAIL = 4000  # bytes of a log that are read
ERROR = "error: "  # how the line starts that says why a job failed
STOPPED = ": stopped by "  # in that line, if a signal ended the job (see `helpers.signals`)


class State(enum.Enum):
    """How far a job is."""

    FINISHED = "finished"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"  # by a signal, or it was running when the workflow ended
    WAITING = "waiting"


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        job: Which.
        state: How far.
        seconds: How long it took the last time it finished; None: it never did.
        message: The last line of a running job's log, or the error of a failed one; else "".
    """

    job: Job
    state: State
    seconds: float | None
    message: str = ""


def look(folder: ProfileFolder, jobs: Iterable[Job]) -> list[Progress]:
    """Return how far jobs are, by their files in the folder of a profile's run."""
    is_running = files.is_locked(folder.path / LOCK)
    return [_look(folder.path, job, is_running) for job in jobs]


def _look(folder: Path, job: Job, is_running: bool) -> Progress:
    log, timing = folder / "logs" / f"{job.name}.log", folder / "benchmarks" / f"{job.name}.tsv"
    seconds = read_seconds(timing)
    if not log.is_file():
        return Progress(job, State.WAITING if seconds is None else State.FINISHED, seconds)
    if seconds is not None and timing.stat().st_mtime >= log.stat().st_mtime:  # it is written last
        return Progress(job, State.FINISHED, seconds)
    lines = _last_lines(log)
    if errors := [line for line in lines if line.startswith(ERROR)]:
        state = State.STOPPED if STOPPED in errors[-1] else State.FAILED
        return Progress(job, state, seconds, errors[-1].removeprefix(ERROR))
    return Progress(job, State.RUNNING if is_running else State.STOPPED, seconds, lines[-1] if lines else "")


def read_seconds(timing: Path) -> float | None:
    """Return how long a job took, from the file that Snakemake left; None: there is none, or it is not whole."""
    try:
        return float(timing.read_text().splitlines()[1].split("\t")[0])
    except (OSError, IndexError, ValueError):
        return None


def _last_lines(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        text = file.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def typical_seconds(found: Iterable[Progress]) -> dict[tuple[str, ...], float]:
    """Return {what jobs are like: the median of the seconds they took}, and the same by rule alone."""
    taken: dict[tuple[str, ...], list[float]] = {}
    for each in found:
        if each.seconds is not None:
            for key in {each.job.like, (each.job.rule,)}:
                taken.setdefault(key, []).append(each.seconds)
    return {key: median(seconds) for key, seconds in taken.items()}


def expected_seconds(job: Job, typical: dict[tuple[str, ...], float]) -> float | None:
    """Return how long a job takes, judged by those that finished; None: none like it did."""
    return typical.get(job.like, typical.get((job.rule,)))
