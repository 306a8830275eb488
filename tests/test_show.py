import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.config import StudyError, read_models
from helpers.judge.statistics import accuracy_by_epsilon
from helpers.paths import RunFolder
from helpers.show import plots
from helpers.show.figures import draw_figures, draw_phantoms


@pytest.fixture
def axis():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


def robustness(epsilons=(0.0, 0.1, 0.2), images=10):
    rows = [(i, "nv" if i else "mel", e, i > 20 * e) for e in epsilons for i in range(images)]
    return pd.DataFrame(rows, columns=["image", "label", "epsilon", "correct"])


def test_accuracy_against_epsilon_shows_curve_clean_accuracy_majority_and_verdict(axis):
    curve = accuracy_by_epsilon(robustness())
    returned = plots.accuracy_against_epsilon(axis, {"one": curve}, verdicts={"one": "doubtful"}, majority=0.9)
    assert returned is axis
    assert "doubtful" in " ".join(text.get_text() for text in axis.get_legend().get_texts())
    assert axis.lines[0].get_ydata().tolist() == curve.accuracy[1:].tolist()
    assert {line.get_ydata()[0] for line in axis.lines[1:3]} == {0.9}
    assert "epsilon (L∞" in axis.get_xlabel()
    assert axis.get_ylim() == (0, 1)
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0.1\n25.5/255", "0.2\n51/255"]


def test_confusion_counts_by_true_class(axis):
    predictions = pd.DataFrame({"label": list("aab"), "prediction": list("aba")})
    plots.confusion(axis, predictions, ["a", "b"])
    assert [text.get_text() for text in axis.texts] == ["1", "1", "1", "·"]


def test_training_curve_shows_both_splits_by_epoch(axis):
    plots.training_curve(axis, pd.DataFrame({"epoch": [1, 2], "accuracy": [0.1, 0.2], "val_accuracy": [0.1, 0.3]}))
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0.1, 0.2], [0.1, 0.3]]


def test_a_perturbation_is_magnified_to_the_full_range():
    assert plots.magnified(np.array([-0.1, 0, 0.1]), epsilon=0.1) == pytest.approx([0, 0.5, 1])


def test_figures_and_their_numbers_come_from_tables_alone(tmp_path):
    for config in read_models("smoke"):
        folder = RunFolder.of(config.but(runs_dir=str(tmp_path)))
        folder.path.mkdir(parents=True)
        robustness().to_csv(folder.robustness, index=False)
        folder.checks.write_text(json.dumps({"verdict": "trusted", "checks": []}))
        arrays = {"images": np.zeros((3, 8, 8, 3)), "adversarials": np.full((3, 8, 8, 3), 0.01)}
        np.savez(folder.adversarials, **arrays, minimal_epsilon=np.array([0, 0.01, np.inf]))
    where = {
        "runs_dir": str(tmp_path),
        "figures_dir": str(tmp_path / "figures"),
        "results_dir": str(tmp_path / "results"),
    }
    *figures, numbers = draw_figures(profile="smoke", **where)
    kinds, tasks = zip(*(path.name.split("-")[:2] for path in figures), strict=True)
    assert kinds == ("accuracy_against_epsilon", "perturbation_examples") * 2
    assert tasks == ("skin_lesion", "skin_lesion", "retinopathy", "retinopathy")
    assert all(plt.imread(figure).shape[1] > 800 for figure in figures)
    table = pd.read_csv(numbers)
    lesions = table[table.task == "skin_lesion"]
    assert lesions.groupby("attention").accuracy.first().to_dict() == {"none": 0.9, "soft": 0.9}
    assert set(table.attack_checks) == {"trusted"}
    folder.robustness.unlink()
    with pytest.raises(StudyError, match="robustness.csv: expected the outcome of an attack"):
        draw_figures(profile="smoke", **where)


def test_every_kind_of_phantom_has_a_sheet(tmp_path):
    paths = draw_phantoms(str(tmp_path), columns=2, size=32)
    assert sorted(path.stem for path in paths) == [f"phantoms-{k}" for k in ("chest_xray", "dermatoscopy", "fundus")]
    assert all(plt.imread(path).std() > 0 for path in paths)


def test_a_grid_has_a_row_a_name_and_as_many_columns_as_its_longest_row():
    picture = np.zeros((4, 4, 3), np.uint8)
    figure = plots.picture_grid({"one": [picture], "three": [picture] * 3}, title="both")
    assert [strip.get_suptitle() for strip in figure.subfigs] == ["one", "three"]
    assert [len(axis.images) for axis in figure.axes] == [1, 0, 0, 1, 1, 1]
    plt.close(figure)


def test_histograms_are_densities_of_the_grey_values_of_each_class(axis):
    pixels = np.stack([np.full((2, 2, 3), 0.25), np.full((2, 2, 3), 0.75), np.full((2, 2, 3), 0.75)])
    plots.intensity_histograms(axis, pixels, np.array([0, 1, 1]), ("dark", "light"))
    dark, light = (line.get_ydata() for line in axis.lines)
    assert dark.argmax() == 16
    assert light.argmax() == 48
    assert dark.sum() / 64 == pytest.approx(1)


def test_figures_and_verdicts_need_no_tensorflow():
    code = "import sys, helpers.show.figures, helpers.judge.statistics; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
