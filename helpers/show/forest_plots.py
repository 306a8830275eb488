"""Forest plots: estimates with their intervals, one below the other. Each takes an axis."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from helpers.show.names import with_interval
from helpers.show.style import MARKERS

FARTHEST = 4.0  # up to it, and down to its inverse, intervals are drawn; the axis goes on where a ratio itself does


def forest(axis: Axes, rows: pd.DataFrame, *, matters: tuple[float, float], xlabel: str) -> Axes:
    """Plot ratios with their intervals on a logarithmic axis, and what is said of each at the right.

    Where an interval goes on beyond `FARTHEST` or its inverse, an arrow stands at the end of the axis.

    Args:
        axis: The axis to draw on; it is returned.
        rows: From top to bottom: label, value, low, high, says, and group; each group has a marker and a colour.
        matters: Ratios between these do not matter; they are shaded.
        xlabel: Of the axis.
    """
    places = np.arange(len(rows))[::-1]
    axis.axvspan(*matters, color="0.92", linewidth=0, zorder=0)
    axis.axvline(1, color="0.4", linewidth=1)
    groups = list(dict.fromkeys(rows.group))
    known = rows[np.isfinite(rows.low) & np.isfinite(rows.high)]
    left = min(0.5, rows.value.min() / 1.1, max(known.low.min() / 1.1, 1 / FARTHEST))
    right = max(2.0, rows.value.max() * 1.1, min(known.high.max() * 1.1, FARTHEST))
    for place, row in zip(places, rows.itertuples(), strict=True):
        number = groups.index(row.group)
        color, marker = f"C{number}", MARKERS[number % len(MARKERS)]
        axis.plot([row.low, row.high], [place, place], color=color, linewidth=1.8, solid_capstyle="butt")
        axis.plot(row.value, place, markersize=7, linestyle="none", color=color, marker=marker)
        for end, arrow, goes_on in ((left, "<", row.low < left), (right, ">", row.high > right)):
            if goes_on:
                axis.plot(end, place, markersize=7, color=color, marker=arrow, clip_on=False)
        axis.text(1.03, place, row.says, transform=axis.get_yaxis_transform(), va="center", fontsize="small")
    axis.set_yticks(places, rows.label)
    axis.set(xscale="log", xlim=(left, right), ylim=(-0.6, len(rows) - 0.4), xlabel=xlabel)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=False, axis="y")
    return axis


def with_text(decisions: pd.DataFrame) -> pd.Series:
    """Return what a forest plot says of each decision: numbers, verdict, and whether there is one training only."""
    texts = [
        f"{with_interval(row.value, row.low, row.high)}  {row.verdict}" + (", one training" if row.seeds == 1 else "")
        for row in decisions.itertuples()
    ]
    return pd.Series(texts, index=decisions.index, dtype=str)
