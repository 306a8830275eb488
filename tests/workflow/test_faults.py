"""What a run survives: whatever breaks it, the next run ends with the tables of an undisturbed one."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from clones import Clone

pytestmark = pytest.mark.faults

TABLES = ("*/manifest.csv", "*/*/robustness.csv", "*/*/predictions.csv", "*/*/explanations.csv", "*/*/checks.json")
VICTIMS = {  # what is killed, by a word in its command line
    "a kernel": "ipykernel_launcher",
    "papermill": "helpers.batch",
    "a step": "helpers.command",
    "the workflow": "snakemake",
}
KILLS = 10


def tables(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for pattern in TABLES for path in folder.glob(pattern)}


def processes_of(run):
    """Return the living processes whose command line or working folder is that of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(run.runs) in " ".join([*process.cmdline(), process.cwd()]):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def start(run, *arguments):
    command = [
        sys.executable,
        "workflow/run.py",
        *arguments,
        "--config",
        f"profile={run.profile}",
        f"runs_dir={run.runs}",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(run.path), os.environ["PYTHONPATH"]])}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    return subprocess.Popen(command, cwd=run.path, env=environment, **options)


def wait_until_none_is_left(run, seconds=60):
    end = time.monotonic() + seconds
    while left := processes_of(run):
        assert time.monotonic() < end, left
        time.sleep(0.5)


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_run_whose_processes_are_killed_again_and_again_ends_like_another(clone, tmp_path, victim):
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    moments = random.Random(victim)
    for _ in range(KILLS):
        process = start(run)
        time.sleep(moments.uniform(4, 20))
        found = [each for each in processes_of(run) if VICTIMS[victim] in " ".join(each.cmdline())]
        for each in found[:1]:
            each.kill()
        if found and victim != "the workflow":
            output = process.communicate(timeout=300)[0]
            assert process.returncode != 0
            assert re.search(r"error: |Error in rule", output), output[-3000:]
        else:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=300)
        wait_until_none_is_left(run)
    result = run.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert tables(run.folder) == tables(clone.folder)


def test_ctrl_c_and_sigterm_leave_no_process_and_the_next_run_goes_on(clone, tmp_path):
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start(run)
        time.sleep(15)
        os.killpg(process.pid, number)
        process.communicate(timeout=120)
        assert process.returncode != 0
        wait_until_none_is_left(run)
    result = run.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert tables(run.folder) == tables(clone.folder)


@pytest.fixture
def mount(tmp_path):
    """Return a function that mounts a file system in memory with options; skip where that is not allowed."""
    folder = tmp_path / "mounted"
    folder.mkdir()

    def with_options(options):
        result = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if result.returncode:
            pytest.skip(f"no file system can be mounted here: {result.stderr.decode().strip()}")
        return folder

    yield with_options
    while subprocess.run(["umount", folder], capture_output=True, check=False).returncode == 0:
        pass


def test_a_full_disk_is_named_and_with_more_room_the_run_goes_on(clone, mount):
    folder = mount("size=2m")
    run = Clone(clone.path, clone.profile, folder / "runs")
    result = run.run()
    assert result.returncode != 0
    assert "No space left on device" in result.stdout + result.stderr
    mount("remount,size=500m")
    result = run.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert tables(run.folder) == tables(clone.folder)


def test_a_folder_that_cannot_be_written_is_named_in_one_line(clone, mount):
    folder = mount("size=500m")
    run = Clone(clone.path, clone.profile, folder / "runs")
    shutil.copytree(clone.runs, run.runs, symlinks=True)
    (run.folder / "skin_lesion" / "tiny-none-seed0" / "robustness.csv").unlink()
    mount("remount,ro")
    result = run.run()
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert str(run.folder) in result.stderr


def test_a_clock_that_went_back_makes_nothing_again(clone, tmp_path):
    """Files of a run that seem to come from the future, and records that do not."""
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    shutil.copytree(clone.runs, run.runs, copy_function=shutil.copy2, symlinks=True)
    ahead = time.time() + 3600
    for path in run.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".snakemake" not in path.parts:
            os.utime(path, (ahead, ahead + path.stat().st_mtime - time.time()))
    (run.folder / "skin_lesion" / "tiny-none-seed0" / "checks.json").unlink()
    result = run.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert tables(run.folder) == tables(clone.folder)
