"""What a job's log and its terminal say of the command that ran in it, whatever ended it."""

import os
import signal
import subprocess
import sys

import pytest

from helpers.paths import ROOT

JOB = ROOT / "workflow" / "job.sh"


def run_job(log, code, **options):
    """Run Python code as a job."""
    command = ["bash", str(JOB), str(log), sys.executable, "-c", f"import os, sys\n{code}"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options
    )


def end_of(process):
    """Return the status of a job, and what it has printed by then."""
    process.wait(timeout=30)
    os.set_blocking(process.stdout.fileno(), False)
    with process:
        return process.returncode, process.stdout.read() or ""


@pytest.mark.parametrize("status", [0, 1, 3, 200, 255])
def test_what_it_prints_is_shown_and_kept_and_its_status_is_the_jobs(tmp_path, status):
    log = tmp_path / "it's a {log}.log"
    words = "error: two" if status else "two"  # it has said why
    code, output = end_of(
        run_job(log, f"print('one'); print({words!r}, file=sys.stderr, flush=True); sys.exit({status})")
    )
    assert code == status
    assert sorted(output.splitlines()) == sorted(["one", words])
    assert log.read_text() == output


@pytest.mark.parametrize(
    ("printed", "place"),
    [
        ("[in 02_train.ipynb (soft 0), cell 2]\n1 of 3\n[in 02_train.ipynb (soft 0), cell 3]\n[1, 2]\n",
         "02_train.ipynb (soft 0), cell 3"),
        ("[in attack (skin_lesion soft 0)]\nrestart 2 of 5\n", "attack (skin_lesion soft 0)"),
        ("[in n.ipynb, cell 1]\nno end[in n.ipynb, cell 2]\n", "n.ipynb, cell 2"),
        ("", "train-skin_lesion-soft-seed0"),  # it had not begun
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("number", "why"), [(9, "killed by signal 9. If nobody did so, memory"), (11, "killed by signal 11.\n")]
)
def test_the_last_place_of_a_killed_job_is_named(tmp_path, printed, place, number, why):
    log = tmp_path / "train-skin_lesion-soft-seed0.log"
    log.write_text("[in another run, cell 9]\n")
    code, output = end_of(run_job(log, f"print({printed!r}, end='', flush=True); os.kill(os.getpid(), {number})"))
    assert code == 128 + number
    assert [line for line in output.splitlines() if line.startswith("error: ")] == output.splitlines()[-1:]
    assert output.splitlines(keepends=True)[-1].startswith(f"error: {place}: {why}")
    assert "[in " not in output
    assert "[1, 2]" in output or "[1, 2]" not in printed
    assert log.read_text().startswith(printed)
    assert output.splitlines()[-1] in log.read_text()


def test_an_error_that_nobody_foresaw_is_named_with_its_place(tmp_path):
    code = "print('[in attack (soft 0)]', flush=True); raise MemoryError('no room')"
    status, output = end_of(run_job(tmp_path / "job.log", code))
    assert status == 1
    why = "ended with status 1. The last line of its log: MemoryError: no room"
    assert output.splitlines()[-1] == f"error: attack (soft 0): {why}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_of_a_job_does_not_cut_off_its_last_words(tmp_path, number):
    log = tmp_path / "job.log"
    code = """
import time
from helpers.signals import exit_on_signals
with exit_on_signals("attack (skin_lesion soft 0)"):
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.5)
        print("cleaned", flush=True)
"""
    process = run_job(log, code, cwd=ROOT, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    assert process.stdout.readline() == "started\n"
    os.killpg(process.pid, number)
    status, output = end_of(process)
    words = f"cleaned\nerror: attack (skin_lesion soft 0): stopped by {number.name}. "
    assert status == 1
    assert output.startswith(words)
    assert log.read_text() == "started\n" + output


def test_a_job_that_is_stopped_before_it_can_say_so_is_named(tmp_path):
    process = run_job(tmp_path / "attack-soft-seed0.log", "import time; print('started', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "started\n"
    os.killpg(process.pid, signal.SIGTERM)
    status, output = end_of(process)
    assert status == 128 + signal.SIGTERM
    assert output.endswith("error: attack-soft-seed0: killed by signal 15.\n")
