"""From pixels in [0, 1] to logits: a Keras backbone, cut, with or without soft attention."""

import functools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from helpers import files
from helpers.backend import keras
from helpers.config import ATTENTIONS, BACKBONES, SMALLEST_IMAGE, StudyError, one_of
from helpers.networks.attention import ATTENTION_LAYERS
from helpers.networks.weights import load_backbone
from helpers.paths import RunFolder

layers, ops = keras.layers, keras.ops

DROPOUT = 0.5
FEATURE_LAYER = "features"  # the backbone's last map: what attention and Grad-CAM look at
ATTENTION_LAYER = "attention"


@keras.saving.register_keras_serializable(package="helpers")
class CaffePreprocessing(layers.Layer):
    """Turn RGB pixels in [0, 1] into what Keras' ResNet-50 was trained on: BGR, 0..255, ImageNet's mean taken off.

    Input and output: (batch, height, width, 3).
    """

    MEAN_BGR = (103.939, 116.779, 123.68)

    def call(self, inputs):
        return ops.flip(inputs, axis=-1) * 255.0 - ops.convert_to_tensor(self.MEAN_BGR, dtype=inputs.dtype)


def build_model(
    *, backbone: str, attention: str, image_size: int, classes: int, weights: str = "random", seed: int = 0
) -> keras.Model:
    """Build one network of the study: pixels in, a cut backbone, the attention block or none, a head, logits out.

    Args:
        backbone: "resnet50", cut at `conv5_block3_out` (7×7×2048 at 224 pixels). The paper says that the last three
            layers go; Datta's index `layers[-3]` drops two (pooling and head) and keeps the third, and
            that is the cut taken here. "inception_resnet_v2", cut at Datta's `layers[-28]`: the batch norm of the first
            branch of the ninth of ten last blocks, before its ReLU (8×8×192 at 299 pixels).
        attention: "none": the plain head. "soft", "soft_released" or "placebo" (see `helpers.networks.attention`): the
            features weighted by the attention layer and 2×2 max-pooled, joined with the 2×2 max-pooled features,
            ReLU, dropout 0.5, head. A 2×2 map is pooled to 1×1, which leaves the head no places to tell
            apart; a 1×1 map is not pooled, and attention over it is a constant.
        image_size: Side of the square input in pixels, at least 32 for ResNet-50 and 75 for InceptionResNetV2.
        classes: Number of logits.
        weights: "random", "imagenet", or a path: see `load_backbone`.
        seed: Initial weights derive from it. Seeds Keras' global generator.

    The head of ResNet-50 is global average pooling and a dense layer. That of InceptionResNetV2 is dense over all
    flattened features; there, the network without attention has the ReLU and the dropout, too.

    Returns:
        A model from float32 pixels in [0, 1], (batch, image_size, image_size, 3), to logits (batch, classes).

    Raises:
        StudyError: an unknown name, an image too small, or weights that are not to be had.
    """
    one_of("backbone", backbone, BACKBONES)
    one_of("attention", attention, ATTENTIONS)
    if image_size < SMALLEST_IMAGE[backbone]:
        raise StudyError(
            f"image_size: expected at least {SMALLEST_IMAGE[backbone]} pixels for {backbone}, got {image_size}. "
            "Choose a larger image_size."
        )
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((image_size, image_size, 3), name="pixels")
    known = KNOWN[backbone]
    body = load_backbone(backbone, known.preprocessing(name="preprocessing")(pixels), weights)
    features = layers.Identity(name=FEATURE_LAYER)(known.cut(body))
    return _with_head(pixels, features, backbone=backbone, attention=attention, classes=classes)


def with_attention(model: keras.Model, *, backbone: str, attention: str) -> keras.Model:
    """Return a network with another `attention` on the same backbone, whose layers the two share; the head is new."""
    features, classes = model.get_layer(FEATURE_LAYER).output, model.output_shape[-1]
    return _with_head(model.input, features, backbone=backbone, attention=attention, classes=classes)


def _with_head(pixels, features, *, backbone: str, attention: str, classes: int) -> keras.Model:
    known = KNOWN[backbone]
    if attention != "none":
        x = attention_block(features, attention)
    else:
        x = _relu_and_dropout(features) if known.regularised else features
    logits = layers.Dense(classes, dtype="float32", name="logits")(known.pooling(name="pool")(x))
    return keras.Model(pixels, logits, name=f"{backbone}-{attention}")


def attention_block(features, attention: str):
    """Return the features (batch, H, W, C) with and without attention, pooled and joined: (batch, H/2, W/2, 2C)."""
    attended = ATTENTION_LAYERS[attention](name=ATTENTION_LAYER)(features)
    window = min(2, features.shape[1])
    pooled = [
        layers.MaxPooling2D(window, name=f"pool_{name}")(x)
        for name, x in (("attended", attended), ("features", features))
    ]
    return _relu_and_dropout(layers.Concatenate(name="join")(pooled))


def _relu_and_dropout(x):
    return layers.Dropout(DROPOUT, name="dropout")(layers.ReLU(name="relu")(x))


def _cut_resnet50(body: keras.Model):
    return body.get_layer("conv5_block3_out").output


def _cut_inception_resnet_v2(body: keras.Model):
    """Return the first branch of the ninth block of the last kind, behind its batch norm and before its ReLU."""
    branch, _ = body.get_layer("block8_9_mixed").input
    (relu,) = (layer for layer in body.layers if layer.output is branch)
    assert isinstance(relu, layers.Activation)
    return relu.input


class Backbone(NamedTuple):
    """How a backbone is built in.

    Attributes:
        preprocessing: Makes the layer that turns pixels in [0, 1] into what Keras trained the backbone on.
        cut: From Keras' backbone to its features, a symbolic tensor (batch, H, W, C).
        regularised: Without attention, are ReLU and dropout part of the head? With it, they always are.
        pooling: Makes the layer between features and logits.
    """

    preprocessing: Callable
    cut: Callable
    regularised: bool
    pooling: Callable


KNOWN = {
    "resnet50": Backbone(CaffePreprocessing, _cut_resnet50, False, layers.GlobalAveragePooling2D),
    "inception_resnet_v2": Backbone(
        functools.partial(layers.Rescaling, 2.0, -1.0), _cut_inception_resnet_v2, True, layers.Flatten
    ),
}


def load_model(run_folder: Path | str) -> keras.Model:
    """Load the trained model of a run folder, without running any code stored in it."""
    path = RunFolder(run_folder).model
    if not path.is_file():
        raise StudyError(
            f"{path}: expected a trained model, found none. Run the training notebook of this model first."
        )
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if "arbitrary code" in str(error):
            raise
        others = files.other_versions(path)
        raise StudyError(
            f"{path}: expected a Keras model of this study, it cannot be read ({type(error).__name__}: {error}). "
            + (f"It was made with {others}: install these, or delete it" if others else "Delete it")
            + ", and run its training notebook again."
        ) from error
