"""Plots of the measures of explanations against epsilon, each beside its controls."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.show.style import MARKERS

COLUMNS_OF_PLOTS = 4
MODEL_SHIFT = 0.06  # to the right, in ticks, so that intervals do not cover each other
CONDITIONS = (("attack", None, "-"), ("noise", "white", "--"), ("other image", "0.8", "-."))  # filling, line style
CONDITION_SHIFT = 0.12
NEUTRAL = {  # values of a perturbation or map that ignores the image; of white noise
    "energy in the mask": 0.5,
    "energy on the sign": 0.5,
    "ring against centre": 0.5,
    "agreement with the shape": 0.5,
    "high frequencies": 0.8,
    "map in the mask": 0.5,
    "map on the sign": 0.5,
}


def measure_against_epsilon(axis: Axes, summary: pd.DataFrame) -> Axes:
    """Plot one measure's means and intervals, three lines a model: attacked images, and two controls.

    Args:
        axis: The axis to draw on; it is returned.
        summary: Columns model, condition, epsilon, mean, low and high. Condition "attack" is drawn filled and solid,
            "noise" hollow and dashed, "other image" pale grey and dash-dotted; "clean" is a dotted line, and so is
            "shuffled weights", in grey. Rows without a mean are left out.
    """
    known = summary.dropna(subset="mean")
    if known.empty:
        axis.text(0.5, 0.5, "no value here", transform=axis.transAxes, ha="center", color="0.4", fontsize="small")
        axis.set(xticks=[], yticks=[])
        return axis
    epsilons = sorted(set(known.epsilon) - {0.0})
    for number, (_, rows) in enumerate(known.groupby("model", sort=False)):
        _draw_model(axis, rows, epsilons, number)
    axis.set_xticks(range(len(epsilons)), [f"{epsilon:.5g}" for epsilon in epsilons])
    axis.set_xlabel("epsilon (L∞)")
    return axis


def _draw_model(axis: Axes, rows: pd.DataFrame, epsilons: Sequence[float], number: int) -> None:
    name, color, marker = rows.model.iloc[0], f"C{number}", MARKERS[number % len(MARKERS)]
    for place, (condition, fill, style) in enumerate(CONDITIONS):
        part = rows[rows.condition == condition]
        if part.empty:
            continue
        axis.errorbar(
            [epsilons.index(e) + number * MODEL_SHIFT + place * CONDITION_SHIFT for e in part.epsilon],
            part["mean"],
            np.abs(np.stack([part["mean"] - part.low, part.high - part["mean"]])),
            marker=marker,
            markerfacecolor=fill,
            linestyle=style,
            color=color,
            linewidth=1.2,
            elinewidth=1,
            label=f"{name}, {condition}",
        )
    for condition, line_color in (("clean", color), ("shuffled weights", "0.5")):
        for mean in rows[rows.condition == condition]["mean"]:
            axis.axhline(mean, color=line_color, linestyle=":", linewidth=1)


def _counts(summary: pd.DataFrame) -> str:
    """Return of how many images the means are, as the end of a title."""
    counts = summary.dropna(subset="mean").images
    if counts.empty:
        return ""
    return f" (n = {counts.min()})" if counts.min() == counts.max() else f" (n = {counts.min()} to {counts.max()})"


def show_measures(summary: pd.DataFrame, names: Sequence[str], *, target: str = "", title: str = "") -> plt.Figure:
    """Show several measures against epsilon, a plot each; see `measure_against_epsilon`.

    Args:
        summary: What `summarise_measures` returned, for the models of one task and backbone.
        names: The measures. The plot of one without any value says so. A grey line marks the value in `NEUTRAL`.
        target: "true" or "predicted" for measures of maps, "" for those of perturbations.
        title: The figure's title.
    """
    rows = math.ceil(len(names) / COLUMNS_OF_PLOTS)
    figure, axes = plt.subplots(rows, COLUMNS_OF_PLOTS, figsize=(11, 2.55 * rows + 0.5), squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    handles: list = []
    for axis, name in zip(axes.flat, names, strict=False):
        rows_of_one = summary[(summary.measure == name) & summary.target.isin(["", target])]
        measure_against_epsilon(axis, rows_of_one)
        if name in NEUTRAL:
            axis.axhline(NEUTRAL[name], color="0.5", linewidth=0.9, zorder=0)
        axis.set_title(name + _counts(rows_of_one), fontsize="small")
        handles = handles or axis.get_legend_handles_labels()[0]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize="small")
    figure.suptitle(title)
    return figure
