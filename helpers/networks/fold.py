"""The same network with its batch norms folded into its convolutions, for attacks."""

from helpers.backend import keras


def fold_batch_norms(model: keras.Model) -> keras.Model:
    """Return a network with fewer layers that predicts the same as `model`, up to float rounding.

    In prediction, a batch norm scales and shifts each channel. The kernel and bias of the convolution before it can do
    that instead. A batch norm stays if there is no convolution before it, or if others use that convolution, too. All
    other layers are shared with the model: later assignments to their weights change both.
    """
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)  # a Sequential, too, becomes functional
    folded = {}  # name of the convolution: its batch norm
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            before = layer.input._keras_history.operation
            alone = len(before._outbound_nodes) == 1
            if type(before) is keras.layers.Conv2D and before.activation is keras.activations.linear and alone:
                folded[before.name] = layer
    norms = {norm.name for norm in folded.values()}
    if not norms:
        return model

    def clone(layer):
        return type(layer).from_config(layer.get_config() | {"use_bias": True}) if layer.name in folded else layer

    def call(layer, *inputs, **settings):
        return inputs[0] if layer.name in norms else layer(*inputs, **settings)

    copy = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for name, norm in folded.items():
        copy.get_layer(name).set_weights(_fold(model.get_layer(name), norm))
    return copy


def _fold(convolution: keras.layers.Conv2D, norm: keras.layers.BatchNormalization) -> list:
    """Return kernel and bias that have the effect of the convolution followed by the norm."""
    ops = keras.ops
    scale = ops.rsqrt(norm.moving_variance + norm.epsilon) * (norm.gamma if norm.scale else 1.0)
    bias = (convolution.bias if convolution.use_bias else 0.0) - norm.moving_mean
    return [convolution.kernel * scale, bias * scale + (norm.beta if norm.center else 0.0)]
