"""Plots of a training: its learning curve, and what the trained model confuses. Each takes an axis and returns it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.show.names import class_name
from helpers.show.style import LINE_STYLES


def training_curve(axis: Axes, history: pd.DataFrame) -> Axes:
    """Plot accuracy on the training and validation split by epoch: columns epoch, accuracy and val_accuracy."""
    axis.plot(history.epoch, history.accuracy, marker="o", label="training split (augmented, with dropout)")
    axis.plot(history.epoch, history.val_accuracy, marker="s", linestyle=LINE_STYLES[1], label="validation split")
    axis.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1), xticks=history.epoch)
    axis.legend(loc="lower right")
    return axis


def confusion(axis: Axes, predictions: pd.DataFrame, classes: Sequence[str]) -> Axes:
    """Plot the confusion matrix: numbers count images; the shade is their share of the true class (row).

    Args:
        axis: The axis to draw on.
        predictions: Columns label and prediction, class names.
        classes: The class names, in the order of rows and columns.
    """
    counts = pd.crosstab(predictions.label, predictions.prediction)
    counts = counts.reindex(index=classes, columns=classes, fill_value=0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        number = counts.iat[row, column] or "·"
        color = "white" if share > 0.5 else "0.2"
        axis.text(column, row, number, ha="center", va="center", color=color, fontsize="small")
    axis.set(xlabel="predicted class", ylabel="true class")
    names = list(map(class_name, classes))
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), names)
    axis.grid(False)
    return axis
