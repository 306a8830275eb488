"""Plots of pictures, of maps over them, and of their grey values."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from helpers.show.style import LINE_STYLES


def picture(axis: Axes, pixels: np.ndarray, *, title: str = "", mask: np.ndarray | None = None) -> Axes:
    """Show a picture (height, width, 3), uint8 or float in [0, 1].

    Args:
        axis: The axis to draw on; it is returned.
        pixels: The picture.
        title: The title over it.
        mask: bool (height, width): its outline is drawn in white. None or all False: no outline.
    """
    axis.imshow(pixels)
    if mask is not None and mask.any():
        axis.contour(mask, levels=[0.5], colors="white", linewidths=1.2)
    axis.set_title(title, fontsize="small")
    axis.set_axis_off()
    return axis


def overlaid(axis: Axes, image: np.ndarray, values: np.ndarray) -> Axes:
    """Show a map over the picture that it is about; the picture is grey, the map in colour.

    Args:
        axis: The axis to draw on; it is returned.
        image: Float (height, width, 3), pixels in [0, 1].
        values: The map, (H, W), in [0, 1], stretched over the picture without interpolation. A map of zeros, in which
            nothing supports the class, is marked "all 0".
    """
    height, width = image.shape[:2]
    axis.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=1)
    axis.imshow(values, cmap="inferno", vmin=0, vmax=1, alpha=0.6, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    if not values.any():
        axis.text(0.5, 0.06, "all 0", transform=axis.transAxes, ha="center", color="white", fontsize="x-small")
    axis.set_axis_off()
    return axis


def magnified(perturbation: np.ndarray, *, epsilon: float) -> np.ndarray:
    """Return a perturbation as a picture in [0, 1]: grey is 0, black is -epsilon, white is epsilon."""
    return np.clip(0.5 + perturbation / (2 * epsilon), 0, 1)


def picture_grid(rows: Mapping[str, Sequence[np.ndarray]], *, title: str, width: float = 1.15) -> plt.Figure:
    """Show rows of pictures, each under its name; rows may differ in length.

    Args:
        rows: {name: pictures (height, width, 3), uint8 or float in [0, 1]}.
        title: The figure's title.
        width: Of a picture, in inches.
    """
    columns = max(map(len, rows.values()))
    figure = plt.figure(figsize=(width * columns, 1.16 * width * len(rows) + 0.4))
    strips = figure.subfigures(len(rows), squeeze=False)[:, 0]
    for strip, (name, pictures) in zip(strips, rows.items(), strict=True):
        strip.suptitle(name, x=0.01, ha="left", fontsize="small")
        axes = strip.subplots(1, columns, squeeze=False)[0]
        for axis in axes:
            axis.set_axis_off()
        for axis, pixels in zip(axes, pictures, strict=False):
            picture(axis, pixels)
    figure.suptitle(title)
    return figure


def attention_maps(images: np.ndarray, maps: np.ndarray, *, titles: Sequence[str], title: str) -> plt.Figure:
    """Show pictures, and below each its attention map divided by the map's mean.

    Args:
        images: Float (n, height, width, 3), pixels in [0, 1].
        maps: Float (n, H, W), at least 0. The colour scale ends at H times W, the value of a map with a single
            position above 0.
        titles: Of the pictures, n.
        title: The figure's title.
    """
    figure, axes = plt.subplots(2, len(images), figsize=(1.4 * len(images) + 1, 3.1), squeeze=False)
    for column, (image, weights, name) in enumerate(zip(images, maps, titles, strict=True)):
        picture(axes[0, column], image, title=name)
        drawn = axes[1, column].imshow(weights / weights.mean(), vmin=0, vmax=weights.size, cmap="cividis")
        axes[1, column].set_axis_off()
    figure.colorbar(drawn, ax=axes, shrink=0.6, label="weight / mean")
    figure.suptitle(title)
    return figure


def intensity_histograms(axis: Axes, pixels: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Axes:
    """Plot how often each grey value occurs, a line per class.

    Args:
        axis: The axis to draw on; it is returned.
        pixels: Float (n, height, width, 3) in [0, 1]; colours are averaged to grey.
        labels: Class indices (n,).
        classes: The class names.
    """
    edges = np.linspace(0, 1, 65)
    centres = edges[:-1] + edges[1] / 2
    for index, (name, style) in enumerate(zip(classes, cycle(LINE_STYLES), strict=False)):
        grey = pixels[labels == index].mean(axis=-1)
        density, _ = np.histogram(grey, bins=edges, density=True)
        axis.plot(centres, density, linestyle=style, label=name, linewidth=1.4)
    axis.set(xlabel="grey value (0 black, 1 white)", ylabel="density", xlim=(0, 1), ylim=(0, None))
    axis.legend(fontsize="small", ncols=2)
    return axis
