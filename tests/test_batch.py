"""Papermill, strictly: what a notebook refuses, notebook 01 on data in every form, and processes that are killed."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import numpy as np
import psutil
import pytest

from helpers import StudyError, batch
from helpers.artifacts.tables import MANIFEST
from helpers.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"


def run_in_batch(notebook, output, *words):
    command = [sys.executable, "-m", "helpers.batch", f"notebooks/{notebook}.ipynb", str(output), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def look_at_the_data(tmp_path, **parameters):
    """Run notebook 01; return its manifest."""
    words = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    result = run_in_batch(
        "01_prepare_data", tmp_path / "out.ipynb", "-p", "profile", "smoke", "-r", "runs_dir", str(tmp_path), *words
    )
    assert result.returncode == 0, result.stderr
    return MANIFEST.load(tmp_path / "smoke" / parameters["task"] / "manifest.csv")


def test_notebook_01_looks_at_a_medmnist_file(tmp_path):
    rng = np.random.default_rng(0)
    content = {}
    for split, count in (("train", 40), ("val", 10), ("test", 10)):
        content[f"{split}_images"] = rng.integers(0, 256, (count, 64, 64), dtype=np.uint8)
        content[f"{split}_labels"] = rng.integers(0, 2, (count, 14)).astype(np.uint8)
    file = tmp_path / "chestmnist_64.npz"
    np.savez(file, **content)
    manifest = look_at_the_data(tmp_path, task="pneumothorax", source="medmnist", data_dir=file)
    assert manifest.split.value_counts().to_dict() == {"train": 40, "validation": 10, "test": 10}


def test_notebook_01_looks_at_real_images(real_images, tmp_path):
    folder = real_images / "ChestX-ray14_64px"
    manifest = look_at_the_data(tmp_path, source="folder", data_dir=folder, task="pneumothorax", folds=3)
    assert set(manifest.split) == {"train", "validation", "test"}


def test_an_unknown_parameter_lists_the_known_ones(tmp_path):
    with pytest.raises(
        StudyError, match=r"parameter of 01_prepare_data.ipynb: .*phantom_size.*'phantom'.*Did you mean"
    ):
        batch.run_notebook(NOTEBOOKS / "01_prepare_data.ipynb", tmp_path / "out.ipynb", {"phantom": 3})
    assert not list(tmp_path.iterdir())


def test_a_bad_value_stops_a_notebook_with_one_error_and_no_output(tmp_path):
    result = run_in_batch("04_evaluate_pgd", tmp_path / "out.ipynb", "-p", "epsilons", "[0.2, 0.1]")
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "StudyError: epsilons: expected L∞ radii" in line
    assert "[0.2, 0.1]" in line
    assert [path.name for path in tmp_path.iterdir()] == ["out.failed.ipynb"]


@pytest.mark.parametrize("text", ["it's {a} #b: c", "[1, 2]", "true"])
def test_raw_text_is_not_read_as_yaml_and_other_values_are(text, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(batch, "run_notebook", lambda notebook, output, parameters: given.update(parameters))
    monkeypatch.setenv(batch.LINES, "1")
    words = ["batch", "in.ipynb", str(tmp_path / "out.ipynb"), "-p", "steps", "3", "-p", "epsilons", "[0.1]"]
    monkeypatch.setattr(sys, "argv", [*words, "-r", "profile", text])
    batch.main()
    assert given == {"steps": 3, "epsilons": [0.1], "profile": text}


def test_a_value_that_is_no_yaml_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(batch.LINES, "1")
    monkeypatch.setattr(sys, "argv", ["batch", "in.ipynb", str(tmp_path / "out.ipynb"), "-p", "epsilons", "[0.1"])
    with pytest.raises(SystemExit):
        batch.main()
    assert "error: epsilons: expected a value as YAML, got '[0.1'." in capsys.readouterr().err


def write_notebook(path, *cells):
    """Write a notebook with a cell of parameters, a text, and cells of code."""
    v4 = nbformat.v4
    parameters = v4.new_code_cell("killed: bool = True  # whether", metadata={"tags": ["parameters"]})
    notebook = v4.new_notebook(cells=[parameters, v4.new_markdown_cell("Text"), *map(v4.new_code_cell, cells)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def test_a_kernel_that_is_killed_is_named_with_its_cell_and_a_rerun_goes_on(tmp_path):
    notebook, output = tmp_path / "in.ipynb", tmp_path / "runs" / "out.ipynb"
    others = psutil.Process().children(recursive=True)  # other tests' idle workers
    write_notebook(notebook, "print('once')", "import os\nif killed:\n    os.kill(os.getpid(), 9)", "print('end')")
    with pytest.raises(StudyError, match=r"^in.ipynb, cell 3: Kernel died. .*memory.*batch_size.*out.failed.ipynb"):
        batch.run_notebook(notebook, output, {})
    assert set(psutil.Process().children(recursive=True)) <= set(others)
    assert [path.name for path in output.parent.iterdir()] == ["out.failed.ipynb"]
    assert "once" in (output.parent / "out.failed.ipynb").read_text()
    batch.run_notebook(notebook, output, {"killed": False})
    assert [path.name for path in output.parent.iterdir()] == ["out.ipynb"]
    assert "end" in output.read_text()


def dying_kernels(tmp_path, monkeypatch, *, count):
    """Let the next `count` kernels die when they start."""
    (tmp_path / "deaths").write_text("x" * count)
    code = """
import os, pathlib, sys
deaths = pathlib.Path(os.environ["DEATHS"])
if "ipykernel_launcher" in sys.orig_argv and deaths.read_text():
    deaths.write_text(deaths.read_text()[1:])
    os._exit(1)
"""
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("DEATHS", str(tmp_path / "deaths"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    monkeypatch.setattr(batch, "SECONDS_TO_NEXT_START", 0.1)


def test_a_kernel_that_dies_when_it_starts_is_started_again(tmp_path, monkeypatch, capfd):
    dying_kernels(tmp_path, monkeypatch, count=2)
    write_notebook(tmp_path / "in.ipynb", "print('end')")
    batch.run_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {})
    assert "end" in (tmp_path / "out.ipynb").read_text()
    assert capfd.readouterr().out.count("its kernel is started again") == 2


def test_kernels_that_always_die_when_they_start_end_in_one_error(tmp_path, monkeypatch):
    dying_kernels(tmp_path, monkeypatch, count=9)
    write_notebook(tmp_path / "in.ipynb", "print('end')")
    with pytest.raises(StudyError, match=r"^in.ipynb: Kernel died before"):
        batch.run_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {})
    assert len((tmp_path / "deaths").read_text()) == 9 - batch.KERNEL_STARTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_runner_that_is_stopped_takes_its_kernel_along_and_leaves_no_file(tmp_path, number):
    notebook, folder, kernel = tmp_path / "in.ipynb", tmp_path / "runs", tmp_path / "kernel"
    code = f"import os, pathlib, time\npathlib.Path({str(kernel)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    write_notebook(notebook, code)
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.batch", str(notebook), str(folder / "out.ipynb")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # whatever these tests were started to ignore
    )
    while not kernel.exists() or not kernel.read_text():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if "error" in line.lower()]
    assert line.startswith(f"error: in.ipynb, cell 2: stopped by {number.name}."), errors
    assert "Traceback" not in errors
    assert not psutil.pid_exists(int(kernel.read_text()))
    assert not os.listdir(folder)  # noqa: PTH208 (hidden files, too)
