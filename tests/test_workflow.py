"""The whole path at its smallest: workflow, papermill, notebooks, nbval, and what happens when something is wrong."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from helpers import StudyError, batch, evaluate, files, prepare_manifest, read_config
from helpers.paths import ROOT

WORKFLOW = [sys.executable, "workflow/run.py"]


def call(command, **settings):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **settings)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Return the folder of a run of profile smoke."""
    runs = tmp_path_factory.mktemp("runs")
    result = call([*WORKFLOW, "--config", "profile=smoke", f"runs_dir={runs}"])
    assert result.returncode == 0, result.stdout + result.stderr
    return runs / "smoke"


def modified(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_every_file_of_the_design(smoke):
    for name in ("none", "soft", "none-adversarial"):
        folder = smoke / "skin_lesion" / f"resnet50-{name}-seed0"
        names = "parameters.json model.keras history.csv predictions.csv robustness.csv checks.json adversarials.npz"
        explained = "" if "adversarial" in name else "explanations.csv explanations.npz detection.csv"
        assert sorted(p.name for p in folder.iterdir()) == sorted([*names.split(), *explained.split(), "tensorboard"])
        robustness = pd.read_csv(folder / "robustness.csv")
        expected = ["image", "label", "attack", "epsilon", "seed", "prediction", "correct"]
        assert list(robustness.columns) == expected
        assert robustness.groupby("epsilon").image.nunique().eq(8).all()
        recorded = {"model.keras", "predictions.csv", "robustness.csv"} | ({"explanations.csv"} if explained else set())
        assert set(files.read_json(folder / "parameters.json")) == recorded
        predictions = pd.read_csv(folder / "predictions.csv")
        assert predictions.iloc[:, 3:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    kinds = ("accuracy_against_epsilon", "perturbation_examples", "grad_cam", "perturbation_shapes")
    compared = ("skin_lesion-resnet50-seed0", "retinopathy-inception_resnet_v2-seed0")
    drawn = {path.stem for path in (smoke / "figures").glob("*-seed0.*")}
    both = {"grad_cam-resnet50-seed0", "grad_cam-inception_resnet_v2-seed0"}
    assert drawn == {f"{kind}-{models}" for kind in kinds for models in compared} | both
    results = pd.read_csv(smoke / "results" / "smoke.csv")
    assert set(results.task) == {"skin_lesion", "retinopathy"}
    assert set(results.training) == {"standard", "adversarial"}
    assert len(list((smoke / "notebooks").glob("*.ipynb"))) == 12
    assert not list(smoke.rglob(".*"))


def test_models_start_from_their_backbones_pretraining(smoke):
    pretrained = smoke / "pretrained" / "resnet50"
    assert pd.read_csv(pretrained / "history.csv").epoch.tolist() == [1]
    assert sorted(path.name for path in pretrained.iterdir()) == [
        "backbone.weights.h5",
        "history.csv",
        "parameters.json",
    ]
    record = files.recorded(smoke / "skin_lesion" / "resnet50-none-seed0" / "model.keras")
    assert record["weights_digest"] == files.digest(pretrained / "backbone.weights.h5")


def test_a_second_run_does_nothing(smoke):
    before = modified(smoke)
    result = call([*WORKFLOW, "--config", "profile=smoke", f"runs_dir={smoke.parent}"])
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr
    assert modified(smoke) == before


def test_only_what_is_missing_is_made_again_and_it_comes_out_the_same(smoke, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(smoke, runs / "smoke", copy_function=shutil.copy2)
    folder = runs / "smoke" / "skin_lesion" / "resnet50-none-seed0"
    model = files.digest(folder / "model.keras")
    for name in ("predictions.csv", "robustness.csv"):
        (folder / name).unlink()
    (runs / "smoke" / "notebooks" / "04_evaluate_pgd-skin_lesion-resnet50-seed0.ipynb").unlink()
    result = call([*WORKFLOW, "--config", "profile=smoke", f"runs_dir={runs}"])
    assert result.returncode == 0, result.stdout + result.stderr
    assert files.digest(folder / "model.keras") == model
    for name in ("predictions.csv", "robustness.csv"):
        old, new = (pd.read_csv(f / "skin_lesion/resnet50-none-seed0" / name) for f in (smoke, runs / "smoke"))
        pd.testing.assert_frame_equal(old, new, rtol=1e-4)


def test_the_plan_is_shown_without_running(tmp_path):
    result = call([*WORKFLOW, "-n", "--config", "profile=smoke", f"runs_dir={tmp_path}"])
    assert result.returncode == 0
    for job, count in (
        *(("prepare_data", 3), ("pretrain", 1), ("train", 4)),
        *(("evaluate", 2), ("question", 1), ("explain", 2), ("figures", 1)),
    ):
        assert re.search(rf"{job}\s+{count}\b", result.stdout + result.stderr), job
    assert not list(tmp_path.iterdir())


def test_a_profile_of_ones_own_may_lie_anywhere_and_list_several_seeds(tmp_path):
    content = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
    content["models"] = [{**model, "seed": seed} for model in content["models"] for seed in (0, 1)]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    result = call([*WORKFLOW, "-n", "--config", f"profile={path}", f"runs_dir={tmp_path}"])
    assert result.returncode == 0, result.stdout + result.stderr
    for job, count in (("prepare_data", 3), ("pretrain", 1), ("train", 8), ("evaluate", 4), ("figures", 1)):
        assert re.search(rf"{job}\s+{count}\b", result.stdout + result.stderr), job


def test_a_lock_left_by_a_killed_run_does_not_stop_the_next_but_a_living_run_does(smoke):
    import fcntl

    locks = ROOT / ".snakemake" / "locks"
    stale = locks / "0.output.lock"
    stale.write_text(str(smoke / "results" / "smoke.csv") + "\n")
    command = [*WORKFLOW, "--config", "profile=smoke", f"runs_dir={smoke.parent}"]
    assert call(command).returncode == 0
    with (ROOT / ".snakemake" / "run.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = call(command)
    assert result.returncode == 1
    assert "another run of the workflow is at work" in result.stderr


def test_the_executed_notebooks_repeat_themselves_under_nbval(smoke):
    kinds = ("01_*", "train-*-resnet50-*", "train-*-inception_resnet_v2-*", "04_*", "05_*", "06_*")
    copies = [min((smoke / "notebooks").glob(f"{kind}.ipynb")) for kind in kinds]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-p",
        "no:cacheprovider",
        "-q",
        "-c",
        os.devnull,
        *map(str, copies),
    ]
    result = call(command)
    assert result.returncode == 0, result.stdout[-3000:]
    executed = sum(cell.cell_type == "code" for path in copies for cell in nbformat.read(path, as_version=4).cells)
    assert f"{executed} passed" in result.stdout


def test_a_model_is_not_tested_on_a_split_it_was_not_trained_for(smoke, tmp_path):
    shutil.copytree(smoke, tmp_path / "smoke")
    config = read_config(profile="smoke", runs_dir=str(tmp_path), folds=7)
    prepare_manifest(config)
    with pytest.raises(StudyError, match="model.keras: expected a model of the images and split in"):
        evaluate(config)


def test_other_epsilons_by_papermill_leave_the_profiles_outcome_alone(smoke, tmp_path):
    before = modified(smoke)
    command = [sys.executable, "-m", "papermill", "notebooks/04_evaluate_pgd.ipynb", str(tmp_path / "out.ipynb")]
    command += [
        "-p",
        "profile",
        "smoke",
        "-p",
        "runs_dir",
        str(smoke.parent),
        "-p",
        "epsilons",
        "2/255, 8/255, 1",
        "-k",
        "python3",
    ]
    result = call(command)
    assert result.returncode == 0, result.stderr[-2000:]
    assert {
        path: time for path, time in modified(smoke).items() if path in before and path.name != "parameters.json"
    } == {path: time for path, time in before.items() if path.name != "parameters.json"}
    (table,) = (smoke / "skin_lesion" / "resnet50-soft-seed0").glob("robustness-*.csv")
    assert pd.read_csv(table).epsilon.unique() == pytest.approx([0, 2 / 255, 8 / 255, 1])


def look_at_the_data(tmp_path, **parameters):
    """Run notebook 01; return its manifest."""
    parameters = {"profile": "smoke", "runs_dir": str(tmp_path), **{name: str(p) for name, p in parameters.items()}}
    command = [sys.executable, "-m", "helpers.batch", "notebooks/01_prepare_data.ipynb", str(tmp_path / "out.ipynb")]
    result = call([*command, *(word for name, value in parameters.items() for word in ("-p", name, value))])
    assert result.returncode == 0, result.stderr
    return pd.read_csv(tmp_path / "smoke" / parameters["task"] / "manifest.csv")


def test_notebook_01_looks_at_a_medmnist_file(tmp_path):
    rng = np.random.default_rng(0)
    content = {}
    for split, count in (("train", 40), ("val", 10), ("test", 10)):
        content[f"{split}_images"] = rng.integers(0, 256, (count, 64, 64), dtype=np.uint8)
        content[f"{split}_labels"] = rng.integers(0, 2, (count, 14)).astype(np.uint8)
    np.savez(tmp_path / "chestmnist_64.npz", **content)
    manifest = look_at_the_data(
        tmp_path, task="pneumothorax", source="medmnist", data_dir=tmp_path / "chestmnist_64.npz"
    )
    assert manifest.split.value_counts().to_dict() == {"train": 40, "validation": 10, "test": 10}


@pytest.mark.parametrize(
    ("folder", "parameters"),
    [
        ("HAM10000", {"task": "skin_lesion"}),
        ("EyePACS", {"task": "retinopathy", "threshold": 0}),
        ("ChestX-ray14", {"task": "pneumothorax", "finding": "Pneumonia", "against": "no_finding"}),
        ("ChestX-ray14_64px", {"task": "pneumothorax", "folds": 3}),
    ],
)
def test_notebook_01_looks_at_real_images(real_images, tmp_path, folder, parameters):
    manifest = look_at_the_data(tmp_path, source="folder", data_dir=real_images / folder, **parameters)
    assert set(manifest.split) == {"train", "validation", "test"}


def test_an_unknown_parameter_lists_those_there_are(tmp_path):
    with pytest.raises(
        StudyError, match=r"parameter of 01_prepare_data.ipynb: .*phantom_size.*'phantom'.*Did you mean"
    ):
        batch.run_notebook(ROOT / "notebooks" / "01_prepare_data.ipynb", tmp_path / "out.ipynb", {"phantom": 3})
    assert not list(tmp_path.iterdir())


def test_a_bad_value_stops_a_notebook_with_one_error_and_no_output(tmp_path):
    output = tmp_path / "out.ipynb"
    command = [
        sys.executable,
        "-m",
        "helpers.batch",
        "notebooks/04_evaluate_pgd.ipynb",
        str(output),
        "-p",
        "epsilons",
        "[0.2, 0.1]",
    ]
    result = call(command)
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "StudyError: epsilons: expected L∞ radii" in line
    assert "[0.2, 0.1]" in line
    assert [path.name for path in tmp_path.iterdir()] == ["out.failed.ipynb"]


def test_a_bad_profile_stops_the_workflow_before_any_job(tmp_path):
    content = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
    content["parameters"]["epsilon"] = content["parameters"].pop("epsilons")
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    result = call([*WORKFLOW, "--config", f"profile={path}", f"runs_dir={tmp_path}"])
    assert result.returncode == 1
    assert "Did you mean 'epsilons'?" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
