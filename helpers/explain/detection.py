"""Can adversarials be told from other images, by simple statistics of their pixels or by what the model makes of them?

After Ma, Niu et al.: "Understanding Adversarial Attacks on Deep Learning Based Medical Image Analysis Systems", 2021.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.explain.map_measures import UndefinedError
from helpers.explain.perturbation_measures import high_frequencies
from helpers.explain.responses import Response
from helpers.judge.statistics import grouped_auc

FOLDS = 5
PENALTY = 0.1  # scikit-learn's C: strong regularisation, for there are more features than images
STATISTICS = ("mean", "spread", "step between neighbours", "Laplacian", "largest Laplacians", "high frequencies")


def pixel_statistics(images: np.ndarray) -> np.ndarray:
    """Return `STATISTICS` of images (n, height, width, 3), pixels in [0, 1]: float (n, 6)."""
    return np.array([_statistics_of(image) for image in images.astype(float)])


def _statistics_of(image: np.ndarray) -> tuple[float, ...]:
    steps = np.mean([np.abs(np.diff(image, axis=axis)).mean() for axis in (0, 1)])
    laplacian = np.abs(np.stack([ndimage.laplace(image[..., colour]) for colour in range(image.shape[-1])]))
    try:
        high = high_frequencies(image)
    except UndefinedError:  # a constant picture
        high = 0.0
    return image.mean(), image.std(), steps, laplacian.mean(), np.quantile(laplacian, 0.99), high


def detect(others: np.ndarray, adversarials: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Return how well features tell adversarials from other versions of the same images: AUC and its 95% interval.

    A logistic regression, trained on some groups and asked about others (grouped cross-validation). 1/2 is chance. The
    interval (see `grouped_auc`) leaves out the uncertainty from training the regressions.

    Args:
        others: Features of the clean, or noisy, images: float (n, features).
        adversarials: Of the same images, attacked.
        groups: Lesion or patient of each image, (n,).

    Raises:
        UndefinedError: fewer than two groups.
    """
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise UndefinedError("needs images of at least two groups")
    features = np.concatenate([others, adversarials]).reshape(2 * len(groups), -1)
    labels = np.repeat([0, 1], len(groups))
    scores = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=1000)),
        features,
        labels,
        groups=np.tile(group, 2),
        cv=GroupKFold(min(FOLDS, len(names))),
        method="decision_function",
    )
    return grouped_auc(scores[: len(groups)], scores[len(groups) :], group)


def detection_table(
    attack: Response, others: Mapping[str, Response], groups: np.ndarray, *, epsilon: float
) -> pd.DataFrame:
    """Return how well attacked images are told from other versions of the same images.

    Args:
        attack: A model's response to the attacked images.
        others: {name of the other version: a model's response to it}.
        groups: Lesion or patient of each image, (n,).
        epsilon: L∞ radius of the attack, on pixels in [0, 1].

    Returns:
        One row per kind of features ("pixels", "deep") and other version: epsilon, features, against, images, auc, low,
        high, reason.
    """
    features_of = {
        "pixels": lambda response: pixel_statistics(response.images),
        "deep": lambda response: response.features.mean(axis=(1, 2)),
    }
    rows = []
    for kind, features in features_of.items():
        for name, other in others.items():
            try:
                numbers, reason = detect(features(other), features(attack), groups), ""
            except UndefinedError as undefined:
                numbers, reason = (np.nan,) * 3, str(undefined)
            rows.append((epsilon, kind, name, len(groups), *numbers, reason))
    return pd.DataFrame(rows, columns=["epsilon", "features", "against", "images", "auc", "low", "high", "reason"])
