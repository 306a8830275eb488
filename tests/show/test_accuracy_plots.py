import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from helpers.judge.statistics import accuracy_by_epsilon, image_radii
from helpers.show import accuracy_plots


def test_importing_the_plots_puts_the_style_of_the_study_in_use():
    assert plt.rcParams["axes.titlelocation"] == "left"
    assert plt.rcParams["figure.constrained_layout.use"]


def test_accuracy_against_epsilon_shows_curve_clean_accuracy_majority_and_verdict(axis, robustness):
    curve = accuracy_by_epsilon(robustness(), [0.1, 0.2])
    returned = accuracy_plots.accuracy_against_epsilon(axis, {"one": curve}, verdicts={"one": "doubtful"}, majority=0.9)
    assert returned is axis
    assert "doubtful" in " ".join(text.get_text() for text in axis.get_legend().get_texts())
    assert axis.lines[0].get_ydata().tolist() == curve.accuracy[1:].tolist()
    assert {line.get_ydata()[0] for line in axis.lines[1:3]} == {0.9}
    assert "epsilon (L∞" in axis.get_xlabel()
    assert axis.get_ylim() == (0, 1)
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0.1\n25.5/255", "0.2\n51/255"]


def test_curves_have_bands_where_there_are_intervals(axis, robustness):
    curve = accuracy_by_epsilon(robustness(), [0.1, 0.2])
    accuracy_plots.robust_curves(axis, {"one": curve, "two": curve.drop(columns=["low", "high"])})
    assert (len(axis.lines), len(axis.collections)) == (2, 1)


@pytest.mark.parametrize("models", [2, 3])
def test_equal_clean_accuracies_show_the_colours_of_all_their_models(axis, robustness, models):
    curve, names = accuracy_by_epsilon(robustness(), [0.1, 0.2]), [f"model {number}" for number in range(models)]
    accuracy_plots.accuracy_against_epsilon(
        axis, dict.fromkeys(names, curve), verdicts=dict.fromkeys(names, ""), majority=0.2
    )
    axis.figure.canvas.draw()
    pixels = np.asarray(axis.figure.canvas.buffer_rgba())[..., :3].astype(int)
    height = len(pixels) - axis.transData.transform((0.1, curve.accuracy[0]))[1]
    line = pixels[round(height) - 2 : round(height) + 2].reshape(-1, 3)
    for drawn in axis.lines[:models]:
        color = 255 * np.array(to_rgb(drawn.get_color()))
        seen = (np.abs(line - color).max(axis=1) < 60).sum()
        assert seen > pixels.shape[1] / models / 4  # a quarter of its share of the width


def test_bars_count_the_images_by_their_radii(axis, robustness):
    models = {"one": image_radii(robustness()), "two": pd.Series([0.1, 0.07, np.inf])}
    accuracy_plots.radii(axis, models, epsilons=[0.1, 0.2])
    ticks = [tick.get_text() for tick in axis.get_xticklabels()]
    assert ticks == ["wrong\nclean", "0.1\n25.5/255", "0.2\n51/255", "larger,\nor none"]
    heights = [[bar.get_height() for bar in bars] for bars in axis.containers]
    assert heights == [[1, 2, 2, 5], [0, 2, 0, 1]]


def test_outcomes_are_dark_where_broken_with_the_most_easily_broken_image_first(axis):
    held = {"weak": np.array([True, True, False]), "strong": np.array([True, False, False])}
    accuracy_plots.outcomes(axis, held)
    broken = axis.collections[0].get_array().reshape(2, 3)
    assert broken.tolist() == [[True, False, False], [True, True, False]]
