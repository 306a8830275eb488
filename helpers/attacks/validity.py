"""Checks that raise: is the input of an attack valid, and is its output inside the ball?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.attacks.predict import are_probabilities
from helpers.backend import keras
from helpers.config import check_count, check_values
from helpers.errors import StudyError
from helpers.lists import read_numbers

BALL_TOLERANCE = 1e-6  # how far float32 rounding may move a pixel out of its ball


def check_numbers(protocol: str, *, steps: int, first: int, batch_size: int, rel_stepsize: float, seed: int) -> None:
    """Check the numbers that `attack` is given; under protocol "paper", no step leaves the random start.

    Raises:
        StudyError: one of them is not as described there.
    """
    check_count("steps", steps, least=1 if protocol == "minimal" else 0)
    check_count("first", first, least=0)
    check_count("batch_size", batch_size)
    check_values(rel_stepsize=rel_stepsize, seed=seed)


def check_inputs(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, epsilons: Sequence[float]
) -> tuple[float, ...]:
    """Check images, labels and epsilons before an attack on a model; return the epsilons.

    Args:
        model: Pixels in [0, 1] to logits.
        images: float32 (n, height, width, 3), n at least 1, in [0, 1], of the model's input size.
        labels: int64 (n,), class indices below the model's number of classes.
        epsilons: L∞ radii on pixels in [0, 1], strictly increasing; the last one above 0.

    Raises:
        StudyError: one of them is not as described.
    """
    _check_images(model, images)
    _check_labels(model, labels, count=len(images))
    try:
        grid = read_numbers(list(epsilons))
    except (TypeError, ValueError) as error:
        raise StudyError(f"epsilons: expected a list of L∞ radii on pixels in [0, 1]; {error}.") from None
    if not (grid[0] >= 0 and 0 < grid[-1] <= 1 and np.all(np.diff(grid) > 0)):
        raise StudyError(
            f"epsilons: expected L∞ radii on pixels in [0, 1], strictly increasing; got {list(map(float, grid))}."
        )
    return grid


def _check_images(model: keras.Model, images: np.ndarray) -> None:
    shape = tuple(model.input_shape[1:])
    _check_array("images", images)
    if images.dtype != np.float32 or images.shape[1:] != shape:
        raise StudyError(
            f"images: expected float32 of shape (n, {', '.join(map(str, shape))}), "
            f"got {images.dtype} of shape {images.shape}."
        )
    if not len(images):
        raise StudyError("images: expected at least one, with pixels in [0, 1]; got none.")
    if not (images.min() >= 0 and images.max() <= 1):  # also true if a pixel is NaN
        raise StudyError(
            f"images: expected pixels in [0, 1]; got pixels from {images.min():g} to {images.max():g}. "
            "Divide pixels 0..255 by 255."
        )


def _check_labels(model: keras.Model, labels: np.ndarray, *, count: int) -> None:
    _check_array("labels", labels)
    if labels.dtype != np.int64 or labels.shape != (count,):
        raise StudyError(f"labels: expected int64 of shape ({count},), got {labels.dtype} of shape {labels.shape}.")
    classes = model.output_shape[-1]
    if labels.min() < 0 or labels.max() >= classes:
        raise StudyError(f"labels: expected 0..{classes - 1}, got {labels.min()}..{labels.max()}.")


def _check_array(name: str, value: Any) -> None:
    if not isinstance(value, np.ndarray):
        raise StudyError(f"{name}: expected a NumPy array, got {type(value).__name__}. Use numpy.asarray.")


def check_logits(model: keras.Model, outputs: np.ndarray, *, accept_probabilities: bool = False) -> None:
    """Check that a model's outputs, float32 (n, classes), are logits.

    Raises:
        StudyError: they are not finite, or they are probabilities.
    """
    if not np.isfinite(outputs).all():
        rows = (~np.isfinite(outputs)).any(axis=1).sum()
        raise StudyError(
            f"{model.name}: expected finite logits, got infinity or NaN for {rows} of {len(outputs)} images. "
            "Train the model again."
        )
    if are_probabilities(outputs) and not accept_probabilities:
        raise StudyError(
            f"{model.name}: expected logits, got probabilities, on which cross-entropy hides gradients from an attack. "
            "Attack the model without its softmax."
        )


def check_perturbation(images: np.ndarray, perturbed: np.ndarray, *, epsilon: float | np.ndarray) -> None:
    """Check that every perturbed pixel is in [0, 1] and at most epsilon away from its original.

    Args:
        images: float32 (n, height, width, 3), in [0, 1].
        perturbed: Of the same shape.
        epsilon: L∞ radius on pixels in [0, 1]: one for all images, or (n,).

    Raises:
        ArithmeticError: a pixel is outside, or NaN. It means that the attack has a fault.
    """
    distances = np.abs(perturbed - images).max(axis=(1, 2, 3))
    excess = (distances - epsilon).max(initial=0.0)
    is_in_range = perturbed.min(initial=0) >= 0 and perturbed.max(initial=1) <= 1
    if not (excess <= BALL_TOLERANCE and is_in_range):
        raise ArithmeticError(
            f"expected adversarials inside their balls and in [0, 1]; got one {excess:g} outside of its ball, and "
            f"pixels in [{perturbed.min():g}, {perturbed.max():g}]"
        )
