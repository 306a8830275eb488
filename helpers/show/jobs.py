"""The jobs of a profile's run, and how far each is: from the logs and the timings that they leave, nothing else."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from helpers import files
from helpers.artifacts.folders import ProfileFolder, RunFolder
from helpers.config import Config
from helpers.judge.claims import can_be_judged
from helpers.tasks import TASKS

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
class Job:
    """A job of the workflow.

    Attributes:
        rule: As the workflow calls it.
        name: Of its log and of its timing.
        like: What takes about as long: rule, backbone and training.
    """

    rule: str
    name: str
    like: tuple[str, ...]


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


def jobs_of(models: Sequence[Config]) -> list[Job]:
    """Return the jobs of a profile's models, in the order of the study's steps."""
    standard = [model for model in models if model.training == "standard"]
    pretrained = {model.backbone for model in models if model.weights == "phantom" and model.pretraining}
    tasks = [task for task in TASKS if task in {model.task for model in models}]
    jobs = [Job("prepare_data", f"prepare_data-{task}", ("prepare_data",)) for task in tasks]
    jobs += [Job("pretrain", f"pretrain-{backbone}", ("pretrain", backbone)) for backbone in sorted(pretrained)]
    for rule, chosen in (("train", models), ("attack", models), ("explain", standard)):
        jobs += [Job(rule, f"{rule}-{_named(model)}", (rule, model.backbone, model.training)) for model in chosen]
    for rule, notebook, chosen in (
        ("show_evaluation", "04_evaluate_pgd", models),
        ("question", "05_question_the_attack", models[:1]),
        ("show_explanation", "06_explain_gradcam", standard),
    ):
        name = _named if rule == "question" else _compared
        names = dict.fromkeys(f"{notebook}-{name(model)}" for model in chosen)
        jobs += [Job(rule, each, (rule,)) for each in names]
    jobs += [Job("figures", "figures", ("figures",)), Job("collect", "collect", ("collect",))]
    return [*jobs, Job("judge", "07_judge_claims", ("judge",))] if can_be_judged(models) else jobs


def _named(model: Config) -> str:
    return f"{model.task}-{RunFolder.from_config(model).path.name}"


def _compared(model: Config) -> str:
    return f"{model.task}-{model.backbone}-seed{model.seed}"


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
