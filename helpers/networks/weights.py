"""Where a backbone's weights come from: random numbers, ImageNet, or a file."""

import numpy as np

from helpers.backbones import BACKBONES, Backbone
from helpers.backend import keras
from helpers.errors import StudyError


def load_backbone(backbone: str, inputs, weights: str) -> keras.Model:
    """Return Keras' backbone on top of `inputs`, whole, without its head.

    Args:
        backbone: A name in `BACKBONES`.
        inputs: Prepared pictures, (batch, height, width, 3).
        weights: "random": every residual branch starts at zero (Goyal et al., arXiv 1706.02677); otherwise the first
            epochs only shrink the features. "imagenet": Keras' download, or its cache. Or the path of a Keras weight
            file of the backbone without its top.

    Raises:
        StudyError: the weights are not available, or do not fit.
    """
    record = BACKBONES[backbone]
    try:
        network = record.application(
            include_top=False, weights=None if weights == "random" else weights, input_tensor=inputs
        )
    except Exception as error:
        raise StudyError(
            f"weights: could not load {weights!r} into {backbone} ({type(error).__name__}: {error}). Expected "
            f"'random', a weight file, or 'imagenet' with internet access or with {record.weight_file} in Keras' cache "
            "($KERAS_HOME or ~/.keras, folder models/). Without either, train with weights: random."
        ) from error
    if weights == "random":
        _silence_residual_branches(network, record)
    return network


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
