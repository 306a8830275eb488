"""Weights in 8 bits: a quarter of the size, small enough to come with the study.

A kernel is kept as whole numbers from -127 to 127 and a scale for each of its output channels, so the largest weight of
a channel is exact and the others are rounded by half a step at most. Biases and batch norms stay float32.
"""

from pathlib import Path

import numpy as np

from helpers.artifacts.arrays import load_arrays, save_arrays
from helpers.backend import keras
from helpers.errors import StudyError

LARGEST = 127  # what the largest weight of a channel becomes


def save_rounded(network: keras.Model, path: Path) -> None:
    """Write a network's weights to an .npz file, kernels in 8 bits."""
    arrays = {}
    for number, weight in enumerate(network.get_weights()):
        if weight.ndim < 2:
            arrays[f"{number}"] = weight.astype(np.float32)
            continue
        scale = np.abs(weight).max(axis=tuple(range(weight.ndim - 1))) / LARGEST
        scale = np.where(scale == 0, 1, scale).astype(np.float32)  # a channel of zeros
        arrays[f"{number}"] = np.round(weight / scale).astype(np.int8)
        arrays[f"{number} scale"] = scale
    save_arrays(path, arrays)


def load_rounded(network: keras.Model, path: Path) -> None:
    """Set a network's weights from such a file.

    Raises:
        StudyError: the file is not there, cannot be read, or belongs to another network.
    """
    current = network.get_weights()
    names = [f"{number}" for number in range(len(current))]
    arrays = load_arrays(path, needed=names, made_by="make pretrain")
    weights = [arrays[name] * arrays.get(f"{name} scale", np.float32(1)) for name in names]
    for number, (weight, expected) in enumerate(zip(weights, current, strict=True)):
        if weight.shape != expected.shape:
            raise StudyError(
                f"{path}: expected the weights of {network.name}; weight {number} has the shape {weight.shape}, not "
                f"{expected.shape}. Choose the file of this backbone."
            )
    if len(arrays) != len(names) + sum(f"{name} scale" in arrays for name in names):
        raise StudyError(f"{path}: expected {len(names)} weights of {network.name}, the file has others besides.")
    network.set_weights(weights)
