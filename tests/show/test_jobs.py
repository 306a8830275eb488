"""How far the jobs of a run are, by the files that they leave."""

import os

import pytest
from rich.console import Console

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.artifacts.records import record_path
from helpers.profiles import read_models
from helpers.show.job_list import jobs_of
from helpers.show.jobs import LOCK, STARTED, State, expected_seconds, look, read_cost, typical_seconds
from helpers.show.status import main, plan, status


@pytest.fixture
def models(tmp_path):
    return read_models("smoke", runs_dir=str(tmp_path))


@pytest.fixture
def folder(models):
    """Return the folder of a run of profile smoke, without any file."""
    folder = ProfileFolder.from_config(models[0])
    for name in ("logs", "benchmarks"):
        (folder.path / name).mkdir(parents=True)
    return folder


def leave(folder, name, *, log=None, seconds=None, timing_is_older=False):
    """Leave the log and the timing of a job."""
    if log is not None:
        (folder.path / "logs" / f"{name}.log").write_text(log)
    if seconds is not None:
        timing = folder.path / "benchmarks" / f"{name}.tsv"
        timing.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:12\t500.0\n")
        if timing_is_older:
            os.utime(timing, (0, 0))


def states(folder, models):
    return {each.job.name: each for each in look(folder, jobs_of(models))}


def printed(content):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(content, highlight=False)
    return capture.get()


def test_without_files_all_jobs_wait(folder, models):
    assert {each.state for each in states(folder, models).values()} == {State.WAITING}


def test_finished_running_failed_and_stopped_jobs_are_told_apart(folder, models):
    leave(folder, "prepare_data-skin_lesion", log="drawing\n", seconds=12.5)
    leave(folder, "train-skin_lesion-resnet50-none-seed0", log="training: 3 of 9\n")
    leave(folder, "train-skin_lesion-resnet50-soft-seed0", log="training: 1 of 9\nerror: loss: no number\nsee above\n")
    leave(folder, "explain-skin_lesion-resnet50-none-seed0", log="error: explain: stopped by SIGTERM. Run it again.\n")
    leave(folder, "pretrain-resnet50", log="again: 1 of 2\n", seconds=7, timing_is_older=True)
    stopped = states(folder, models)
    with files.lock(folder.path / LOCK):
        found = states(folder, models)
    assert found["prepare_data-skin_lesion"].state is State.FINISHED
    assert found["prepare_data-skin_lesion"].seconds == 12.5
    training = found["train-skin_lesion-resnet50-none-seed0"]
    assert (training.state, training.message) == (State.RUNNING, "training: 3 of 9")
    failed = found["train-skin_lesion-resnet50-soft-seed0"]
    assert (failed.state, failed.message) == (State.FAILED, "loss: no number")
    assert found["explain-skin_lesion-resnet50-none-seed0"].state is State.STOPPED
    assert found["pretrain-resnet50"].state is State.RUNNING
    assert found["collect"].state is State.WAITING
    assert stopped["train-skin_lesion-resnet50-none-seed0"].state is State.STOPPED
    assert stopped["train-skin_lesion-resnet50-soft-seed0"].state is State.FAILED


def test_logs_of_an_earlier_run_say_nothing_of_the_one_that_goes_on(folder, models):
    names = ("attack-skin_lesion-resnet50-none-seed0", "attack-skin_lesion-resnet50-soft-seed0")
    for name, log in zip(names, ("attacking: 1 of 8\n", "error: attack: stopped by SIGTERM.\n"), strict=True):
        leave(folder, name, log=log)
        os.utime(folder.path / "logs" / f"{name}.log", (1000, 1000))
    assert {states(folder, models)[name].state for name in names} == {State.STOPPED}
    started = folder.path / STARTED
    started.parent.mkdir()
    started.touch()
    with files.lock(folder.path / LOCK):
        found = states(folder, models)
        assert {found[name].state for name in names} == {State.WAITING}
        leave(folder, names[0], log="attacking: 3 of 8\n")
        assert states(folder, models)[names[0]].state is State.RUNNING


def test_the_cost_of_a_job_that_found_all_made_is_that_of_making_it(folder, models):
    (job,) = [job for job in jobs_of(models) if job.name == "attack-skin_lesion-resnet50-none-seed0"]
    leave(folder, job.name, log="", seconds=20)
    assert read_cost(folder.path, job) == (20, 500)
    record = {"stage": "attack", "stage_version": 1, "parameters": {}, "seconds": 539.2, "peak_memory_mb": 1800}
    files.write_json(record, record_path(job.outputs[0]))
    assert read_cost(folder.path, job) == (539.2, 1800)
    (folder.path / "benchmarks" / f"{job.name}.tsv").write_text("s\tmax_rss\n2.5\tNA\n")  # over at once
    assert read_cost(folder.path, job) == (539.2, 1800)
    leave(folder, job.name, log="", seconds=560)
    assert read_cost(folder.path, job) == (560, 1800)


def test_to_look_changes_nothing(folder, models):
    leave(folder, "collect", log="", seconds=1)
    before = sorted(folder.path.rglob("*"))
    states(folder, models)
    assert sorted(folder.path.rglob("*")) == before


def test_a_timing_that_is_not_whole_counts_as_none(folder, models):
    (folder.path / "benchmarks" / "collect.tsv").write_text("s\th:m:s\tmax_rss\n")
    assert states(folder, models)["collect"].state is State.WAITING


def test_the_time_of_a_job_is_that_of_jobs_like_it(folder, models):
    leave(folder, "attack-skin_lesion-resnet50-none-seed0", log="", seconds=10)
    leave(folder, "attack-skin_lesion-resnet50-soft-seed0", log="", seconds=30)
    leave(folder, "attack-skin_lesion-resnet50-none-adversarial-seed0", log="", seconds=90)
    found = states(folder, models)
    typical = typical_seconds(found.values())
    assert expected_seconds(found["attack-skin_lesion-resnet50-none-seed0"].job, typical) == 20
    assert expected_seconds(found["attack-skin_lesion-resnet50-none-adversarial-seed0"].job, typical) == 90
    other = found["attack-retinopathy-inception_resnet_v2-soft-seed0"].job
    assert expected_seconds(other, typical) == 30  # the median of all attacks
    assert expected_seconds(found["collect"].job, typical) is None


def test_status_names_counts_errors_and_the_time_left(folder, models):
    jobs = jobs_of(models)
    for job in jobs[:3]:
        leave(folder, job.name, log="", seconds=60)
    leave(folder, jobs[3].name, log="error: no room\n")
    text = printed(status(models))
    assert f"3 of {len(jobs)} jobs" in text
    assert f"failed {jobs[3].name}: no room" in text
    assert "of which none like them has finished" in text


def test_a_plan_names_models_jobs_time_and_space(folder, models):
    jobs = jobs_of(models)
    for job in jobs:
        leave(folder, job.name, log="", seconds=60)
    text = printed(plan(models, models))
    assert "4 models" in text
    assert f"{len(jobs)} jobs: 2 prepare_data, 1 pretrain, 4 train, 4 attack, 3 explain" in text
    assert f"0:{len(jobs) // 2:02d}:{30 * (len(jobs) % 2):02d} to go, 2 at a time" in text
    assert "without those of inception_resnet_v2, resnet50, of which there is none yet" in text


def test_seeds_of_a_run_choose_its_models(tmp_path, monkeypatch, capsys):
    words = ["status", "--plan", "--profile", "smoke", "--runs-dir", str(tmp_path), "--seeds", "3,5"]
    monkeypatch.setattr("sys.argv", words)
    main()
    printed_plan = capsys.readouterr().out
    assert "8 models" in printed_plan
    assert "3 5" in printed_plan
    assert (tmp_path / "_profiles" / "smoke-seeds3-5.yaml").is_file()
