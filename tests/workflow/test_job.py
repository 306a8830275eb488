"""What a job's log and its terminal say of the command that ran in it, whatever ended it."""

import os
import signal
import subprocess
import sys

import pytest

from helpers.paths import ROOT

JOB = ROOT / "workflow" / "job.sh"
KILLED = "killed by signal 9. If nobody did so, memory ran out: run fewer jobs"


def run_job(log, code, **options):
    """Run Python code as a job."""
    command = ["bash", str(JOB), str(log), sys.executable, "-c", f"import os, sys\n{code}"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options
    )


@pytest.mark.parametrize("status", [0, 1, 3])
def test_what_it_prints_is_shown_and_kept_and_its_status_is_the_jobs(tmp_path, status):
    log = tmp_path / "it's a {log}.log"
    process = run_job(log, f"print('one'); print('two', file=sys.stderr, flush=True); sys.exit({status})")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == status
    assert sorted(output.split()) == ["one", "two"]
    assert log.read_text() == output


@pytest.mark.parametrize(
    ("printed", "place"),
    [
        ("[in 02_train.ipynb (soft 0), cell 2]\n1 of 3\n[in 02_train.ipynb (soft 0), cell 3]\n[1, 2]\n",
         "02_train.ipynb (soft 0), cell 3"),
        ("[in attack (skin_lesion soft 0)]\nrestart 2 of 5\n", "attack (skin_lesion soft 0)"),
        ("", "train-skin_lesion-soft-seed0"),  # it had not begun
    ],
)  # fmt: skip
def test_the_last_place_of_a_killed_job_is_named(tmp_path, printed, place):
    log = tmp_path / "train-skin_lesion-soft-seed0.log"
    log.write_text("[in another run, cell 9]\n")
    process = run_job(log, f"print({printed!r}, end='', flush=True); os.kill(os.getpid(), 9)")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL
    assert [line for line in output.splitlines() if line.startswith("error: ")] == output.splitlines()[-1:]
    assert output.splitlines()[-1].startswith(f"error: {place}: {KILLED}")
    shown = [line for line in printed.splitlines() if not line.startswith("[in ")]
    words = [line for line in output.splitlines() if not line.startswith(f"{JOB}: line")]  # by bash itself
    assert words[:-1] == shown
    assert log.read_text() == printed + "".join(output.splitlines(keepends=True)[len(shown) :])


def test_a_program_that_crashes_is_named_and_memory_is_not_blamed(tmp_path):
    process = run_job(tmp_path / "job.log", "print('[in attack (soft 0)]', flush=True); os.kill(os.getpid(), 11)")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGSEGV
    assert output.splitlines()[-1].startswith("error: attack (soft 0): killed by signal 11. Complete files stay")


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
    words = f"error: attack (skin_lesion soft 0): stopped by {number.name}. "
    with run_job(log, code, cwd=ROOT, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)) as process:
        assert process.stdout.readline() == "started\n"
        os.killpg(process.pid, number)
        assert process.wait(timeout=30) != 0
        assert words in process.stdout.read()  # to the end of what the command, too, may write
    assert "cleaned\n" in log.read_text()
    assert words in log.read_text()
