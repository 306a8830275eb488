"""Views of a trained network that share its weights: other outputs, or inner layers."""

from helpers.backend import keras
from helpers.errors import StudyError
from helpers.networks.build import ATTENTION_LAYER, FEATURE_LAYER


def with_softmax(model: keras.Model) -> keras.Model:
    """Return a view of a model that ends in probabilities, (batch, classes), and shares its weights."""
    probabilities = keras.layers.Softmax(name="probabilities")(model.outputs[0])
    return keras.Model(model.inputs[0], probabilities, name=f"{model.name}-softmax")


def has_attention_map(model: keras.Model) -> bool:
    """Return whether a model has an attention layer that spreads weights over positions."""
    return any(layer.name == ATTENTION_LAYER and hasattr(layer, "attention_map") for layer in model.layers)


def attention_map_of(model: keras.Model, images):
    """Return a trained model's attention map, (batch, H, W): positive, summing to the number of heads.

    Raises:
        StudyError: the model has no attention layer.
    """
    if not has_attention_map(model):
        raise StudyError(f"{model.name}: expected a model with an attention map, it has none. Choose another.")
    return model.get_layer(ATTENTION_LAYER).attention_map(feature_map_of(model, images))


def feature_map_of(model: keras.Model, images):
    """Return the backbone's last feature map, (batch, H, W, C): the input of the attention block, if there is one."""
    return keras.Model(model.inputs[0], model.get_layer(FEATURE_LAYER).output)(images, training=False)


@keras.saving.register_keras_serializable(package="helpers")
class LogitScale(keras.layers.Layer):
    """Multiply logits by a number, `scale`, that can be set. No prediction changes, but the loss does.

    Input and output: (batch, classes).
    """

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale


def with_scaled_logits(model: keras.Model) -> keras.Model:
    """Return a view whose logits are multiplied by `view.layers[-1].scale`, 1 at first."""
    return keras.Model(model.inputs[0], LogitScale(name="scale")(model.outputs[0]), name=f"{model.name}-scaled")
