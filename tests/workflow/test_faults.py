"""What a run survives: whatever breaks it, the next run ends with the tables of an undisturbed one."""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
import pytest
import slurm_cluster
from clones import SPECIAL, Clone, make_clone
from slurm_cluster import ON_SLURM

pytestmark = pytest.mark.faults

VICTIMS = {  # what is killed, by a word in its command line
    "a kernel": "ipykernel_launcher",
    "papermill": "helpers.batch",
    "a step": "helpers.command",
    "the workflow": "-m snakemake",
}
KILLS = int(os.environ.get("KILLS") or 10)  # of each
# What an error names, as a pattern: the step or the notebook and its cell, with what it knows of the model.
MODEL = r"\(skin_lesion( tiny( none standard)? 0)?\)"
STEP = rf"(attack|explain) {MODEL}|pretrain \(tiny\)"
PLACE = rf"({STEP}|(\w+\.ipynb {MODEL}|07_judge_claims\.ipynb), cell \d+)"
JOB = r"(\w+-skin_lesion[\w-]*|pretrain-tiny|07_judge_claims)"  # one that was killed before it said where it was


@pytest.fixture(scope="session")
def clone(tmp_path_factory, smoke_profile):
    """Return a clone in which the workflow ran to its end, with a single model: faults are sooner mended."""
    clone = make_clone(tmp_path_factory.mktemp("clones"), smoke_profile, attentions=["none"])
    result = clone.run()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert len(clone.tables) == 5
    return clone


@dataclass(frozen=True)
class Found:
    """A living process of a run."""

    process: psutil.Process
    words: str  # its name and its command line


def processes_of(run):
    """Return the living processes whose command line or working folder is that of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join([process.name(), *process.cmdline()])
            if str(run.runs) in f"{words} {process.cwd()}" and process.status() != psutil.STATUS_ZOMBIE:
                found.append(Found(process, words))
        except psutil.Error:
            continue
    return [each for each in found if each.process.pid != os.getpid()]


def start(run, *arguments, environment=os.environ):
    """Start the workflow in a session of its own; what it prints goes into a file."""
    config = ["--config", f"profile={run.profile}", f"runs_dir={run.runs}"]
    environment = {**environment, "PYTHONPATH": os.pathsep.join([str(run.path), os.environ["PYTHONPATH"]])}
    with (run.runs.parent / "output.txt").open("w") as output:
        options = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
        # A shell's background job, and what it starts, would ignore Ctrl-C.
        options["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        command = [sys.executable, "workflow/run.py", *arguments, *config]
        return subprocess.Popen(command, cwd=run.path, env=environment, **options)


def wait_for(is_so, *, seconds=180, run=None):
    """Wait until something is so, such as that no process is left: some outlive their parent by less than a minute."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, run and output_of(run)[-3000:]
        time.sleep(0.2)


def end_of(run, process):
    """Wait until a run and all that it started have ended; return what it printed."""
    process.wait(timeout=300)
    wait_for(lambda: not processes_of(run))
    return output_of(run)


def output_of(run):
    """Return what a run that was started has printed so far."""
    return (run.runs.parent / "output.txt").read_text()


def has_begun(run, step=STEP):
    """Return whether a job has just said that it is at a step (a pattern), which takes seconds, and nothing since."""
    for log in (run.folder / "logs").glob("*.log"):
        last = log.read_text().rpartition("\n")[0].rpartition("\n")[2]
        if re.fullmatch(rf"\[in ({step})\]", last) and time.time() - log.stat().st_mtime < 1:
            return True
    return False


def whole_files(run):
    """Return the records of the files of a run that are as they were made: {path: content}. A record has its time."""
    found = {}
    for path in run.folder.rglob("*.record.json"):
        files = json.loads(path.read_text())["files"]
        paths = {path.with_name(name): each["sha256"] for name, each in files.items()}
        if all(p.is_file() and hashlib.sha256(p.read_bytes()).hexdigest() == digest for p, digest in paths.items()):
            found[path] = path.read_bytes()
    return found


def check_that_it_goes_on(run, undisturbed, *arguments, environment=None):
    """Check that the next run ends like another, and makes nothing again that was whole."""
    whole = whole_files(run)
    result = run.run(*arguments, environment=environment)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert run.tables == undisturbed.tables
    assert {path: path.read_bytes() for path in whole} == whole
    assert not processes_of(run)


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_run_whose_processes_are_killed_again_and_again_ends_like_another(clone, tmp_path, victim):
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    moments, kills = random.Random(victim), 0

    def living():
        found = (each for each in processes_of(run) if each.words.startswith("python"))  # no shell that started one
        return [each for each in found if VICTIMS[victim] in each.words]

    for _ in range(KILLS):
        process = start(run)
        wait_for(lambda process=process: living() or process.poll() is not None)
        time.sleep(moments.uniform(0, 8))
        if process.poll() is not None:
            break
        for each in living()[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.process.kill()
            output = end_of(run, process)
            kills += process.returncode != 0  # it may just have been about to end
            if process.returncode and victim == "a kernel":
                assert re.search(f"^error: {PLACE}: Kernel died", output, re.MULTILINE), output[-3000:]
            elif process.returncode and victim != "the workflow":  # without it, its jobs go on to their end
                assert re.search(f"^error: ({PLACE}|{JOB}): killed by signal 9", output, re.MULTILINE), output[-3000:]
            break
        else:  # it had just ended
            os.killpg(process.pid, signal.SIGINT)
            end_of(run, process)
    assert kills >= (KILLS + 1) // 2
    check_that_it_goes_on(run, clone)


def test_a_run_whose_slurm_jobs_are_cancelled_again_and_again_ends_like_another(
    clone, on_cluster, smoke_profile, tmp_path
):
    run = make_clone(tmp_path, smoke_profile, name=SPECIAL.replace("$", ""), attentions=["none"])
    moments, cancelled, process = random.Random("scancel"), 0, None
    is_named, said = False, f"error: {PLACE}: stopped by SIGTERM"

    def running():
        return slurm_cluster.call(on_cluster, "squeue", "--noheader", "--states=RUNNING", "--format=%i").split()

    while cancelled < KILLS:
        if process is None or process.poll():
            process = start(run, *ON_SLURM, environment=on_cluster)
        wait_for(lambda process=process: running() or process.poll() is not None)
        time.sleep(moments.uniform(0, 8))
        in_a_step = cancelled % 2 == 0  # else at any moment: a job on a node starts Snakemake first
        wait_for(lambda process=process, any_=not in_a_step: any_ or has_begun(run) or process.poll() is not None)
        jobs = running()[: None if in_a_step else 1]
        for job in jobs:
            slurm_cluster.call(on_cluster, "scancel", "--full", job)
            wait_for(lambda job=job: job not in running())
            cancelled += 1
        if in_a_step and jobs and process.poll() is None:
            wait_for(
                lambda process=process: re.search(said, output_of(run)) or process.poll() is not None,
                seconds=300,  # Snakemake asks for the states of jobs at ever longer intervals
                run=run,
            )
        is_named |= bool(re.search(said, output_of(run)))
        if process.poll() == 0:
            break  # each job may be cancelled once: it starts again
    end_of(run, process)
    assert is_named, output_of(run)[-3000:]
    assert cancelled >= (KILLS + 1) // 2
    check_that_it_goes_on(run, clone, *ON_SLURM, environment=on_cluster)


def environment_with(folder, program, script):
    """Return an environment in which a program is a shell script."""
    path = folder / "bin" / program
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return {**os.environ, "PATH": os.pathsep.join([str(path.parent), os.environ["PATH"]])}


def test_files_that_are_seen_late_are_waited_for(clone, tmp_path):
    """The last command of a job is `touch`; here it hides the job's files, and two seconds later they are there."""
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    hide = """
shift
for file; do mv "$file" "$file.hidden"; done
(sleep 2; for file; do mv "$file.hidden" "$file"; done) > /dev/null 2>&1 &
"""
    check_that_it_goes_on(run, clone, environment=environment_with(tmp_path, "touch", hide))


def test_ctrl_c_and_sigterm_leave_no_process_and_the_next_run_goes_on(clone, tmp_path):
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    slow = environment_with(tmp_path, "tee", f'{shutil.which("tee")} "$@"; sleep 4')  # each job ends slowly
    for number, step in ((signal.SIGINT, "pretrain .*"), (signal.SIGTERM, "attack .*")):
        process = start(run, environment=slow)
        wait_for(lambda process=process, step=step: has_begun(run, step) or process.poll() is not None)
        os.killpg(process.pid, number)
        process.wait(timeout=60)
        wait_for(lambda: not processes_of(run), seconds=1)  # the workflow has waited for its jobs
        output = output_of(run)
        assert process.returncode != 0
        assert re.search(f"error: {PLACE}: stopped by {number.name}", output), output[-3000:]
    check_that_it_goes_on(run, clone)


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


@pytest.mark.parametrize("size", ["600k", "1250k", "1350k", "1500k"])
def test_a_full_disk_is_named_and_with_more_room_the_run_goes_on(clone, mount, size):
    folder = mount(f"size={size}")
    run = Clone(clone.path, clone.profile, folder / "runs")
    result = run.run()
    assert result.returncode != 0
    assert re.search(f"^error: {PLACE}: .*the disk is full", result.stdout + result.stderr, re.MULTILINE)
    mount("remount,size=500m")
    check_that_it_goes_on(run, clone)


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
    mount("remount,rw")
    check_that_it_goes_on(run, clone)


def test_a_notebook_that_raises_is_named_with_its_model_and_mended_the_run_goes_on(clone, smoke_profile, tmp_path):
    run = Clone(make_clone(tmp_path, smoke_profile).path, clone.profile, tmp_path / "runs")
    shutil.copytree(clone.runs, run.runs, copy_function=shutil.copy2, symlinks=True)
    (executed,) = run.folder.glob("notebooks/06_explain_gradcam-*.ipynb")
    executed.unlink()
    notebook = run.path / "notebooks" / "06_explain_gradcam.ipynb"
    sound = notebook.read_text()
    content = json.loads(sound)
    cell = next(cell for cell in content["cells"] if cell["cell_type"] == "code" and not cell["metadata"].get("tags"))
    cell["source"] = ["raise RuntimeError('planted')"]
    notebook.write_text(json.dumps(content))
    result = run.run()
    assert result.returncode != 0
    assert re.search(
        r"error: 06_explain_gradcam.ipynb \(skin_lesion tiny 0\), cell \d+: RuntimeError: planted",
        result.stdout + result.stderr,
    )
    notebook.write_text(sound)
    check_that_it_goes_on(run, clone)


def test_a_clock_that_went_back_makes_nothing_again_but_what_is_missing(clone, tmp_path):
    run = Clone(clone.path, clone.profile, tmp_path / "runs")
    shutil.copytree(clone.runs, run.runs, copy_function=shutil.copy2, symlinks=True)
    for path in run.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (time.time(), path.stat().st_mtime + 3600))
    trained = run.folder / "skin_lesion" / "tiny-none-seed0" / "model.keras.record.json"
    before = trained.read_bytes()
    (trained.parent / "checks.json").unlink()
    check_that_it_goes_on(run, clone)
    assert trained.read_bytes() == before
    log = run.folder / "logs" / "train-skin_lesion-tiny-none-seed0.log"
    assert log.read_bytes() == (clone.folder / "logs" / log.name).read_bytes()
