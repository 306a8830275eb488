"""From pixels in [0, 1] to logits: a Keras backbone, cut, with or without soft attention."""

from pathlib import Path

from helpers.backend import keras
from helpers.config import ATTENTIONS, BACKBONES, SMALLEST_IMAGE, StudyError, one_of
from helpers.networks.attention import SoftAttention
from helpers.paths import RunFolder

layers, ops = keras.layers, keras.ops

DROPOUT = 0.5
FEATURE_LAYER = "features"  # the backbone's last map: what attention and Grad-CAM look at


@keras.saving.register_keras_serializable(package="helpers")
class CaffePreprocessing(layers.Layer):
    """Turn RGB pixels in [0, 1] into what Keras' ResNet-50 was trained on: BGR, 0..255, ImageNet's mean taken off.

    Input and output: (batch, height, width, 3).
    """

    MEAN_BGR = (103.939, 116.779, 123.68)

    def call(self, inputs):
        return ops.flip(inputs, axis=-1) * 255.0 - ops.convert_to_tensor(self.MEAN_BGR, dtype=inputs.dtype)


def build_model(
    *,
    backbone: str,
    attention: str,
    image_size: int,
    classes: int,
    weights: str = "random",
    seed: int = 0,
) -> keras.Model:
    """Build one network of the study.

    Args:
        backbone: "resnet50", cut at `conv5_block3_out` (image_size/32 squared × 2048). The paper says
            that the last three layers go; Datta's index `layers[-3]` drops two (pooling and head)
            and keeps the third, and that is the cut taken here.
        attention: "none": global average pooling and a dense head. "soft": the soft-attention block,
            2×2 max-pooled, joined with the 2×2 max-pooled features, ReLU, dropout 0.5, then the same.
        image_size: Side of the square input in pixels.
        classes: Number of logits.
        weights: "random", every residual branch starting at zero (Goyal et al., arXiv 1706.02677), without
            which the first epochs only shrink the features; "imagenet" (Keras' download, or its cache); or
            the path of a Keras weight file of the backbone without its top.
        seed: Initial weights derive from it. Seeds Keras' global generator.

    Returns:
        A model from float32 pixels in [0, 1], (batch, image_size, image_size, 3), to logits (batch, classes).

    Raises:
        StudyError: an unknown name, an image too small, or weights that are not to be had.
    """
    one_of("backbone", backbone, BACKBONES)
    one_of("attention", attention, ATTENTIONS)
    if image_size < SMALLEST_IMAGE[backbone]:
        raise StudyError(
            f"image_size: expected at least {SMALLEST_IMAGE[backbone]} pixels for {backbone}, got {image_size}; "
            "below that its last feature map has no 2x2 block to pool. Choose a larger image_size."
        )
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((image_size, image_size, 3), name="pixels")
    prepared = CaffePreprocessing(name="preprocessing")(pixels)
    body = _load_resnet50(prepared, weights)
    features = layers.Identity(name=FEATURE_LAYER)(body.output)
    x = features if attention == "none" else _attention_block(features)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(pixels, logits, name=f"{backbone}-{attention}")


def _attention_block(features):
    attended = SoftAttention(name="soft_attention")(features)  # (batch, H, W, C)
    pooled = [
        layers.MaxPooling2D(2, name=f"pool_{name}")(x) for name, x in (("attended", attended), ("features", features))
    ]
    x = layers.Concatenate(name="join")(pooled)  # (batch, H/2, W/2, 2C)
    return layers.Dropout(DROPOUT, name="dropout")(layers.ReLU(name="relu")(x))


def _load_resnet50(inputs, weights: str) -> keras.Model:
    try:
        body = keras.applications.ResNet50(
            include_top=False, weights=None if weights == "random" else weights, input_tensor=inputs
        )
    except Exception as error:
        cached = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
        raise StudyError(
            f"weights: could not load {weights!r} into ResNet-50 ({type(error).__name__}: {error}). Expected 'random', "
            f"a weight file, or 'imagenet' with a network or with {cached} in Keras' cache ($KERAS_HOME or ~/.keras, "
            "folder models/). Without either, train with weights: random."
        ) from error
    assert body.layers[-1].name == "conv5_block3_out"
    if weights == "random":
        for layer in body.layers:
            if layer.name.endswith("_3_bn"):  # the last batch norm before each addition
                layer.gamma.assign(ops.zeros_like(layer.gamma))
    return body


def feature_map_of(model: keras.Model, images):
    """Return the backbone's last feature map, (batch, H, W, C): what the attention block, if any, is given."""
    return keras.Model(model.input, model.get_layer(FEATURE_LAYER).output)(images, training=False)


def load_model(run_folder: Path | str) -> keras.Model:
    """Load the trained model of a run folder, without running any code stored in it."""
    path = RunFolder(run_folder).model
    if not path.is_file():
        raise StudyError(
            f"{path}: expected a trained model, found none. Run the training notebook of this model first."
        )
    return keras.saving.load_model(path, safe_mode=True, compile=False)
