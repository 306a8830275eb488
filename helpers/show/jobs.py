"""How far the jobs of a profile's run are: from the logs and the timings that they leave, nothing else."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.artifacts.records import recorded_facts
from helpers.show.job_list import Job

LOCK = "workflow"  # in the folder of a profile's run: held as long as its workflow runs
TAIL = 4000  # bytes of a log that are read
STARTED = ".snakemake/config.json"  # in the same folder: written when a workflow starts
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
        seconds: How long it took, the last time that it had something to do; None: it never finished.
        message: The last line of a running job's log, or the error of a failed one; else "".
    """

    job: Job
    state: State
    seconds: float | None
    message: str = ""


def look(folder: ProfileFolder, jobs: Iterable[Job]) -> list[Progress]:
    """Return how far jobs are, by their files in the folder of a profile's run."""
    is_running, started = files.is_locked(folder.path / LOCK), folder.path / STARTED
    since = started.stat().st_mtime if is_running and started.is_file() else 0.0
    return [_look(folder.path, job, is_running, since) for job in jobs]


def _look(folder: Path, job: Job, is_running: bool, since: float) -> Progress:
    """Return how far a job is; a log from before `since` is of an earlier run, and says nothing of this one."""
    log, timing = folder / "logs" / f"{job.name}.log", timing_of(folder, job)
    seconds = read_cost(folder, job)[0]
    if not log.is_file():
        return Progress(job, State.WAITING if seconds is None else State.FINISHED, seconds)
    if seconds is not None and timing.stat().st_mtime >= log.stat().st_mtime:  # it is written last
        return Progress(job, State.FINISHED, seconds)
    if log.stat().st_mtime < since:
        return Progress(job, State.WAITING, seconds)
    lines = _last_lines(log)
    errors = [line for line in lines if line.startswith(ERROR)]
    if errors:
        state = State.STOPPED if STOPPED in errors[-1] else State.FAILED
        return Progress(job, state, seconds, errors[-1].removeprefix(ERROR))
    return Progress(job, State.RUNNING if is_running else State.STOPPED, seconds, lines[-1] if lines else "")


def timing_of(folder: Path, job: Job) -> Path:
    """Return where Snakemake leaves a job's timing."""
    return folder / "benchmarks" / f"{job.name}.tsv"


def read_cost(folder: Path, job: Job) -> tuple[float | None, float | None]:
    """Return the seconds and the peak memory in MB of a finished job; None: no timing, or none that is whole.

    Snakemake's timing is of the last start, which may have found everything made. Then the records of the job's files
    say what it took to make them.
    """
    try:
        names, values = (line.split("\t") for line in timing_of(folder, job).read_text().splitlines()[:2])
        measured = dict(zip(names, values, strict=True))
        seconds = float(measured["s"])
    except (OSError, KeyError, ValueError):
        return None, None
    memory = measured.get("max_rss", "NA")  # NA: it was over at once
    costs = [recorded_facts(output, "seconds", "peak_memory_mb", absent=0.0) for output in job.outputs]
    return max(seconds, sum(cost["seconds"] for cost in costs)), max(
        [0.0 if memory == "NA" else float(memory), *(cost["peak_memory_mb"] for cost in costs)]
    )


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
