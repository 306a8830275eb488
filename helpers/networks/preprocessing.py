"""From pixels in [0, 1] to what a Keras application's weights were trained on."""

from collections.abc import Callable

from helpers.backend import keras

ops = keras.ops

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of pixels in [0, 1]


@keras.saving.register_keras_serializable(package="helpers")
class CaffePreprocessing(keras.layers.Layer):
    """Turn RGB pixels in [0, 1] into what Keras' ResNet-50 was trained on: BGR, 0..255, ImageNet's mean subtracted.

    Input and output: (batch, height, width, 3).
    """

    MEAN_BGR = (103.939, 116.779, 123.68)

    def call(self, inputs):
        return ops.flip(inputs, axis=-1) * 255.0 - ops.convert_to_tensor(self.MEAN_BGR, dtype=inputs.dtype)


def _tf_preprocessing(name: str) -> keras.layers.Layer:
    """Return a layer that turns pixels in [0, 1] into [-1, 1]."""
    return keras.layers.Rescaling(2.0, -1.0, name=name)


def _torch_preprocessing(name: str) -> keras.layers.Layer:
    """Return a layer that subtracts ImageNet's mean from pixels in [0, 1] and divides by its deviation."""
    variance = [deviation**2 for deviation in IMAGENET_DEVIATION]
    return keras.layers.Normalization(mean=IMAGENET_MEAN, variance=variance, name=name)


PREPROCESSING: dict[str, Callable[..., keras.layers.Layer]] = {
    "caffe": CaffePreprocessing,
    "tf": _tf_preprocessing,
    "torch": _torch_preprocessing,
}
