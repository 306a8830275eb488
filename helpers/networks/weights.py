"""Where a backbone's weights come from: random numbers, ImageNet, or a file."""

from pathlib import Path

import numpy as np

from helpers import files
from helpers.backbones import BACKBONES, Backbone
from helpers.backend import keras
from helpers.errors import StudyError
from helpers.networks.rounded import load_rounded
from helpers.paths import ROOT


def load_backbone(backbone: str, inputs, weights: str) -> keras.Model:
    """Return Keras' backbone on top of `inputs`, whole, without its head.

    Args:
        backbone: A name in `BACKBONES`.
        inputs: Prepared pictures, (batch, height, width, 3).
        weights: "random": every residual branch starts at zero (Goyal et al., arXiv 1706.02677); otherwise the first
            epochs only shrink the features. "imagenet": Keras' download, or its cache. Or the path of a Keras weight
            file of the backbone without its top, or of weights in 8 bits (.npz, see `helpers.networks.rounded`).

    Raises:
        StudyError: the weights are not available, or do not fit.
    """
    record, is_rounded = BACKBONES[backbone], weights.endswith(".npz")
    try:
        network = record.application(
            include_top=False, weights=None if weights == "random" or is_rounded else weights, input_tensor=inputs
        )
    except Exception as error:
        raise StudyError(
            f"weights: could not load {weights!r} into {backbone} ({type(error).__name__}: {error}). Expected "
            f"'random', a weight file, or 'imagenet' with internet access or with {record.weight_file} in Keras' cache "
            "($KERAS_HOME or ~/.keras, folder models/). Without either, train with weights: random."
        ) from error
    if weights == "random":
        _silence_residual_branches(network, record)
    if is_rounded:
        load_rounded(network, Path(weights))
    return network


def shipped_weights(name: str) -> Path:
    """Return where a backbone's weights are that come with the study."""
    return ROOT / "weights" / f"{name}.npz"


def check_shipped(backbone: str) -> Path:
    """Return the path of the weights that come with the study.

    Raises:
        StudyError: none do for this backbone, the file is not there, or its content is another.
    """
    path, expected = shipped_weights(backbone), BACKBONES[backbone].shipped_digest
    if not expected:
        raise StudyError(
            f"weights: 'phantom' takes weights that come with the study; none do for {backbone}. Give its pretraining "
            "(image_size, epochs, learning_rate), or choose weights: imagenet, random, or the path of a weight file."
        )
    if not path.is_file() or (found := files.digest(path)) != expected:
        is_there = f"its SHA-256 is {found[:12]}…" if path.is_file() else "it is not there"
        raise StudyError(
            f"{path}: expected the weights that come with the study, SHA-256 {expected[:12]}…; {is_there}. Check out "
            "the file again, or make it anew with make pretrain."
        )
    return path


def _silence_residual_branches(network: keras.Model, record: Backbone) -> None:
    """Set the last weight of each branch to zero, so that at first every block passes its input on."""
    for layer in network.layers:
        if (weight := record.branch_end(layer)) is not None:
            weight.assign(keras.ops.zeros_like(weight))


def shuffle_weights(model: keras.Model, *, behind: str | None = None, seed: int = 0) -> None:
    """Shuffle the numbers inside each weight: the network loses what it has learned, but its weights keep their size.

    Args:
        model: Is changed.
        behind: Name of a layer; only layers after it are shuffled. None: all.
        seed: The order derives from it.
    """
    rng, first = np.random.default_rng(seed), 0
    if behind is not None:
        first = 1 + [layer.name for layer in model.layers].index(behind)
    for layer in model.layers[first:]:
        layer.set_weights([rng.permutation(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])
