"""How far a profile's run is, and what a profile would take: tables for a terminal.

python -m helpers.show.status --profile quick [--watch] [--plan]
"""

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from helpers.artifacts.folders import ProfileFolder, RunFolder
from helpers.config import Config
from helpers.errors import StudyError
from helpers.paths import from_root
from helpers.profiles import read_models
from helpers.seeds import profile_with_seeds
from helpers.show.command_line import profile_parser
from helpers.show.job_list import jobs_of
from helpers.show.jobs import Progress, State, expected_seconds, look, typical_seconds

SECONDS_BETWEEN_LOOKS = 2.0
TOLD = (State.RUNNING, State.FAILED, State.STOPPED)  # these jobs have a line of their own
AT_A_TIME = 2  # jobs that a plan counts on


def status(models: list[Config]) -> Group:
    """Return how many jobs of each kind are finished, and what runs or failed, with the time that is left."""
    found = look(ProfileFolder.from_config(models[0]), jobs_of(models))
    states = Counter(each.state for each in found)
    table = Table("step", *(state.value for state in State), box=None)
    for rule in dict.fromkeys(each.job.rule for each in found):
        counts = Counter(each.state for each in found if each.job.rule == rule)
        table.add_row(rule, *(str(counts[state] or "") for state in State))
    lines = [f"{each.state.value} {each.job.name}: {each.message}" for each in found if each.state in TOLD]
    at_a_time = max(1, states[State.RUNNING])
    left = [each for each in found if each.state is not State.FINISHED]
    return Group(table, *lines, f"{states[State.FINISHED]} of {len(found)} jobs; {_time(found, left, at_a_time)}")


def plan(models: list[Config], known: list[Config]) -> Group:
    """Return the models, the jobs, the time and the disk space of a profile's run.

    Args:
        models: Of the profile.
        known: Models whose runs are asked for timings and sizes.
    """
    jobs = jobs_of(models)
    found = look(ProfileFolder.from_config(models[0]), jobs)
    finished = look(ProfileFolder.from_config(known[0]), jobs_of(known))
    counts = Counter(job.rule for job in jobs)
    caution = "" if models == known else "; with more images or epochs than there, it takes longer"
    table = Table("task", "backbone", "attention", "training", "seeds", box=None)
    groups: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        key = (model.task, model.backbone, model.attention, model.training)
        groups.setdefault(key, []).append(str(model.seed))
    for key, seeds in groups.items():
        table.add_row(*key, " ".join(seeds))
    return Group(
        f"{len(models)} models",
        table,
        f"{len(jobs)} jobs: " + ", ".join(f"{count} {rule}" for rule, count in counts.items()),
        _time(finished, found, AT_A_TIME) + f", by the timings in {ProfileFolder.from_config(known[0]).path}" + caution,
        _space(models, known),
    )


def _time(finished: list[Progress], left: list[Progress], at_a_time: int) -> str:
    """Return the time that jobs need, as a sentence."""
    typical = typical_seconds(finished)
    expected = [expected_seconds(each.job, typical) for each in left]
    known = [seconds for seconds in expected if seconds is not None]
    if expected and not known:
        return f"time unknown: {len(expected)} jobs of which none like them has finished"
    text = f"{timedelta(seconds=round(sum(known) / at_a_time))} to go, {at_a_time} at a time"
    unknown = len(expected) - len(known)
    return text + (f", and {unknown} jobs of which none like them has finished" if unknown else "")


def _space(models: list[Config], known: list[Config]) -> str:
    """Return the disk space that models need, as a sentence."""
    sizes: dict[str, list[int]] = {}
    for model in known:
        folder = RunFolder.from_config(model).path
        if (folder / "model.keras").is_file():
            sizes.setdefault(model.backbone, []).append(_size(folder))
    missing = sorted({model.backbone for model in models} - sizes.keys())
    total = sum(max(sizes[model.backbone]) for model in models if model.backbone in sizes)
    text = f"about {total / 1e9:.1f} GB of models and tables"
    return text + (f", without those of {', '.join(missing)}, of which there is none yet" if missing else "")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Read the command line, and print."""
    parser = profile_parser(__doc__)
    parser.add_argument("--watch", action="store_true", help="look again every few seconds, until Ctrl-C")
    parser.add_argument("--plan", action="store_true", help="say what the whole run takes")
    parser.add_argument("--timings", help="with --plan: the profile whose run has the timings; default: the same")
    parser.add_argument("--seeds", help="those with which the run was started, such as 0,1,2")
    arguments = parser.parse_args()
    console = Console()
    try:
        models = read_models(arguments.profile, runs_dir=arguments.runs_dir)
        if arguments.seeds:
            path = profile_with_seeds(arguments.profile, arguments.seeds, from_root(models[0].runs_dir))
            models = read_models(str(path), runs_dir=arguments.runs_dir)
        if arguments.plan:
            known = read_models(arguments.timings or arguments.profile, runs_dir=arguments.runs_dir)
            console.print(plan(models, known), highlight=False, soft_wrap=True)
        elif arguments.watch:
            with Live(status(models), console=console, auto_refresh=False) as live:
                while True:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    live.update(status(models), refresh=True)
        else:
            console.print(status(models), highlight=False, soft_wrap=True)
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
