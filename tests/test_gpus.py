"""Each job has a GPU of its own; here, where there is none, as far as the environment says so."""

import contextlib
import os
import runpy
import subprocess
import sys

import pytest

from helpers import StudyError, gpus
from helpers.paths import ROOT


@pytest.mark.parametrize(("visible", "found"), [("0, 2", ["0", "2"]), ("GPU-8f", ["GPU-8f"]), ("", []), ("-1", [])])
def test_the_environment_says_which_gpus_there_are(visible, found, monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE_GPUS, visible)
    assert gpus.list_gpus() == found


def test_without_it_the_driver_does(tmp_path, monkeypatch):
    monkeypatch.delenv(gpus.VISIBLE_GPUS, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.list_gpus() == []
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA (UUID: GPU-a)'\necho 'GPU 1: NVIDIA (UUID: GPU-b)'\n")
    driver.chmod(0o755)
    assert gpus.list_gpus() == ["0", "1"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["--resources", "gpu=2"]),
        (["--resources", "mem_mb=9", "-n"], ["--resources", "gpu=2", "mem_mb=9", "-n"]),
        (["--resources=mem_mb=9", "-n"], ["--resources", "gpu=2", "mem_mb=9", "-n"]),
    ],
)
def test_the_number_of_gpus_joins_the_resources_that_are_given(given, expected):
    assert runpy.run_path(str(ROOT / "workflow" / "run.py"))["with_resource"](given, "gpu=2") == expected


HOLD = """
import os, sys
from pathlib import Path
from helpers import StudyError, gpus
with gpus.one_gpu(Path(sys.argv[1])):
    sys.stdin.read()
"""


def test_jobs_have_different_gpus_and_one_more_waits_until_one_is_free(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != gpus.VISIBLE_GPUS}
    environment |= {gpus.SHARED: "3,5", "PYTHONUNBUFFERED": "1"}
    with contextlib.ExitStack() as jobs:

        def start():
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            job = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], env=environment, **pipes)
            jobs.enter_context(job)
            jobs.callback(job.kill)
            return job

        first, second = start(), start()
        assert {first.stdout.readline(), second.stdout.readline()} == {"on GPU 3\n", "on GPU 5\n"}
        third = start()
        assert third.stdout.readline() == "all GPUs are taken (3, 5); waiting for one\n"
        first.kill()  # a lock ends with its process, however that ends
        assert third.stdout.readline() in ("on GPU 3\n", "on GPU 5\n")
        for job in (second, third):
            job.communicate("", timeout=20)
            assert job.returncode == 0


def test_a_folder_of_locks_that_belongs_to_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(gpus.SHARED, "0")
    monkeypatch.delenv(gpus.VISIBLE_GPUS, raising=False)
    monkeypatch.setattr(gpus.os, "getuid", lambda: 12345)
    with pytest.raises(StudyError, match="expected a folder of yours"), gpus.one_gpu(tmp_path):
        pass


@pytest.mark.parametrize(("shared", "visible"), [("", "7"), ("all", "0,1"), ("0,1", "")])
def test_a_job_that_is_given_none_keeps_what_it_sees(tmp_path, monkeypatch, shared, visible):
    monkeypatch.setenv(gpus.SHARED, shared)
    monkeypatch.setenv(gpus.VISIBLE_GPUS, visible)
    with gpus.one_gpu(tmp_path / "locks"):
        assert os.environ[gpus.VISIBLE_GPUS] == visible
    assert not (tmp_path / "locks").exists()
