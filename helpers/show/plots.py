"""Plots that take an axis and return it. Importing this module puts the study's style in use."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

plt.style.use(Path(__file__).with_name("study.mplstyle"))

MARKERS, LINES = "osD^v", ("-", (0, (5, 1)), "-.", ":", (0, (1, 1)))  # so that curves differ in grey, too


def accuracy_against_epsilon(
    axis: Axes, curves: Mapping[str, pd.DataFrame], *, verdicts: Mapping[str, str], majority: float
) -> Axes:
    """Plot robust accuracy against epsilon, the clean accuracy dashed, with 95% Wilson bands.

    Args:
        axis: Where to.
        curves: {model's name: table of `accuracy_by_epsilon`, epsilon 0 being clean}.
        verdicts: {model's name: verdict of the attack's checks}.
        majority: Share of the majority class among the attacked images.
    """
    named = {f"{name} (attack: {verdicts[name]})": curve for name, curve in curves.items()}
    dash = 4
    for place, (drawn, curve) in enumerate(zip(robust_curves(axis, named), curves.values(), strict=True)):
        shifted = (place * dash, (dash, dash * max(1, len(curves) - 1)))  # so that equal accuracies show both colours
        axis.axhline(curve.set_index("epsilon").accuracy[0], color=drawn.get_color(), linestyle=shifted, linewidth=1)
    axis.axhline(majority, color="0.4", linestyle=":", linewidth=1.2, label="always the most frequent class")
    axis.plot([], [], color="0.4", linestyle="--", linewidth=1, label="clean accuracy of the same colour")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)  # below: nothing is covered
    return axis


def robust_curves(axis: Axes, curves: Mapping[str, pd.DataFrame]) -> list[Line2D]:
    """Plot accuracy against epsilon above 0 with its band, and return the lines; `curves` as above."""
    lines = []
    for (name, curve), marker, line in zip(curves.items(), cycle(MARKERS), cycle(LINES), strict=False):
        robust = curve[curve.epsilon > 0]
        lines += axis.plot(
            robust.epsilon, robust.accuracy, marker=marker, linestyle=line, label=name, clip_on=False, zorder=3
        )
        color = lines[-1].get_color()
        axis.fill_between(robust.epsilon, robust.low, robust.high, color=color, alpha=0.15, linewidth=0)
    epsilons = sorted({epsilon for curve in curves.values() for epsilon in curve.epsilon if epsilon > 0})
    axis.set_xscale("log", base=2)
    axis.set_xticks(epsilons, [f"{epsilon:.5g}\n{255 * epsilon:.3g}/255" for epsilon in epsilons])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set(
        xlabel="epsilon (L∞, pixels in [0, 1]; below: in steps of an 8-bit picture)", ylabel="accuracy", ylim=(0, 1)
    )
    axis.legend()
    return lines


def smallest_epsilons(axis: Axes, models: Mapping[str, pd.Series]) -> Axes:
    """Plot how many images each epsilon was the first to break: {model's name: `minimal_epsilons` of its table}."""
    grid = sorted({epsilon for found in models.values() for epsilon in found})
    width = 0.8 / len(models)
    for place, (name, found) in enumerate(models.items()):
        counts = found.value_counts().reindex(grid, fill_value=0)
        left = np.arange(len(grid)) - 0.4 + (place + 0.5) * width
        axis.bar(left, counts, width, label=name, hatch=("", "///", "...", "xxx")[place % 4], edgecolor="white")
    names = {0.0: "wrong\nclean", np.inf: "never\nbroken"}
    axis.set_xticks(range(len(grid)), [names.get(e, f"{e:.5g}\n{255 * e:.3g}/255") for e in grid])
    axis.set(xlabel="smallest epsilon of the grid that broke the image (L∞, pixels in [0, 1])", ylabel="images")
    axis.legend()
    return axis


def shares(axis: Axes, values: Mapping[str, tuple[float, float, float]]) -> Axes:
    """Plot shares from top to bottom, each a point within its interval: {name: (share, low, high)}."""
    for place, (share, low, high) in enumerate(values.values()):
        axis.plot([low, high], [place, place], color="C0", linewidth=5, alpha=0.3, solid_capstyle="butt")
        axis.plot(share, place, marker="o", color="C0")
    axis.set_yticks(range(len(values)), list(values))
    axis.set(xlim=(0, 1), ylim=(len(values) - 0.5, -0.5))
    return axis


def outcomes(axis: Axes, attacks: Mapping[str, np.ndarray]) -> Axes:
    """Draw which image held against which attack, {name: bool (n,)}: dark is broken; images by how often they held."""
    held = np.array(list(attacks.values()))
    order = np.argsort(held.sum(axis=0), kind="stable")
    axis.pcolormesh(~held[:, order], cmap="Greys", vmin=-0.25, vmax=1.3, edgecolors="white", linewidth=1)
    axis.set_yticks(np.arange(len(held)) + 0.5, list(attacks))
    axis.set(xlabel="images, the most easily broken first", xticks=[], ylim=(len(held), 0))
    axis.grid(False)
    return axis


def training_curve(axis: Axes, history: pd.DataFrame) -> Axes:
    """Plot accuracy on the training and validation split by epoch."""
    axis.plot(history.epoch, history.accuracy, marker="o", label="training split (augmented, with dropout)")
    axis.plot(history.epoch, history.val_accuracy, marker="s", linestyle=LINES[1], label="validation split")
    axis.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1), xticks=history.epoch)
    axis.legend(loc="lower right")
    return axis


def confusion(axis: Axes, predictions: pd.DataFrame, classes: Sequence[str]) -> Axes:
    """Draw the confusion matrix: shade is the share of the true class (row), numbers count images."""
    counts = pd.crosstab(predictions.label, predictions.prediction).reindex(
        index=classes, columns=classes, fill_value=0
    )
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        axis.text(
            column,
            row,
            counts.iat[row, column] or "·",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "0.2",
            fontsize="small",
        )
    axis.set(xlabel="predicted class", ylabel="true class", xticks=range(len(classes)), yticks=range(len(classes)))
    axis.set_xticklabels(classes)
    axis.set_yticklabels(classes)
    axis.grid(False)
    return axis


def picture(axis: Axes, pixels: np.ndarray, *, title: str = "", mask: np.ndarray | None = None) -> Axes:
    """Show a picture (height, width, 3), uint8 or float in [0, 1], with the outline of a mask if there is one."""
    axis.imshow(pixels)
    if mask is not None and mask.any():
        axis.contour(mask, levels=[0.5], colors="white", linewidths=1.2)
    axis.set_title(title, fontsize="small")
    axis.set_axis_off()
    return axis


def overlaid(axis: Axes, image: np.ndarray, values: np.ndarray) -> Axes:
    """Show a map (H, W) in [0, 1], cell by cell, over the grey picture (height, width, 3) that it is about.

    A map of zeros says so: nothing in it speaks for the class.
    """
    height, width = image.shape[:2]
    axis.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=1)
    axis.imshow(values, cmap="inferno", vmin=0, vmax=1, alpha=0.6, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    if not values.any():
        axis.text(0.5, 0.06, "all 0", transform=axis.transAxes, ha="center", color="white", fontsize="x-small")
    axis.set_axis_off()
    return axis


def measure_against_epsilon(axis: Axes, summary: pd.DataFrame) -> Axes:
    """Plot one measure's means and intervals, a line a model: attacked beside its controls.

    Args:
        axis: Where to.
        summary: Columns model, condition, epsilon, mean, low and high. "attack" is drawn filled and solid, "noise" of
            the same radius hollow and dashed; "clean" is a dotted line, and so is "shuffled weights", in grey.
    """
    known = summary.dropna(subset="mean")
    if known.empty:
        axis.text(0.5, 0.5, "no value here", transform=axis.transAxes, ha="center", color="0.4", fontsize="small")
        axis.set(xticks=[], yticks=[])
        return axis
    epsilons = sorted(set(known.epsilon) - {0.0})
    for place, (name, rows) in enumerate(known.groupby("model", sort=False)):
        for condition, fill, line, moved in (("attack", None, "-", 0), ("noise", "white", "--", 0.12)):
            part = rows[rows.condition == condition]
            x = np.array([epsilons.index(epsilon) for epsilon in part.epsilon]) + 0.06 * place + moved
            bars = np.abs(np.stack([part["mean"] - part.low, part.high - part["mean"]]))
            style = {"marker": MARKERS[place], "markerfacecolor": fill, "linestyle": line, "color": f"C{place}"}
            axis.errorbar(x, part["mean"], bars, **style, linewidth=1.2, elinewidth=1, label=f"{name}, {condition}")
        for condition, color in (("clean", f"C{place}"), ("shuffled weights", "0.5")):
            for mean in rows[rows.condition == condition]["mean"]:
                axis.axhline(mean, color=color, linestyle=":", linewidth=1)
    axis.set_xticks(range(len(epsilons)), [f"{epsilon:.5g}" for epsilon in epsilons])
    axis.set_xlabel("epsilon (L∞)")
    return axis


def picture_grid(rows: Mapping[str, Sequence[np.ndarray]], *, title: str, width: float = 1.15) -> plt.Figure:
    """Show pictures row by row; each row has its name over its first picture, and may be shorter than others."""
    columns = max(map(len, rows.values()))
    figure = plt.figure(figsize=(width * columns, 1.16 * width * len(rows) + 0.4))
    for strip, (name, pictures) in zip(np.atleast_1d(figure.subfigures(len(rows))), rows.items(), strict=True):
        strip.suptitle(name, x=0.01, ha="left", fontsize="small")
        for axis in (axes := strip.subplots(1, columns, squeeze=False)[0]):
            axis.set_axis_off()
        for axis, pixels in zip(axes, pictures, strict=False):
            picture(axis, pixels)
    figure.suptitle(title)
    return figure


def attention_maps(images: np.ndarray, maps: np.ndarray, *, titles: Sequence[str], title: str) -> plt.Figure:
    """Show pictures (n, height, width, 3) over their attention maps (n, H, W), each map divided by its mean.

    The scale ends where all weight lies on one position.
    """
    figure, axes = plt.subplots(2, len(images), figsize=(1.4 * len(images) + 1, 3.1), squeeze=False)
    for column, (image, weights, name) in enumerate(zip(images, maps, titles, strict=True)):
        picture(axes[0, column], image, title=name)
        shown = axes[1, column].imshow(weights / weights.mean(), vmin=0, vmax=weights.size, cmap="cividis")
        axes[1, column].set_axis_off()
    figure.colorbar(shown, ax=axes[1, :], shrink=0.8, label="weight / mean")
    figure.suptitle(title)
    return figure


def intensity_histograms(axis: Axes, pixels: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Axes:
    """Plot how often each grey value occurs, a line a class.

    Args:
        axis: Where to.
        pixels: Float (n, height, width, 3) in [0, 1]; colours are averaged to grey.
        labels: Class indices (n,).
        classes: The class names.
    """
    edges = np.linspace(0, 1, 65)
    for index, (name, line) in enumerate(zip(classes, cycle(LINES), strict=False)):
        grey = pixels[labels == index].mean(axis=-1)
        density, _ = np.histogram(grey, bins=edges, density=True)
        axis.plot(edges[:-1] + edges[1] / 2, density, linestyle=line, label=name, linewidth=1.4)
    axis.set(xlabel="grey value (0 black, 1 white)", ylabel="density", xlim=(0, 1), ylim=(0, None))
    axis.legend(fontsize="small", ncols=2)
    return axis


def magnified(perturbation: np.ndarray, *, epsilon: float) -> np.ndarray:
    """Map a perturbation within ±epsilon to [0, 1] for showing: grey is 0, black and white are the limits."""
    return np.clip(0.5 + perturbation / (2 * epsilon), 0, 1)
