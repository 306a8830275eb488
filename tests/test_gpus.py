"""Each job has a GPU of its own; here, where there is none, as far as the environment says so."""

import multiprocessing
import os

import pytest

from helpers import gpus


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


def hold(locks, given, is_over):
    with gpus.one_gpu(locks):
        given.put(os.environ.get(gpus.VISIBLE_GPUS))
        is_over.wait()


def test_jobs_have_different_gpus_and_one_more_waits_until_one_is_free(tmp_path, monkeypatch):
    monkeypatch.setenv(gpus.SHARED, "3,5")
    monkeypatch.delenv(gpus.VISIBLE_GPUS, raising=False)
    context = multiprocessing.get_context("fork")
    given, events = context.Queue(), [context.Event() for _ in range(3)]
    jobs = [context.Process(target=hold, args=(tmp_path, given, event)) for event in events]
    for job in jobs[:2]:
        job.start()
    first = {given.get(timeout=20), given.get(timeout=20)}
    assert first == {"3", "5"}
    jobs[2].start()
    jobs[2].join(timeout=4 * gpus.SECONDS_BETWEEN_TRIES)
    assert given.empty()
    jobs[0].kill()  # a lock ends with its process, however that ends
    assert given.get(timeout=20) in first
    for event in events[1:]:
        event.set()
    for job in jobs:
        job.join(timeout=20)
    assert [job.exitcode for job in jobs] == [-9, 0, 0]


@pytest.mark.parametrize(("shared", "visible"), [("", "7"), ("all", "0,1"), ("0,1", "")])
def test_a_job_that_is_given_none_keeps_what_it_sees(tmp_path, monkeypatch, shared, visible):
    monkeypatch.setenv(gpus.SHARED, shared)
    monkeypatch.setenv(gpus.VISIBLE_GPUS, visible)
    with gpus.one_gpu(tmp_path / "locks"):
        assert os.environ[gpus.VISIBLE_GPUS] == visible
    assert not (tmp_path / "locks").exists()
