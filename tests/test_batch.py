"""Papermill, strictly: what a notebook refuses, and notebook 01 on data in every form."""

import subprocess
import sys

import numpy as np
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
