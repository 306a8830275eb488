"""How long would a grid of models take on 1 to 64 nodes, and what limits it? A simulation from measured job times.

    .venv/bin/python benchmarks/simulate_nodes.py --timings quick

The grid has every task, backbone, attention and training of the study, in five seeds: 240 models. Each job takes as
much processor time as the median of its like in a finished, fresh run (a job that had nothing to do leaves a short
timing). A node runs two jobs at a time, as the workflow does on two cores; a job starts when those before it have
ended and a place is free, in the order of the study's steps.
"""

import argparse
import heapq
from collections import defaultdict
from pathlib import Path
from statistics import median

from helpers.artifacts.folders import ProfileFolder
from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.profiles import read_models
from helpers.show.job_list import jobs_of
from helpers.tasks import TASKS
from helpers.trainings import TRAININGS

SEEDS = 5
NODES = (1, 4, 16, 64)
AT_A_TIME = 2  # jobs on a node
PROCESSOR_TIME = 9  # column of Snakemake's timings, in seconds


def measured(profile):
    """Return {(rule, backbone): median processor time in seconds}, and by rule alone, of a finished run."""
    models = read_models(profile)
    folder, taken = ProfileFolder.from_config(models[0]).path / "benchmarks", defaultdict(list)
    for job in jobs_of(models):
        path = Path(folder, f"{job.name}.tsv")
        if path.is_file():
            seconds = float(path.read_text().splitlines()[1].split("\t")[PROCESSOR_TIME])
            for key in {job.like[:2], job.like[:1]}:
                taken[key].append(seconds)
    return {key: median(seconds) for key, seconds in taken.items()}


def grid(seconds):
    """Return the jobs of the grid, {name: (seconds, names of the jobs before it)}, in the order of the steps."""
    jobs = {}

    def add(name, *like, after=()):
        known = [key for key in (like[:2], like[:1]) if key in seconds]
        jobs[name] = (seconds[known[0]] if known else 0.0, tuple(after))

    for task in TASKS:
        add(f"prepare {task}", "prepare_data")
    for backbone in BACKBONES:
        if ("pretrain", backbone) in seconds:
            add(f"pretrain {backbone}", "pretrain", backbone, after=[f"prepare {task}" for task in TASKS])
    cells = [(seed, task, backbone) for seed in range(SEEDS) for task in TASKS for backbone in BACKBONES]
    models = [(*cell, attention, training) for cell in cells for attention in ATTENTIONS for training in TRAININGS]
    for step, before in (("train", None), ("attack", "train"), ("explain", "attack")):
        for model in models:
            _, task, backbone, _, training = model
            starts = [name for name in (f"prepare {task}", f"pretrain {backbone}") if name in jobs]
            if step != "explain" or training == "standard":
                add(f"{step} {model}", step, backbone, after=[f"{before} {model}"] if before else starts)
    for cell in cells:
        for rule, step in (("show_evaluation", "attack"), ("show_explanation", "explain")):
            shown = [f"{step} {model}" for model in models if model[:3] == cell]
            add(f"{rule} {cell}", rule, after=[name for name in shown if name in jobs])
    everything = list(jobs)
    for rule in ("figures", "collect"):
        add(rule, rule, after=everything)
    add("judge", "judge", after=["collect"])
    return jobs


def simulate(jobs, places):
    """Return the seconds until the last job ends, with this many at a time."""
    waiting = {name: len(before) for name, (_, before) in jobs.items()}
    following = defaultdict(list)
    for name, (_, before) in jobs.items():
        for other in before:
            following[other].append(name)
    order = {name: number for number, name in enumerate(jobs)}
    ready = [(order[name], name) for name in jobs if not waiting[name]]
    running, now = [], 0.0
    while ready or running:
        while ready and len(running) < places:
            _, name = heapq.heappop(ready)
            heapq.heappush(running, (now + jobs[name][0], name))
        now, ended = heapq.heappop(running)
        for name in following[ended]:
            waiting[name] -= 1
            if not waiting[name]:
                heapq.heappush(ready, (order[name], name))
    return now


def longest_chain(jobs):
    """Return the seconds that the jobs take of which each waits for the one before."""
    ends = {}
    for name, (seconds, before) in jobs.items():  # those before are listed first
        ends[name] = seconds + max((ends[other] for other in before), default=0)
    return max(ends.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timings", default="quick", help="the profile whose finished run has the times of jobs")
    seconds = measured(parser.parse_args().timings)
    jobs = grid(seconds)
    total = sum(taken for taken, _ in jobs.values())
    print(f"{len(jobs)} jobs, {total / 3600:.1f} processor hours; longest chain {longest_chain(jobs) / 60:.0f} minutes")
    for nodes in NODES:
        taken = simulate(jobs, AT_A_TIME * nodes)
        print(f"{nodes} nodes: {taken / 3600:.2f} hours, efficiency {total / (AT_A_TIME * nodes * taken):.2f}")


if __name__ == "__main__":
    main()
