"""Plots of accuracies, and of which images an attack broke. Each takes an axis."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from helpers.show.style import LINE_STYLES, MARKERS

DASH = 4  # length of a dash of the clean accuracy's line, in line widths
HOLLOW = "perturbations in whole grey levels, as a file keeps them"
HATCHES = ("", "///", "...", "xxx")


def accuracy_against_epsilon(
    axis: Axes, curves: Mapping[str, pd.DataFrame], *, verdicts: Mapping[str, str], majority: float
) -> Axes:
    """Plot robust accuracy against epsilon with 95% bands, and the clean accuracy as a dashed line.

    Args:
        axis: The axis to draw on; it is returned.
        curves: {model's name: table of `accuracy_by_epsilon`}; its row of epsilon 0 is the clean accuracy. A column
            accuracy_8_bit is drawn as small hollow marks.
        verdicts: {model's name: verdict of the attack's checks}.
        majority: Share of the most frequent class among the attacked images, 0 to 1.
    """
    named = {f"{name} (attack: {verdicts[name]})": curve for name, curve in curves.items()}
    lines = robust_curves(axis, named)
    gap = DASH * max(1, len(curves) - 1)
    for index, (line, curve) in enumerate(zip(lines, curves.values(), strict=True)):
        clean = curve.set_index("epsilon").accuracy.loc[0]
        dashes = (index * DASH, (DASH, gap))  # shifted from line to line, so that equal accuracies show all colours
        axis.axhline(clean, color=line.get_color(), linestyle=dashes, linewidth=1)
        if "accuracy_8_bit" in curve:
            robust = curve[curve.epsilon > 0]
            hollow = axis.plot(robust.epsilon, robust.accuracy_8_bit, color=line.get_color(), linewidth=0.6)[0]
            hollow.set(marker=line.get_marker(), markersize=5, markerfacecolor="white", clip_on=False)
    if any("accuracy_8_bit" in curve for curve in curves.values()):
        axis.plot([], [], color="0.4", marker="o", markersize=5, markerfacecolor="white", linewidth=0.6, label=HOLLOW)
    axis.axhline(majority, color="0.4", linestyle=":", linewidth=1.2, label="always predicting the most frequent class")
    axis.plot([], [], color="0.4", linestyle="--", linewidth=1, label="clean accuracy, in the model's colour")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)  # below the plot: it covers nothing
    return axis


def robust_curves(axis: Axes, curves: Mapping[str, pd.DataFrame]) -> list[Line2D]:
    """Plot robust accuracy against epsilon with 95% bands, and return the lines.

    Args:
        axis: The axis to draw on.
        curves: {label: table of `accuracy_by_epsilon`}; a row of epsilon 0 is not drawn. Without columns low and high
            there are no bands.
    """
    lines = []
    for (name, curve), marker, style in zip(curves.items(), cycle(MARKERS), cycle(LINE_STYLES), strict=False):
        robust = curve[curve.epsilon > 0]
        lines += axis.plot(
            robust.epsilon, robust.accuracy, marker=marker, linestyle=style, label=name, clip_on=False, zorder=3
        )
        color = lines[-1].get_color()
        if "low" in robust:
            axis.fill_between(robust.epsilon, robust.low, robust.high, color=color, alpha=0.15, linewidth=0)
    epsilons = sorted({epsilon for curve in curves.values() for epsilon in curve.epsilon if epsilon > 0})
    axis.set_xscale("log", base=2)
    axis.set_xticks(epsilons, [_epsilon_label(epsilon) for epsilon in epsilons])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("epsilon (L∞, pixels in [0, 1]; below: in steps of an 8-bit picture)")
    axis.set(ylabel="accuracy", ylim=(0, 1))
    axis.legend()
    return lines


def radii(axis: Axes, models: Mapping[str, pd.Series], *, epsilons: Sequence[float]) -> Axes:
    """Plot how many images have a radius up to each epsilon, but above the next smaller one.

    Args:
        axis: The axis to draw on; it is returned.
        models: {model's name: `image_radii` of its table}.
        epsilons: L∞ radii on pixels in [0, 1].
    """
    edges = np.array(sorted({0.0, *epsilons, np.inf}))
    models = {name: pd.Series(edges[np.searchsorted(edges, each)]) for name, each in models.items()}
    grid = sorted({epsilon for smallest in models.values() for epsilon in smallest})
    width = 0.8 / len(models)
    for index, ((name, smallest), hatch) in enumerate(zip(models.items(), cycle(HATCHES), strict=False)):
        counts = smallest.value_counts().reindex(grid, fill_value=0)
        centres = np.arange(len(grid)) - 0.4 + (index + 0.5) * width
        axis.bar(centres, counts, width, label=name, hatch=hatch, edgecolor="white")
    special = {0.0: "wrong\nclean", np.inf: "larger,\nor none"}
    axis.set_xticks(range(len(grid)), [special.get(epsilon) or _epsilon_label(epsilon) for epsilon in grid])
    axis.set(
        xlabel="radius of the image, up to (L∞, pixels in [0, 1]; below: in steps of an 8-bit picture)", ylabel="images"
    )
    axis.legend()
    return axis


def outcomes(axis: Axes, held: Mapping[str, np.ndarray]) -> Axes:
    """Plot which image was broken by which attack: a row per attack, a column per image, dark where it was broken.

    Args:
        axis: The axis to draw on; it is returned.
        held: {attack's name: bool (n,), whether each image was still classified right}. Columns are sorted by the
            number of attacks that an image withstood.
    """
    table = np.array(list(held.values()))
    order = np.argsort(table.sum(axis=0), kind="stable")
    axis.pcolormesh(~table[:, order], cmap="Greys", vmin=-0.25, vmax=1.3, edgecolors="white", linewidth=1)
    axis.set_yticks(np.arange(len(table)) + 0.5, list(held))
    axis.set(xlabel="images, the most easily broken first", xticks=[], ylim=(len(table), 0))
    axis.grid(False)
    return axis


def _epsilon_label(epsilon: float) -> str:
    return f"{epsilon:.5g}\n{255 * epsilon:.3g}/255"
