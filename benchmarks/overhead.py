"""What do workflow, papermill and new processes cost, over calling the same helpers in one process?

    .venv/bin/python benchmarks/overhead.py --profile quick

The profile's run must be finished, and fresh: a job that had nothing to do left a short timing. Timed are an empty
notebook through `helpers.batch`, the same imports in a process of their own, and the workflow when there is nothing
to do. All in processor time, in turn, three rounds; printed are medians.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import nbformat
from simulate_nodes import PROCESSOR_TIME

from helpers.artifacts.folders import ProfileFolder
from helpers.paths import ROOT
from helpers.profiles import read_models
from helpers.show.job_list import jobs_of

ROUNDS = 3
IMPORTS = "from helpers import evaluate, explain_model, load_model, train"
WITHOUT_TENSORFLOW = ("prepare_data", "figures", "collect", "describe", "judge")  # rules


def processor_seconds(*words):
    """Return the processor time of a command and its children."""
    before = os.times()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def notebook_with(code, folder):
    """Write a notebook with a cell of parameters and one of code, and return its path."""
    v4 = nbformat.v4
    parameters = v4.new_code_cell("number: int = 0", metadata={"tags": ["parameters"]})
    notebook = v4.new_notebook(cells=[parameters, v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "in.ipynb")
    return str(folder / "in.ipynb")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="quick")
    profile = parser.parse_args().profile
    models = read_models(profile)
    folder, jobs = ProfileFolder.from_config(models[0]).path, jobs_of(models)
    timings = [folder / "benchmarks" / f"{job.name}.tsv" for job in jobs]
    total = sum(float(path.read_text().splitlines()[1].split("\t")[PROCESSOR_TIME]) for path in timings)
    taken = {"a notebook": [], "a process": [], "the workflow": []}
    with tempfile.TemporaryDirectory() as temporary:
        source, output = notebook_with(IMPORTS, Path(temporary)), str(Path(temporary) / "out.ipynb")
        for _ in range(ROUNDS):
            taken["a notebook"].append(processor_seconds("-m", "helpers.batch", source, output))
            taken["a process"].append(processor_seconds("-c", IMPORTS))
            taken["the workflow"].append(processor_seconds("workflow/run.py", "--config", f"profile={profile}"))
    seconds = {name: median(values) for name, values in taken.items()}
    notebooks = sum(any(path.suffix == ".ipynb" for path in job.outputs) for job in jobs)
    heavy = sum(job.rule not in WITHOUT_TENSORFLOW for job in jobs)
    over = seconds["a notebook"] - seconds["a process"]
    # One process would import everything once, too.
    sums = over * notebooks + seconds["a process"] * (heavy - 1) + seconds["the workflow"]
    print(f"papermill and kernel: {over:.1f} s a notebook; imports of a process: {seconds['a process']:.1f} s")
    print(f"workflow with nothing to do: {seconds['the workflow']:.1f} s")
    print(f"{len(jobs)} jobs, {notebooks} notebooks: {sums:.0f} of {total:.0f} s, {sums / total:.1%}")


if __name__ == "__main__":
    main()
