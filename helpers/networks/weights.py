"""Where a backbone's weights come from: chance, ImageNet, or a file."""

import numpy as np

from helpers.backend import keras
from helpers.config import StudyError

APPLICATIONS = {
    "resnet50": (keras.applications.ResNet50, "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    "inception_resnet_v2": (
        keras.applications.InceptionResNetV2,
        "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
}


def load_backbone(backbone: str, inputs, weights: str) -> keras.Model:
    """Return Keras' backbone on top of `inputs`, whole, without its head.

    Args:
        backbone: "resnet50" or "inception_resnet_v2".
        inputs: Prepared pictures, (batch, height, width, 3).
        weights: "random", every residual branch starting at zero (Goyal et al., arXiv 1706.02677), without
            which the first epochs only shrink the features; "imagenet" (Keras' download, or its cache); or
            the path of a Keras weight file of the backbone without its top.

    Raises:
        StudyError: the weights are not to be had, or do not fit.
    """
    application, cached = APPLICATIONS[backbone]
    try:
        body = application(include_top=False, weights=None if weights == "random" else weights, input_tensor=inputs)
    except Exception as error:
        raise StudyError(
            f"weights: could not load {weights!r} into {backbone} ({type(error).__name__}: {error}). Expected "
            f"'random', a weight file, or 'imagenet' with a network or with {cached} in Keras' cache ($KERAS_HOME or "
            "~/.keras, folder models/). Without either, train with weights: random."
        ) from error
    if weights == "random":
        _silence_residual_branches(body)
    return body


def _silence_residual_branches(body: keras.Model) -> None:
    """Set the last weights of each branch to zero, so that at first every block passes its input on."""
    for layer in body.layers:
        if layer.name.endswith("_3_bn"):  # ResNet-50: the last batch norm before each addition
            layer.gamma.assign(keras.ops.zeros_like(layer.gamma))
        elif layer.name.startswith("block") and layer.name.endswith("_conv"):  # InceptionResNetV2: before each sum
            layer.kernel.assign(keras.ops.zeros_like(layer.kernel))


def shuffle_weights(model: keras.Model, *, behind: str | None = None, seed: int = 0) -> None:
    """Shuffle the numbers inside each weight: what the network has learned is gone, the size of its weights is not.

    Args:
        model: Is changed.
        behind: Name of a layer; only those that come after it are shuffled. None: all.
        seed: Of the order.
    """
    rng, first = np.random.default_rng(seed), 0
    if behind is not None:
        first = 1 + [layer.name for layer in model.layers].index(behind)
    for layer in model.layers[first:]:
        layer.set_weights([rng.permutation(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])
