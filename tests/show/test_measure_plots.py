import pandas as pd
import pytest

from helpers.show import measure_plots
from helpers.show.model_tables import read_measures, summarise_measures


@pytest.fixture
def summary(smoke, leave_explanation):
    """Return the summary of the measures of two models."""
    return summarise_measures(read_measures([leave_explanation(config) for config in smoke[:2]]))


def test_a_measure_is_shown_beside_its_control(axis, summary):
    measure_plots.measure_against_epsilon(axis, summary[summary.measure == "entropy"])
    labels = axis.get_legend_handles_labels()[1]
    models = ("without attention", "with soft attention")
    assert labels == [f"{model}, {condition}" for model in models for condition in ("attack", "noise", "other image")]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0.00125", "0.32"]


def test_a_measure_without_a_value_says_so(axis, summary):
    measure_plots.measure_against_epsilon(axis, summary[summary.measure == "regions"])
    assert axis.texts[-1].get_text() == "no value here"


def test_more_models_than_markers_can_be_drawn(axis, summary):
    one = summary[(summary.measure == "entropy") & (summary.model == "with soft attention")]
    measure_plots.measure_against_epsilon(axis, pd.concat([one.assign(model=str(number)) for number in range(7)]))
    assert len(axis.get_legend_handles_labels()[1]) == 21


def test_a_figure_has_a_plot_a_measure_and_a_legend_even_if_the_first_has_no_value(summary):
    figure = measure_plots.show_measures(summary, ["regions", "entropy"], target="true", title="two")
    assert figure.get_suptitle() == "two"
    assert [axis.get_title("left") for axis in figure.axes[:2]] == ["regions", "entropy (n = 4)"]
    assert len(figure.legends[0].get_texts()) == 6
