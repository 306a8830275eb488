"""Accuracies and how sure one can be of them, from tables with a row an image."""

from collections.abc import Sequence

import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score

CONFIDENCE = 0.95


def wilson(correct: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Wilson interval (low, high) of a share `correct` of `total`.

    Unlike the textbook's p ± 2√(p(1-p)/n) it stays inside [0, 1] and has a width at 0 and at 1
    (Wilson, 1927).
    """
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_by_epsilon(robustness: pd.DataFrame) -> pd.DataFrame:
    """Return epsilon, images, accuracy, low and high (95% Wilson) by epsilon, from a table with a row an image."""
    counts = robustness.groupby("epsilon").correct.agg(["sum", "size"])
    rows = [(eps, total, right / total, *wilson(right, total)) for eps, right, total in counts.itertuples()]
    return pd.DataFrame(rows, columns=["epsilon", "images", "accuracy", "low", "high"])


def minimal_epsilons(robustness: pd.DataFrame) -> pd.Series:
    """Return the smallest epsilon that broke each image: 0 if it was misclassified clean, infinite if none did."""
    broken = robustness[~robustness.correct].groupby("image").epsilon.min()
    return broken.reindex(robustness.image.unique(), fill_value=float("inf"))


def majority_share(labels: pd.Series) -> float:
    """Return the share of the most frequent class: what a model that always says it would get right."""
    return float(labels.value_counts(normalize=True).max())


def recalls(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Return images, recall, low and high (95% Wilson) of each class that occurs, from a table of predictions."""
    right = predictions.prediction == predictions.label
    counts = right.groupby(predictions.label).agg(["sum", "size"]).reindex(classes).dropna().astype(int)
    rows = [(name, total, found / total, *wilson(found, total)) for name, found, total in counts.itertuples()]
    return pd.DataFrame(rows, columns=["class", "images", "recall", "low", "high"]).set_index("class")


def clean_summary(predictions: pd.DataFrame) -> dict[str, float]:
    """Return accuracy with its interval, balanced accuracy and majority share of a table of predictions."""
    right = predictions.label == predictions.prediction
    low, high = wilson(right.sum(), len(right))
    return {
        "images": len(right),
        "accuracy": float(right.mean()),
        "low": low,
        "high": high,
        "balanced accuracy": float(balanced_accuracy_score(predictions.label, predictions.prediction)),
        "majority share": majority_share(predictions.label),
    }
