import subprocess
import sys

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml

from helpers.artifacts.folders import RunFolder
from helpers.errors import StudyError
from helpers.paths import ROOT
from helpers.profiles import read_models
from helpers.show import figures
from helpers.show.figures import draw_figures, draw_phantoms, main

FIGURES_OF_EXPLANATIONS = ("grad_cam", "perturbation_shapes")
FIGURES_OF_ATTACKS = ("accuracy_against_epsilon", "perturbation_examples")


@pytest.fixture
def folders(tmp_path):
    """Return where runs are and figures and results go, by parameter."""
    return {f"{name}_dir": str(tmp_path / name) for name in ("runs", "figures", "results")}


@pytest.fixture
def leave_runs(leave_attack, leave_explanation):
    """Return a function that leaves the attacks of a profile's models, and the explanations of the standard ones."""

    def leave(profile, runs_dir):
        for config in read_models(profile, runs_dir=runs_dir):
            leave_attack(config)
            if config.training == "standard":
                leave_explanation(config)

    return leave


def test_figures_and_their_numbers_come_from_the_files_of_runs_alone(folders, leave_runs):
    leave_runs("smoke", folders["runs_dir"])
    written = draw_figures(profile="smoke", **folders)
    pictures = [path for path in written if path.suffix != ".csv"]
    groups = ("skin_lesion-resnet50-seed0", "retinopathy-inception_resnet_v2-seed0")
    kinds = FIGURES_OF_ATTACKS + FIGURES_OF_EXPLANATIONS
    assert {path.stem for path in pictures} == {f"{kind}-{group}" for kind in kinds for group in groups}
    assert all(plt.imread(path).shape[1] > 800 for path in pictures)
    numbers, measures = (pd.read_csv(path) for path in written if path.suffix == ".csv")
    assert set(measures.measure) == {"entropy", "contrast"}
    assert set(measures.task) == {"skin_lesion", "retinopathy"}
    lesions = numbers[numbers.task == "skin_lesion"]
    assert lesions.groupby("training").accuracy.first().to_dict() == {"standard": 0.9, "adversarial": 0.9}
    assert set(numbers.attack_checks) == {"trusted"}


def test_a_model_that_was_not_attacked_is_an_error(folders, leave_runs):
    leave_runs("smoke", folders["runs_dir"])
    RunFolder.from_config(read_models("smoke", runs_dir=folders["runs_dir"])[0]).robustness.unlink()
    with pytest.raises(StudyError, match="robustness.csv: expected a table"):
        draw_figures(profile="smoke", **folders)


def test_a_run_that_goes_on_is_drawn_as_far_as_it_is_and_one_seed_if_asked(tmp_path, folders, leave_runs):
    profile = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
    model = {"task": "pneumothorax", "backbone": "resnet50", "attention": "none"}
    profile["models"] = [{**model, "seed": seed} for seed in (0, 1, 2)]
    path = tmp_path / "three.yaml"
    path.write_text(yaml.safe_dump(profile))
    leave_runs(str(path), folders["runs_dir"])
    models = read_models(str(path), runs_dir=folders["runs_dir"])
    for model in models:
        folder = RunFolder.from_config(model)
        folder.predictions.touch()  # they are not drawn
        folder.detection.touch()
    RunFolder.from_config(models[2]).robustness.unlink()
    written = draw_figures(profile=str(path), **folders, so_far=True, seed=1)
    pictures = [file for file in written if file.suffix != ".csv"]
    assert len(pictures) == 4
    assert all(file.stem.endswith("-seed1") for file in pictures)
    accuracies = next(file for file in written if file.name == "summary.csv")
    assert set(pd.read_csv(accuracies).seed) == {0, 1}


@pytest.mark.parametrize(
    ("training", "kinds", "tables"),
    [
        ("standard", FIGURES_OF_ATTACKS + FIGURES_OF_EXPLANATIONS, ["summary.csv", "summary_explanations.csv"]),
        ("adversarial", FIGURES_OF_ATTACKS, ["summary.csv"]),  # notebook 06 explains no adversarially trained models
    ],
)
def test_a_profile_may_have_a_single_model_of_either_training(tmp_path, folders, leave_runs, training, kinds, tables):
    profile = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
    profile["models"] = [{"task": "pneumothorax", "backbone": "resnet50", "attention": "soft", "training": training}]
    path = tmp_path / "one.yaml"
    path.write_text(yaml.safe_dump(profile))
    leave_runs(str(path), folders["runs_dir"])
    written = draw_figures(profile=str(path), **folders)
    assert sorted(file.name for file in written if file.suffix == ".csv") == tables
    assert {file.name.split("-")[0] for file in written if file.suffix != ".csv"} == set(kinds)
    assert all(file.is_file() for file in written)


def test_the_command_line_draws_a_profile_and_the_phantoms(folders, leave_runs, monkeypatch, capsys):
    leave_runs("smoke", folders["runs_dir"])
    monkeypatch.setattr(figures, "KINDS", {"chest_xray": figures.KINDS["chest_xray"]})  # the fastest
    options = [f"--{name.replace('_', '-')}={path}" for name, path in folders.items()]
    monkeypatch.setattr(sys, "argv", ["figures", "--profile=smoke", *options])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith(".csv") for line in lines) == 2
    assert sum("phantoms-" in line for line in lines) == 1


def test_the_command_line_says_what_is_wrong_and_fails(folders, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["figures", "--profile=smoke", f"--runs-dir={folders['runs_dir']}"])
    with pytest.raises(SystemExit) as failure:
        main()
    assert failure.value.code == 1
    assert "error: " in capsys.readouterr().err


def test_every_kind_of_phantom_has_a_sheet(tmp_path):
    paths = draw_phantoms(str(tmp_path), columns=2, size=32)
    assert sorted(path.stem for path in paths) == [f"phantoms-{k}" for k in ("chest_xray", "dermatoscopy", "fundus")]
    assert all(plt.imread(path).std() > 0 for path in paths)


def test_figures_and_verdicts_need_no_tensorflow():
    code = "import sys, helpers.show.figures, helpers.judge.statistics; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
