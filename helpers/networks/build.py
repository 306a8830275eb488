"""From pixels in [0, 1] to logits: a Keras backbone, cut, with or without an attention block."""

import zipfile
from pathlib import Path

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.backend import keras
from helpers.errors import StudyError, check_choice
from helpers.networks import attention as attention_layers
from helpers.networks.preprocessing import PREPROCESSING
from helpers.networks.weights import load_backbone

layers = keras.layers

DROPOUT = 0.5
FEATURE_LAYER = "features"  # the backbone's last map: what attention and Grad-CAM look at
ATTENTION_LAYER = "attention"


def build_model(
    *, backbone: str, attention: str, image_size: int, classes: int, weights: str = "random", seed: int = 0
) -> keras.Model:
    """Build one network of the study: pixels in, a cut backbone, the attention block or none, a head, logits out.

    Args:
        backbone: "resnet50", cut at `conv5_block3_out` (7×7×2048 at 224 pixels). The paper says that the last three
            layers are removed. Datta's index `layers[-3]` removes two (pooling and head) and keeps the third: that is
            the cut used here. "inception_resnet_v2", cut at Datta's `layers[-28]`: the batch norm of the first
            branch of the ninth of ten last blocks, before its ReLU (8×8×192 at 299 pixels).
        attention: "none": the plain head. "soft", "soft_released" or "placebo" (see `helpers.networks.attention`): the
            features weighted by the attention layer and 2×2 max-pooled, joined with the 2×2 max-pooled features,
            ReLU, dropout 0.5, head. A 2×2 map is pooled to 1×1, which leaves the head no positions to
            distinguish; a 1×1 map is not pooled, and attention over it is constant.
        image_size: Side of the square input in pixels; the backbone's record has the smallest one.
        classes: Number of logits.
        weights: "random", "imagenet", or a path: see `load_backbone`.
        seed: Initial weights derive from it. Seeds Keras' global generator.

    The head of ResNet-50 is global average pooling and a dense layer. The head of InceptionResNetV2 is a dense layer
    over all flattened features, and its network without attention has ReLU and dropout, too.

    Returns:
        A model from float32 pixels in [0, 1], (batch, image_size, image_size, 3), to logits (batch, classes).

    Raises:
        StudyError: an unknown name, an image too small, or weights that are not available.
    """
    check_choice("backbone", backbone, BACKBONES)
    check_choice("attention", attention, ATTENTIONS)
    record = BACKBONES[backbone]
    if image_size < record.smallest_image:
        raise StudyError(
            f"image_size: expected at least {record.smallest_image} pixels for {backbone}, got {image_size}. "
            "Choose a larger image_size."
        )
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((image_size, image_size, 3), name="pixels")
    network = load_backbone(backbone, prepared(pixels, backbone), weights)
    features = layers.Identity(name=FEATURE_LAYER)(record.cut(network))
    return _with_head(pixels, features, backbone=backbone, attention=attention, classes=classes)


def prepared(pixels, backbone: str):
    """Return pixels in [0, 1] as the backbone's weights expect them, (batch, height, width, 3)."""
    return PREPROCESSING[BACKBONES[backbone].preprocessing](name="preprocessing")(pixels)


def with_attention(model: keras.Model, *, backbone: str, attention: str) -> keras.Model:
    """Return a network with another `attention` that shares the backbone's layers with `model`; its head is new."""
    features, classes = model.get_layer(FEATURE_LAYER).output, model.output_shape[-1]
    return _with_head(model.input, features, backbone=backbone, attention=attention, classes=classes)


def _with_head(pixels, features, *, backbone: str, attention: str, classes: int) -> keras.Model:
    record = BACKBONES[backbone]
    if ATTENTIONS[attention].layer is not None:
        x = attention_block(features, attention)
    else:
        x = _relu_and_dropout(features) if record.has_regularised_head else features
    pooled = getattr(layers, record.pooling)(name="head_pool")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(pooled)
    return keras.Model(pixels, logits, name=f"{backbone}-{attention}")


def attention_block(features, attention: str):
    """Return the features (batch, H, W, C) with and without attention, pooled and joined: (batch, H/2, W/2, 2C)."""
    layer = getattr(attention_layers, str(ATTENTIONS[attention].layer))
    attended = layer(name=ATTENTION_LAYER)(features)
    window = min(2, features.shape[1])
    pooled = [
        layers.MaxPooling2D(window, name=f"pool_{name}")(x)
        for name, x in (("attended", attended), ("features", features))
    ]
    return _relu_and_dropout(layers.Concatenate(name="join")(pooled))


def _relu_and_dropout(x):
    return layers.Dropout(DROPOUT, name="head_dropout")(layers.ReLU(name="head_relu")(x))


def model_path(run_folder: Path | str) -> Path:
    """Return the path of the trained model of a run folder.

    Raises:
        StudyError: there is none.
    """
    path = RunFolder(Path(run_folder)).model
    if not path.is_file():
        raise StudyError(
            f"{path}: expected a trained model, found none. Run the training notebook of this model first."
        )
    return path


def model_digest(run_folder: Path | str) -> str:
    """Return the digest of the trained model of a run folder; where the model is not there, the recorded one."""
    path = RunFolder(Path(run_folder)).model
    recorded = None if path.is_file() else records.recorded_digest(path)
    return recorded or files.digest(model_path(run_folder))


def load_model(run_folder: Path | str) -> keras.Model:
    """Load the trained model of a run folder, without running any code stored in it."""
    path = model_path(run_folder)
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if "arbitrary code" in str(error):
            raise
        others = records.other_versions(path)
        raise StudyError(
            f"{path}: expected a Keras model of this study, it cannot be read ({type(error).__name__}: {error}). "
            + (f"It was made with {others}: install these, or delete it" if others else "Delete it")
            + ", and run its training notebook again."
        ) from error
