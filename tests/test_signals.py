"""What remains of a program that a signal stops: no temporary file, one line, a status that is not zero."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.paths import ROOT
from helpers.signals import SECONDS_TO_NEXT_EXIT, STOPPING, exit_on_signals


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


@pytest.fixture
def default_handler():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def stop_and_wait():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


@pytest.mark.usefixtures("default_handler")
@pytest.mark.parametrize("raised", [None, ImportError("install what is installed")])
def test_a_library_that_catches_the_exit_does_not_keep_the_program_going(raised):
    def library():
        try:
            stop_and_wait()
        except:  # noqa: E722  as Keras does it
            if raised:
                raise raised from None

    went_on = False
    with pytest.raises(SystemExit, match="^error: attack: stopped by SIGTERM"), exit_on_signals("attack"):
        library()
        time.sleep(60)
        went_on = True
    assert not went_on
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.usefixtures("default_handler")
def test_an_exit_that_was_caught_does_not_interrupt_the_clean_up():
    cleaned = []

    @contextlib.contextmanager
    def clean_up(what):
        try:
            yield
        finally:
            time.sleep(2.5 * SECONDS_TO_NEXT_EXIT)
            cleaned.append(what)

    with pytest.raises(SystemExit, match="stopped by SIGTERM"), exit_on_signals("attack"), clean_up("file"):
        with contextlib.suppress(BaseException):
            stop_and_wait()
        with clean_up("step"):
            time.sleep(60)
    assert cleaned == ["step", "file"]


@pytest.mark.usefixtures("default_handler")
def test_a_block_that_caught_the_exit_at_its_end_does_not_pass_for_finished():
    words = "stopped by SIGTERM"
    with pytest.raises(SystemExit, match=words), exit_on_signals("attack"), contextlib.suppress(BaseException):
        stop_and_wait()


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
