import itertools
import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from helpers.config import StudyError, read_config, read_models
from helpers.explain.table import COLUMNS
from helpers.judge.statistics import accuracy_by_epsilon
from helpers.paths import RunFolder
from helpers.show import explanations, plots
from helpers.show.figures import compare_models, draw_figures, draw_phantoms


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


@pytest.mark.parametrize("models", [2, 3])
def test_equal_clean_accuracies_show_the_colours_of_all_their_models(axis, models):
    curve, names = accuracy_by_epsilon(robustness()), [f"model {number}" for number in range(models)]
    plots.accuracy_against_epsilon(axis, dict.fromkeys(names, curve), verdicts=dict.fromkeys(names, ""), majority=0.2)
    axis.figure.canvas.draw()
    pixels = np.asarray(axis.figure.canvas.buffer_rgba())[..., :3].astype(int)
    height = len(pixels) - axis.transData.transform((0.1, curve.accuracy[0]))[1]
    line = pixels[round(height) - 2 : round(height) + 2].reshape(-1, 3)
    for drawn in axis.lines[:models]:
        color = 255 * np.array(to_rgb(drawn.get_color()))
        seen = (np.abs(line - color).max(axis=1) < 60).sum()
        assert seen > pixels.shape[1] / models / 4  # a quarter of its share of the width


def explanation(config, images=4, shown=3):
    """Return the arrays and the table that an explanation of a model with 3×3 maps would leave."""
    rng, size = np.random.default_rng(0), 16
    labels = np.arange(images) % len(config.classes)
    arrays = {
        "labels": labels,
        "names": np.array([f"image {number}" for number in range(images)]),
        "epsilons": np.array([0.00125, 0.32]),
        "predictions": np.stack([labels, labels, (labels + 1) % len(config.classes)]),
        "maps_true": rng.uniform(size=(3, images, 3, 3)),
        "maps_predicted": np.zeros((3, images, 3, 3)),
        "images": rng.uniform(size=(shown, size, size, 3)),
        "changes": rng.uniform(-1, 1, (2, shown, size, size, 3)).astype(np.float16),
        "shapes": np.zeros((shown, size, size), bool),
    }
    if config.attention == "soft":
        arrays["attention"] = np.full((3, images, 3, 3), 1 / 9)
    rows = [
        (name, name, condition, epsilon, target, False, measure, rng.uniform(), "")
        for name in arrays["names"]
        for condition, epsilon in [("clean", 0), *itertools.product(("attack", "noise"), (0.00125, 0.32))]
        for target, measure in (("true", "entropy"), ("", "contrast"))
    ]
    return arrays, pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture
def explained(tmp_path):
    """Return the standard configurations of profile smoke, with explanations in their run folders."""
    configs = [c.but(runs_dir=str(tmp_path)) for c in read_models("smoke") if c.training == "standard"]
    for config in configs:
        folder = RunFolder.of(config)
        folder.path.mkdir(parents=True, exist_ok=True)
        arrays, table = explanation(config)
        np.savez(folder.maps, **arrays)
        table.to_csv(folder.explanations, index=False)
    return configs


def test_maps_are_shown_a_row_an_image_and_model_at_the_papers_epsilon(explained):
    figure = explanations.show_maps(explained[:2], images=2)
    axes = np.reshape(figure.axes, (4, 7))
    assert "phantoms" in figure.get_suptitle()
    words = [line[0].texts[0].get_text() for line in axes]
    assert ["with soft attention" in text for text in words] == [False, True] * 2
    assert all("ε = 0.00125" in text for text in words)  # the nearest to the paper's .01
    assert "it says akiec, still" in words[0]
    assert [text.get_text() for text in axes[0, 5].texts] == ["none"]  # no attention layer, no map of it
    plt.close(figure)


def test_perturbations_are_shown_a_row_a_model_and_epsilon_and_noise_below(explained):
    folder = RunFolder.of(explained[0])
    arrays = dict(np.load(folder.maps))
    arrays["images"][:] = 0  # cannot be darkened
    np.savez(folder.maps, **arrays)
    figure = explanations.show_perturbations(explained[:2], columns=3)
    axes = np.reshape(figure.axes, (1 + 2 * 2 + 1, 3))
    assert axes[0, 0].texts[0].get_text() == "original"  # no mask, no outline
    assert axes[-1, 0].texts[0].get_text() == "uniform noise\nε = 0.32"
    noise = axes[-1, 0].images[0].get_array()
    assert noise.min() == 0.5  # grey: no change
    assert noise.mean() == pytest.approx(0.625, abs=0.02)  # half of it clipped, the rest between grey and white
    assert "0..255" in figure.get_suptitle()
    plt.close(figure)


def test_a_measure_is_shown_beside_its_control(axis, explained):
    summary = explanations.summarise_measures(explanations.read_measures(explained[:2]))
    plots.measure_against_epsilon(axis, summary[summary.measure == "entropy"])
    labels = axis.get_legend_handles_labels()[1]
    models = ("without attention", "with soft attention")
    assert labels == [f"{model}, {condition}" for model in models for condition in ("attack", "noise")]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0.00125", "0.32"]
    plots.measure_against_epsilon(axis, summary[summary.measure == "regions"])
    assert axis.texts[-1].get_text() == "no value here"


def test_without_an_explanation_it_says_which_notebook_makes_it(explained):
    RunFolder.of(explained[0]).maps.unlink()
    with pytest.raises(StudyError, match=r"explanations.npz: expected an explanation.*06_explain_gradcam"):
        explanations.show_maps(explained)


def test_confusion_counts_by_true_class(axis):
    predictions = pd.DataFrame({"label": list("aab"), "prediction": list("aba")})
    plots.confusion(axis, predictions, ["a", "b"])
    assert [text.get_text() for text in axis.texts] == ["1", "1", "1", "·"]


def test_training_curve_shows_both_splits_by_epoch(axis):
    plots.training_curve(axis, pd.DataFrame({"epoch": [1, 2], "accuracy": [0.1, 0.2], "val_accuracy": [0.1, 0.3]}))
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0.1, 0.2], [0.1, 0.3]]


def test_a_perturbation_is_magnified_to_the_full_range():
    assert plots.magnified(np.array([-0.1, 0, 0.1]), epsilon=0.1) == pytest.approx([0, 0.5, 1])


def test_figures_and_their_numbers_come_from_tables_alone(tmp_path, explained):
    for config in read_models("smoke"):
        folder = RunFolder.of(config.but(runs_dir=str(tmp_path)))
        folder.path.mkdir(parents=True, exist_ok=True)
        robustness().to_csv(folder.robustness, index=False)
        folder.checks.write_text(json.dumps({"verdict": "trusted", "checks": []}))
        arrays = {"images": np.zeros((3, 8, 8, 3)), "adversarials": np.full((3, 8, 8, 3), 0.01)}
        np.savez(folder.adversarials, **arrays, minimal_epsilon=np.array([0, 0.01, np.inf]))
    where = {
        "runs_dir": str(tmp_path),
        "figures_dir": str(tmp_path / "figures"),
        "results_dir": str(tmp_path / "results"),
    }
    written = draw_figures(profile="smoke", **where)
    figures = [path for path in written if path.suffix != ".csv"]
    numbers, measures = (path for path in written if path.suffix == ".csv")
    names = ("accuracy_against_epsilon", "perturbation_examples", "grad_cam", "perturbation_shapes")
    compared = ("skin_lesion-resnet50-seed0", "retinopathy-inception_resnet_v2-seed0")
    both = {"grad_cam-resnet50-seed0", "grad_cam-inception_resnet_v2-seed0"}
    assert {figure.stem for figure in figures} == {f"{name}-{which}" for name in names for which in compared} | both
    assert all(plt.imread(figure).shape[1] > 800 for figure in figures)
    assert set(pd.read_csv(measures).measure) == {"entropy", "contrast"}
    table = pd.read_csv(numbers)
    lesions = table[table.task == "skin_lesion"]
    assert lesions.groupby("attention").accuracy.first().to_dict() == {"none": 0.9, "soft": 0.9}
    assert set(table.attack_checks) == {"trusted"}
    folder.robustness.unlink()
    with pytest.raises(StudyError, match="robustness.csv: expected the outcome of an attack"):
        draw_figures(profile="smoke", **where)


def test_models_of_different_attacks_are_compared_each_by_its_own_outcome_and_the_title_says_so(tmp_path):
    standard, adversarial = (
        read_config(profile="smoke", training=training, steps=steps, rel_stepsize=2.5 / steps, runs_dir=str(tmp_path))
        for training, steps in (("standard", 10), ("adversarial", 20))
    )
    folders = [RunFolder.of(standard).variant("other"), RunFolder.of(adversarial)]
    for folder, epsilons in zip(folders, ((0.0, 0.1), (0.0, 0.2)), strict=True):
        folder.path.mkdir(parents=True)
        robustness(epsilons).to_csv(folder.robustness, index=False)
        folder.checks.write_text(json.dumps({"verdict": "trusted", "checks": []}))
    figure, numbers = compare_models([standard, adversarial], folders=folders)
    assert numbers.groupby("training").epsilon.max().to_dict() == {"standard": 0.1, "adversarial": 0.2}
    assert "10 steps of ε/4 (standard) and 20 steps of ε/8 (adversarial)" in figure.axes[0].get_title("left")
    alike, _ = compare_models([standard], folders=folders[:1])
    assert "PGD, 10 steps of ε/4, protocol" in alike.axes[0].get_title("left")


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
