"""The choice of images and models for figures, among those of a run."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays

MOST_MODELS = 24  # of a figure with rows for each: of a hundred, it would be too high for a file
SHOWN_ADVERSARIALS = 5
Chosen = TypeVar("Chosen")


def not_too_many(models: Iterable[Chosen]) -> tuple[list[Chosen], str]:
    """Return the models that a figure shows, and a line of its title: "", or that they are the first of more."""
    listed = list(models)
    more = f"\nthe first {MOST_MODELS} of {len(listed)} models" if len(listed) > MOST_MODELS else ""
    return listed[:MOST_MODELS], more


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
