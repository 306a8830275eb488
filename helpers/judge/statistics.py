"""Accuracies and their intervals, from tables with a row per image."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import binomtest, norm
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score

CONFIDENCE = 0.95
SMALLEST_VARIANCE = 1e-12  # of numbers around 1: below it, rounding


def wilson(correct: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Wilson interval (low, high) of a share `correct` of `total`.

    Unlike the textbook's p ± 2√(p(1-p)/n) it stays inside [0, 1] and has a width at 0 and at 1
    (Wilson, 1927).
    """
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_by_epsilon(robustness: pd.DataFrame, epsilons: Sequence[float] = ()) -> pd.DataFrame:
    """Return epsilon, images, accuracy, low and high (95% interval, see `grouped_mean`) by epsilon, 0 included.

    Args:
        robustness: A table of protocol "minimal", a row per image with its radius, or of protocol "paper", a row per
            image and epsilon. Without a column group, each image is one.
        epsilons: L∞ radii on pixels in [0, 1]. A table of protocol "paper" has its own.
    """
    if "radius" in robustness:
        held = [
            (epsilon, robustness.assign(correct=robustness.radius > epsilon)) for epsilon in sorted({0.0, *epsilons})
        ]
    else:
        held = list(robustness.groupby("epsilon"))
    rows = [(epsilon, len(part), *_grouped_share(part.correct, part)) for epsilon, part in held]
    return pd.DataFrame(rows, columns=["epsilon", "images", "accuracy", "low", "high"])


def in_whole_levels(robustness: pd.DataFrame) -> pd.DataFrame:
    """Return a table of protocol "minimal" whose radii are those of adversarials that an 8-bit picture can hold."""
    return robustness.assign(radius=robustness.levels / 255)


def image_radii(robustness: pd.DataFrame) -> pd.Series:
    """Return each image's radius: 0 if it was misclassified clean, infinite if nothing broke it.

    Under protocol "paper", it is the smallest epsilon of the grid that broke the image.
    """
    if "radius" in robustness:
        return robustness.set_index("image").radius
    broken = robustness[~robustness.correct].groupby("image").epsilon.min()
    return broken.reindex(robustness.image.unique(), fill_value=float("inf")).rename("radius")


def majority_share(labels: pd.Series) -> float:
    """Return the share of the most frequent class: the accuracy of a model that always predicts it."""
    return float(labels.value_counts(normalize=True).max())


def recalls(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Return images, recall, low and high (95%) of each class that occurs, from a table of predictions."""
    parts = [(name, predictions[predictions.label == name]) for name in classes]
    rows = [(n, len(part), *_grouped_share(part.prediction == part.label, part)) for n, part in parts if len(part)]
    return pd.DataFrame(rows, columns=["class", "images", "recall", "low", "high"]).set_index("class")


def clean_summary(predictions: pd.DataFrame) -> dict[str, float]:
    """Return accuracy with its interval, balanced accuracy and majority share of a table of predictions."""
    right = predictions.label == predictions.prediction
    accuracy, low, high = _grouped_share(right, predictions)
    return {
        "images": len(right),
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "balanced accuracy": float(balanced_accuracy_score(predictions.label, predictions.prediction)),
        "majority share": majority_share(predictions.label),
    }


def grouped_mean(values: np.ndarray, groups: np.ndarray, *, is_share: bool = False) -> tuple[float, float, float]:
    """Return a mean and its 95% interval (mean, low, high), for values that depend on each other within a group.

    The interval is Student's t with the variance between groups (`cluster_variance`). A share, whose values are 0 or 1,
    has Wilson's interval, which has a width for equal values, too. Its number of trials is that of independent values
    with the same variance (after Korn and Graubard, 1998): at most as many as there are values, at least as many as
    there are effective groups. A single group has no interval: low and high are NaN.
    """
    values = np.asarray(values, float)
    mean = float(values.mean()) if len(values) else np.nan
    variance, count = cluster_variance(values - mean, groups)
    if count < 2:
        return mean, np.nan, np.nan
    if is_share:
        least = effective_groups(groups)
        trials = np.clip(mean * (1 - mean) / variance, least, len(values)) if variance > SMALLEST_VARIANCE else least
        return mean, *_wilson(mean, trials)
    half = float(student.ppf((1 + CONFIDENCE) / 2, count - 1) * np.sqrt(variance))
    return mean, mean - half, mean + half


def cluster_variance(residuals: np.ndarray, clusters: np.ndarray) -> tuple[float, int]:
    """Return the variance of the mean that is due to clusters, and their number; 0 for a single one.

    Args:
        residuals: Values less their mean, float (n,).
        clusters: Of each value, (n,). Values of one may depend on each other.
    """
    members, names = pd.factorize(np.asarray(clusters))
    count = len(names)
    if count < 2:
        return 0.0, count
    sums = np.bincount(members, residuals)
    return float((sums**2).sum() / len(residuals) ** 2 * count / (count - 1)), count


def _grouped_share(is_so: pd.Series, table: pd.DataFrame) -> tuple[float, float, float]:
    """Return (share, low, high) of rows, by the table's groups; without them, each row is one."""
    groups = table.group if "group" in table else np.arange(len(table))
    return grouped_mean(is_so.to_numpy(), np.asarray(groups), is_share=True)


def grouped_auc(lower: np.ndarray, higher: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Return the area under the ROC curve and its 95% interval (AUC, low, high), of two scores for each image.

    The area is the share of pairs that are in the right order, ties counted half. Only pairs of images of different
    groups count: of two versions of one image, the order shows even where no detector could use it. The variance is
    between groups, as in Obuchowski: "Nonparametric Analysis of Clustered ROC Curve Data", Biometrics 53, 1997; the
    interval is Student's t on the scale of log odds. A variance of 0 counts as that of one more pair in the right
    order. For an area of 0 or 1, the interval is Wilson's with as many trials as there are effective groups.

    Args:
        lower: Scores of the images in the state that should score low, (n,).
        higher: Of the same images in the other state, (n,).
        groups: Of each image, (n,); at least two.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = group[:, None] != group
    wins = ((higher[:, None] > lower) + 0.5 * (higher[:, None] == lower)) * counts
    auc = float(wins.sum() / counts.sum())  # the Mann-Whitney statistic
    shares = np.bincount(group, (wins - auc * counts).sum(axis=1) + (wins - auc * counts).sum(axis=0)) / counts.sum()
    spread = (shares**2).sum() if (shares**2).sum() > SMALLEST_VARIANCE else 2 / counts.sum() ** 2
    variance = len(names) / (len(names) - 1) * spread
    if auc in (0, 1):
        return auc, *_wilson(auc, effective_groups(groups))
    half = student.ppf((1 + CONFIDENCE) / 2, len(names) - 1) * np.sqrt(variance) / (auc * (1 - auc))
    return auc, float(expit(logit(auc) - half)), float(expit(logit(auc) + half))


def effective_groups(groups: np.ndarray) -> float:
    """Return how many groups of equal size would say as much: the number of groups, or less if sizes differ."""
    sizes = pd.Series(groups).value_counts()
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _wilson(mean: float, trials: float) -> tuple[float, float]:
    """Return Wilson's interval of a share; share times `trials` need not be an integer."""
    half = norm.ppf((1 + CONFIDENCE) / 2) ** 2 / trials
    centre, spread = mean + half / 2, np.sqrt(half * (mean * (1 - mean) + half / 4))
    return float((centre - spread) / (1 + half)), float((centre + spread) / (1 + half))


def summarise(
    table: pd.DataFrame,
    keys: Sequence[str],
    *,
    shares: Collection[str] = (),
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return mean, low and high (`grouped_mean`), images and groups of the values in a table with a row per image.

    Args:
        table: Columns image, group, value and the keys. NaN values are left out.
        keys: Columns to group by, the measure last. A combination without any value has a mean of NaN, and 0 images.
        shares: Measures whose values are 0 or 1.
        ranges: {measure: smallest and largest value that there can be}, where intervals end.
    """
    rows = []
    for key, part in table.groupby(list(keys), sort=False):
        known = part.dropna(subset="value")
        numbers = grouped_mean(known.value.to_numpy(), known.group.to_numpy(), is_share=key[-1] in shares)
        inside = np.clip(numbers, *ranges.get(key[-1], (-np.inf, np.inf)))
        rows.append((*key, *inside, len(known), known.group.nunique()))
    return pd.DataFrame(rows, columns=[*keys, "mean", "low", "high", "images", "groups"])
