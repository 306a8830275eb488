"""Grad-CAM and its relatives for many images at once.

The maps are computed by tf-keras-vis. It is given the network behind the explained layer only; what lies before, which
no map needs a gradient of, is traced once and run in batches.
"""

import contextlib
import io
import warnings

import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.scorecam import Scorecam

from helpers.backend import keras, tf
from helpers.config import one_of
from helpers.networks.backbones import ATTENTION_LAYER, FEATURE_LAYER

METHODS = {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus, "scorecam": Scorecam}
SCORECAM_CHANNELS = 32  # those that vary most, as in "Faster Score-CAM"; each costs a forward pass


class ActivationMaps:
    """Which places of a layer speak for a class, on logits.

    Grad-CAM: Selvaraju et al., 2017, arXiv 1610.02391. Grad-CAM++: Chattopadhyay et al., 2018, arXiv 1710.11063.
    Score-CAM: Wang et al., 2020, arXiv 1910.01279.

    Args:
        model: Pixels in [0, 1] to logits.
        method: "gradcam", "gradcam++" or "scorecam".
        layer: Name of a layer whose output is a feature map that every way through the network passes; None: the
            backbone's last, before the attention block if there is one.
        batch_size: Images at once.

    Raises:
        StudyError: no such method or layer; the layers that can be explained are listed.
    """

    def __init__(self, model: keras.Model, *, method: str = "gradcam", layer: str | None = None, batch_size: int = 32):
        model = keras.Model(
            model.inputs[0], model.outputs[0], name=model.name
        )  # a Sequential becomes one of these, too
        self.model, self.method, self.batch_size = model, one_of("method", method, METHODS), batch_size
        known = feature_maps(model)
        self.layer = one_of("layer", layer or (FEATURE_LAYER if FEATURE_LAYER in known else known[-1]), known)
        features = model.get_layer(self.layer).output
        trunk = keras.Model(model.inputs[0], features)
        pixels = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        self._trunk = tf.function(lambda x: trunk(x, training=False), input_signature=[pixels])
        self._head = keras.Model(features, model.outputs[0])

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the layer's output for images (n, height, width, 3): float32 (n, H, W, C)."""
        starts = range(0, len(images), self.batch_size)
        return np.concatenate([self._trunk(images[start : start + self.batch_size]).numpy() for start in starts])

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits (n, classes) that follow from features (n, H, W, C)."""
        return self._head(features, training=False).numpy()

    def attention(self, features: np.ndarray) -> np.ndarray | None:
        """Return the soft-attention maps (n, H, W) of features, each summing to 1; None without an attention layer."""
        if self.layer != FEATURE_LAYER or ATTENTION_LAYER not in {layer.name for layer in self.model.layers}:
            return None
        maps = self.model.get_layer(ATTENTION_LAYER).attention_map(tf.constant(features)).numpy()
        return maps / maps.sum(axis=(1, 2), keepdims=True)

    def __call__(self, images: np.ndarray, classes: np.ndarray, *, features: np.ndarray | None = None) -> np.ndarray:
        """Return a map an image, float32 (n, H, W), at least 0, its largest value 1; all 0 if no place speaks for it.

        Args:
            images: float32 (n, height, width, 3), pixels in [0, 1].
            classes: int (n,): the class that each map is about.
            features: What `features(images)` returned, if it is known.
        """
        if self.method == "scorecam":  # an image at a time: in company, it takes other channels
            model, inputs, at_once = self.model, images, 1
        else:
            model, inputs, at_once = (
                self._head,
                self.features(images) if features is None else features,
                self.batch_size,
            )
        parts = [slice(start, start + at_once) for start in range(0, len(images), at_once)]
        maps = np.concatenate([self._explain(model, inputs[part], classes[part]) for part in parts])
        largest = maps.max(axis=(1, 2), keepdims=True)
        return (maps / np.where(largest > 0, largest, 1)).astype(np.float32)

    def _explain(self, model: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return what tf-keras-vis makes of a model's inputs, not yet scaled."""
        layer = self.layer if model is self.model else model.layers[0].name
        settings = {"penultimate_layer": layer, "seek_penultimate_conv_layer": False}
        settings |= {"expand_cam": False, "normalize_cam": False}
        if self.method == "scorecam":
            channels = self.model.get_layer(self.layer).output.shape[-1]
            settings |= {"max_N": min(SCORECAM_CHANNELS, channels), "batch_size": self.batch_size}

        def score(outputs):
            chosen = tf.gather(outputs, classes, batch_dims=1)
            # Grad-CAM++ takes exp(score), which overflows; a constant less in the exponent scales the map, no more
            return chosen - tf.stop_gradient(chosen) if self.method == "gradcam++" else chosen

        # Score-CAM predicts with a bar, and hands over its inputs as a list
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The structure of `inputs`", UserWarning)
            return np.asarray(METHODS[self.method](model)(score, inputs, **settings))


def feature_maps(model: keras.Model) -> list[str]:
    """Return the names of the layers with an output (batch, H, W, C) that every way through the network passes."""
    place = {layer.name: number for number, layer in enumerate(model.layers)}
    last_use = dict.fromkeys(place, 0)
    for number, layer in enumerate(model.layers):
        for tensor in [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input):
            last_use[tensor._keras_history.operation.name] = number
    names, open_until = [], 0
    for number, layer in enumerate(model.layers):
        if number > 0 and open_until <= number and len(layer.output.shape) == 4:
            names.append(layer.name)
        open_until = max(open_until, last_use[layer.name])
    return names
