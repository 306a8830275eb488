"""The shortcut test: how well a picture's class can be predicted without looking at its content."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.datasets.pipeline import load_arrays

SIDE = 16  # pixels of the thumbnails
LARGEST_SAMPLE = 1000  # images
FEATURES = {
    "mean colour": lambda pixels: pixels.mean(axis=(1, 2)),
    "mean and spread of each colour": lambda pixels: np.hstack([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))]),
    f"linear, {SIDE}x{SIDE} thumbnail": lambda pixels: pixels.reshape(len(pixels), -1),
}


def shortcut_accuracies(
    manifest: pd.DataFrame, *, data_dir: Path, classes: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Measure the accuracy of a linear classifier that sees next to nothing.

    Only the training split is used, in five folds that never divide a group (fewer, if a class has fewer groups).

    Args:
        manifest: Columns image, label, group, split.
        data_dir: What the image paths are relative to.
        classes: The label names.
        seed: Draws a sample where there are more than 1,000 training images.

    Returns:
        One row per set of features: seen, balanced accuracy (missing if a class has one group only), chance (1 / number
        of classes). If it is far above chance, a high accuracy of a network need not mean that it sees disease.
    """
    rows = manifest[manifest.split == "train"]
    rows = rows.sample(min(len(rows), LARGEST_SAMPLE), random_state=seed)
    pixels, labels = load_arrays(rows, data_dir=data_dir, classes=classes, image_size=SIDE)
    folds = min(5, rows.groupby("label").group.nunique().min())
    table = []
    for name, features in FEATURES.items():
        accuracy = np.nan
        if folds > 1:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500, class_weight="balanced"))
            splitter = StratifiedGroupKFold(n_splits=folds)
            predicted = cross_val_predict(model, features(pixels), labels, groups=rows.group, cv=splitter)
            accuracy = balanced_accuracy_score(labels, predicted)
        table.append((name, accuracy, 1 / len(classes)))
    return pd.DataFrame(table, columns=["seen", "balanced accuracy", "chance"])
