"""What remains of a program that a signal stops: no temporary file, one line, a status that is not zero."""

import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.paths import ROOT
from helpers.signals import STOPPING, exit_on_signals


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_ends_the_block_and_its_clean_up_is_not_interrupted(number):
    before, cleaned = signal.signal(number, signal.default_int_handler), False
    try:
        words = f"error: attack: stopped by {number.name}. .*run it again"
        with pytest.raises(SystemExit, match=words), exit_on_signals("attack"):
            try:
                os.kill(os.getpid(), number)
                time.sleep(5)
            finally:
                os.kill(os.getpid(), number)
                cleaned = True
        assert cleaned
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_signal_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with exit_on_signals("attack"):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_step_that_is_stopped_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    code = f"""
import pathlib, time
from helpers import command, files
def attack(**_):
    with files.atomic_write(pathlib.Path({str(path)!r})) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        time.sleep(60)
command.STEPS["attack"] = attack
command.main(["attack", "--profile", "smoke"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert [process.stdout.readline() for _ in range(2)] == ["[in attack]\n", "writing\n"]
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "error: attack: stopped by SIGTERM. Complete files stay: run it again to go on.\n"
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    assert path.read_text() == "old"
