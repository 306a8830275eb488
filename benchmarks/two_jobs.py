"""Two jobs side by side with one core each, or one after the other with both: which ends sooner?

    .venv/bin/python benchmarks/two_jobs.py

Two ResNet-50 at 128 px, with and without soft attention, on few drawn lesions: training, attack and explanation, as the
workflow runs them. Also two jobs side by side that may both use all cores. Settings take turns, forwards and back;
drawing the images is not timed. Printed are wall times as multiples of the fastest setting's in the same round.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

from helpers.paths import ROOT
from helpers.profile_files import read_profile

MODELS = [{"task": "skin_lesion", "backbone": "resnet50", "attention": name, "seed": 0} for name in ("none", "soft")]
FEW = {"phantoms": 420, "attack_images": 4, "head_epochs": 5}


def settings(cores):
    """Return {what it is: (cores that the workflow may count on, cores of a job)}."""
    return {
        "two jobs, half the cores each": (cores, max(1, cores // 2)),
        "one job at a time, all cores": (cores, cores),
        "two jobs, all cores each": (2 * cores, cores),
    }


def run(profile, runs, cores, cores_per_job, *arguments):
    """Run the workflow, and return its wall time in seconds."""
    start = time.perf_counter()
    command = [sys.executable, "workflow/run.py", *arguments, "--cores", str(cores)]
    environment = {**os.environ, "STUDY_CORES_PER_JOB": str(cores_per_job)}
    config = ["--config", f"profile={profile}", f"runs_dir={runs}"]
    subprocess.run([*command, *config], cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    cores = len(os.sched_getaffinity(0))
    content = read_profile("quick")
    content["models"] = MODELS
    content["parameters"] |= FEW
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        profile, prepared, runs = (Path(temporary) / name for name in ("two.yaml", "prepared", "runs"))
        profile.write_text(yaml.safe_dump(content))
        run(profile, prepared, cores, 1, "--until", "prepare_data")
        for number in range(rounds):
            order = list(settings(cores).items())
            for name, (counted, per_job) in order[:: -1 if number % 2 else 1]:
                shutil.copytree(prepared, runs, copy_function=shutil.copy2, symlinks=True)
                seconds = run(profile, runs, counted, per_job, "--until", "explain")
                shutil.rmtree(runs)
                rows.append({"setting": name, "round": number, "seconds": seconds})
                print(f"{name}: {seconds:.0f} s", flush=True)
    table = pd.DataFrame(rows).pivot_table(index="setting", columns="round", values="seconds")
    print((table / table.min()).round(2).to_string())


if __name__ == "__main__":
    main()
