"""Accuracies and their intervals, from tables with a row per image."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest, bootstrap, norm
from sklearn.metrics import balanced_accuracy_score

CONFIDENCE = 0.95
RESAMPLES = 2000  # of a bootstrap


def wilson(correct: int, total: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the Wilson interval (low, high) of a share `correct` of `total`.

    Unlike the textbook's p ± 2√(p(1-p)/n) it stays inside [0, 1] and has a width at 0 and at 1
    (Wilson, 1927).
    """
    interval = binomtest(int(correct), int(total)).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_by_epsilon(robustness: pd.DataFrame, epsilons: Sequence[float] = ()) -> pd.DataFrame:
    """Return epsilon, images, accuracy, low and high (95% Wilson) by epsilon, 0 included.

    Args:
        robustness: A table of protocol "minimal", a row per image with its radius, or of protocol "paper", a row per
            image and epsilon.
        epsilons: L∞ radii on pixels in [0, 1]. A table of protocol "paper" has its own.
    """
    if "radius" in robustness:
        grid = sorted({0.0, *epsilons})
        counts = [(epsilon, (robustness.radius > epsilon).sum(), len(robustness)) for epsilon in grid]
    else:
        counts = list(robustness.groupby("epsilon").correct.agg(["sum", "size"]).itertuples())
    rows = [(epsilon, total, right / total, *wilson(right, total)) for epsilon, right, total in counts]
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


def grouped_mean(
    values: np.ndarray, groups: np.ndarray, *, is_share: bool = False, seed: int = 0
) -> tuple[float, float, float]:
    """Return a mean and its 95% interval (mean, low, high), for values that depend on each other within a group.

    Whole groups (lesions, patients) are resampled, with SciPy's percentile bootstrap. A share, whose values are 0 or 1,
    has Wilson's interval instead, with as many trials as there are effective groups: a bootstrap of equal values would
    have no width. A single group has no interval: low and high are NaN.
    """
    parts = pd.Series(np.asarray(values, float)).groupby(np.asarray(groups)).agg(["sum", "size"])
    mean = float(parts["sum"].sum() / parts["size"].sum()) if len(parts) else np.nan
    if len(parts) < 2:
        return mean, np.nan, np.nan
    if is_share:
        return mean, *_wilson_of_groups(mean, effective_groups(groups))
    drawn = bootstrap(
        (parts["sum"], parts["size"]),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return mean, float(drawn.low), float(drawn.high)


def grouped_auc(lower: np.ndarray, higher: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Return the area under the ROC curve and its 95% interval (AUC, low, high), of two scores for each image.

    The two scores of an image, and the scores of a group, depend on each other. A bootstrap over groups would be biased
    here: in a resample, pairs of the same image are twice as frequent. So the variance is Obuchowski's for clustered
    data ("Nonparametric Analysis of Clustered ROC Curve Data", Biometrics 53, 1997). For an area of 0 or 1 it is
    0, and the interval is Wilson's with as many trials as there are groups.

    Args:
        lower: Scores of the images in the state that should score low, (n,).
        higher: Of the same images in the other state, (n,).
        groups: Of each image, (n,); at least two.
    """
    wins = (higher[:, None] > lower) + 0.5 * (higher[:, None] == lower)
    auc = float(wins.mean())  # the Mann-Whitney statistic
    names, group = np.unique(groups, return_inverse=True)
    if auc in (0, 1):
        return auc, *_wilson_of_groups(auc, effective_groups(groups))
    shares = np.bincount(group, wins.mean(axis=1) + wins.mean(axis=0) - 2 * auc) / len(lower)
    half = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(len(names) / (len(names) - 1) * (shares**2).sum())
    return auc, float(max(auc - half, 0)), float(min(auc + half, 1))


def effective_groups(groups: np.ndarray) -> float:
    """Return how many groups of equal size would say as much: the number of groups, or less if sizes differ."""
    sizes = pd.Series(groups).value_counts()
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _wilson_of_groups(mean: float, count: float) -> tuple[float, float]:
    """Return Wilson's interval of a share with `count` groups as trials; share times `count` need not be an integer."""
    half = norm.ppf((1 + CONFIDENCE) / 2) ** 2 / count
    centre, spread = mean + half / 2, np.sqrt(half * (mean * (1 - mean) + half / 4))
    return float((centre - spread) / (1 + half)), float((centre + spread) / (1 + half))


def summarise(table: pd.DataFrame, keys: Sequence[str], *, shares: Collection[str] = ()) -> pd.DataFrame:
    """Return mean, low and high (`grouped_mean`), images and groups of the values in a table with a row per image.

    Args:
        table: Columns image, group, value and the keys. NaN values are left out.
        keys: Columns to group by, the measure last. A combination without any value has a mean of NaN, and 0 images.
        shares: Measures whose values are 0 or 1.
    """
    rows = []
    for key, part in table.groupby(list(keys), sort=False):
        known = part.dropna(subset="value")
        numbers = grouped_mean(known.value.to_numpy(), known.group.to_numpy(), is_share=key[-1] in shares)
        rows.append((*key, *numbers, len(known), known.group.nunique()))
    return pd.DataFrame(rows, columns=[*keys, "mean", "low", "high", "images", "groups"])
