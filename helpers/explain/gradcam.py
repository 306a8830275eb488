"""Grad-CAM and its relatives for many images at once.

Grad-CAM and HiResCAM are computed here, the others by tf-keras-vis, the public way to all of them, with which the tests
compare. Only the part of the network behind the explained layer is differentiated; the part before it, which no map
needs a gradient of, is traced once and runs in batches.
"""

import contextlib
import io
import warnings

import numpy as np
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.scorecam import Scorecam

from helpers.backend import keras, tf
from helpers.errors import check_choice
from helpers.networks.build import ATTENTION_LAYER, FEATURE_LAYER
from helpers.networks.views import has_attention_map

OTHERS = {"gradcam++": GradcamPlusPlus, "scorecam": Scorecam}  # by tf-keras-vis
METHODS = ("gradcam", "hirescam", *OTHERS)
SCORECAM_CHANNELS = 32  # those that vary most, as in "Faster Score-CAM"; each costs a forward pass


class ActivationMaps:
    """Which positions of a layer support a class, on logits.

    Grad-CAM: Selvaraju et al., 2017, arXiv 1610.02391: the features, weighed by their gradients' mean over the
    positions. HiResCAM: Draelos, Carin, 2020, arXiv 2011.08891: weighed by the gradients themselves. If the head
    takes only the mean over positions, the two are the same; if it flattens the features, only HiResCAM adds up to the
    logit.
    Grad-CAM++: Chattopadhyay et al., 2018, arXiv 1710.11063. Score-CAM: Wang et al., 2020, arXiv 1910.01279.

    Args:
        model: Pixels in [0, 1] to logits.
        method: "gradcam", "hirescam", "gradcam++" or "scorecam".
        layer: Name of a layer whose output is a feature map, and which every path through the network passes; None: the
            backbone's last, before the attention block if there is one.
        batch_size: Images at once.

    Raises:
        StudyError: no such method or layer; the layers that can be explained are listed.
    """

    def __init__(self, model: keras.Model, *, method: str = "gradcam", layer: str | None = None, batch_size: int = 32):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)  # a Sequential, too, becomes functional
        self.model, self.method, self.batch_size = model, check_choice("method", method, METHODS), batch_size
        known = feature_maps(model)
        self.layer = check_choice("layer", layer or (FEATURE_LAYER if FEATURE_LAYER in known else known[-1]), known)
        features = model.get_layer(self.layer).output
        trunk = keras.Model(model.inputs[0], features)
        pixels = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        self._trunk = tf.function(lambda x: trunk(x, training=False), input_signature=[pixels])
        self._head = keras.Model(features, model.outputs[0])
        positions, classes = tf.TensorSpec(features.shape, tf.float32), tf.TensorSpec((None,), tf.int64)
        self._weigh = tf.function(self._trace_map, input_signature=[positions, classes])

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the layer's output for images (n, height, width, 3): float32 (n, H, W, C)."""
        starts = range(0, len(images), self.batch_size)
        return np.concatenate([self._trunk(images[start : start + self.batch_size]).numpy() for start in starts])

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits (n, classes) of features (n, H, W, C)."""
        return self._head(features, training=False).numpy()

    def attention(self, features: np.ndarray) -> np.ndarray | None:
        """Return the soft-attention maps (n, H, W) of features, each summing to 1; None without an attention map."""
        if self.layer != FEATURE_LAYER or not has_attention_map(self.model):
            return None
        maps = self.model.get_layer(ATTENTION_LAYER).attention_map(tf.constant(features)).numpy()
        return maps / maps.sum(axis=(1, 2), keepdims=True)

    def __call__(self, images: np.ndarray, classes: np.ndarray, *, features: np.ndarray | None = None) -> np.ndarray:
        """Return a map of each image, float32 (n, H, W): 0 to 1, or all 0 if no position supports the class.

        Args:
            images: float32 (n, height, width, 3), pixels in [0, 1].
            classes: int (n,): the class that each map is about.
            features: What `features(images)` returned, if it is known.
        """
        if self.method == "scorecam":  # one image at a time: the channels it chooses depend on all images of a batch
            model, inputs, batch_size = self.model, images, 1
        else:
            inputs = self.features(images) if features is None else features
            model, batch_size = self._head, self.batch_size
        batches = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
        if self.method in OTHERS:
            maps = np.concatenate([self._explain(model, inputs[batch], classes[batch]) for batch in batches])
        else:
            maps = np.concatenate([self._weigh(inputs[batch], classes[batch]).numpy() for batch in batches])
        largest = maps.max(axis=(1, 2), keepdims=True)
        return (maps / np.where(largest > 0, largest, 1)).astype(np.float32)

    def _trace_map(self, features: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """Return Grad-CAM's or HiResCAM's maps, not yet scaled."""
        with tf.GradientTape() as tape:
            tape.watch(features)
            score = tf.reduce_sum(tf.gather(self._head(features, training=False), classes, batch_dims=1))
        weights = tape.gradient(score, features)
        if self.method == "gradcam":
            weights = tf.reduce_mean(weights, axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))

    def _explain(self, model: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return what tf-keras-vis computes from a model's inputs, not yet scaled."""
        layer = self.layer if model is self.model else model.layers[0].name
        own_settings = {}
        if self.method == "scorecam":
            channels = self.model.get_layer(self.layer).output.shape[-1]
            own_settings = {"max_N": min(SCORECAM_CHANNELS, channels), "batch_size": self.batch_size}

        def score(outputs):
            chosen = tf.gather(outputs, classes, batch_dims=1)
            # Grad-CAM++ takes exp(score), which overflows. Subtracting a constant from the score only scales the map.
            return chosen - tf.stop_gradient(chosen) if self.method == "gradcam++" else chosen

        # Score-CAM predicts with a progress bar, and passes its inputs on as a list
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The structure of `inputs`", UserWarning)
            maps = OTHERS[self.method](model)(
                score,
                inputs,
                penultimate_layer=layer,
                seek_penultimate_conv_layer=False,
                expand_cam=False,
                normalize_cam=False,
                **own_settings,
            )
        return np.asarray(maps)


def feature_maps(model: keras.Model) -> list[str]:
    """Return the names of the layers with an output (batch, H, W, C) that every path through the network passes."""
    last_use = {layer.name: 0 for layer in model.layers}
    for number, layer in enumerate(model.layers):
        for tensor in [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input):
            last_use[tensor._keras_history.operation.name] = number
    names, open_until = [], 0
    for number, layer in enumerate(model.layers):
        if number > 0 and open_until <= number and len(layer.output.shape) == 4:
            names.append(layer.name)
        open_until = max(open_until, last_use[layer.name])
    return names
