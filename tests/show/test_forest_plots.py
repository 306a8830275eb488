"""Forest plots show short intervals whole, however long another one is."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from helpers.show.forest_plots import forest


def drawn(*rows):
    """Return an axis with intervals, each given as (value, low, high)."""
    table = pd.DataFrame(rows, columns=["value", "low", "high"]).assign(label="a", says="b", group="c")
    return forest(plt.figure().add_subplot(), table, matters=(1 / 1.15, 1.15), xlabel="ratio")


def arrows(axis):
    """Return the markers that stand at the ends of the axis."""
    return [line.get_marker() for line in axis.lines if line.get_marker() in ("<", ">")]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_an_interval_that_goes_on_has_an_arrow_and_leaves_the_others_their_room():
    axis = drawn((0.8, 0.7, 0.9), (0.4, 0.02, 7.0))
    assert axis.get_xlim() == pytest.approx((0.25, 4.0))
    assert arrows(axis) == ["<", ">"]


def test_intervals_that_fit_have_no_arrow():
    axis = drawn((0.8, 0.7, 0.9), (0.4, 0.3, 3.0))
    assert axis.get_xlim() == pytest.approx((0.3 / 1.1, 3.3))
    assert not arrows(axis)


def test_a_ratio_far_away_is_on_the_axis():
    axis = drawn((9.0, 8.0, 20.0), (0.1, 0.01, 0.2))
    assert axis.get_xlim() == pytest.approx((0.1 / 1.1, 9.9))
    assert arrows(axis) == [">", "<"]
