"""The choice of images for figures, among those that a run kept."""

import numpy as np

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays


def spread_over_epsilons(kept: Adversarials, count: int) -> np.ndarray:
    """Return indices of at most `count` broken images, from the smallest minimal epsilon to the largest."""
    broken = np.flatnonzero(kept.is_broken)
    ranked = broken[np.argsort(kept.radii[broken], kind="stable")]
    steps = np.linspace(0, max(len(ranked) - 1, 0), min(count, len(ranked)))
    return ranked[np.unique(steps.astype(int))]


def rank_explained(arrays: ExplanationArrays, level: int) -> list[int]:
    """Return indices of all images with pixels: those that the attack broke first, misclassified ones last.

    Args:
        arrays: A model's explanation.
        level: Index of the epsilon that decides what is broken.
    """
    labels = arrays.labels[: len(arrays.images)]
    right_clean, right_attacked = (arrays.predictions[index][: len(labels)] == labels for index in (0, level + 1))
    is_broken = right_clean & ~right_attacked
    return sorted(range(len(labels)), key=lambda index: (not is_broken[index], not right_clean[index]))
