"""TensorFlow's own kernels for what Keras builds from many operations: the same numbers, in less time."""

from helpers.backend import keras, tf


class Adam(keras.optimizers.Adam):
    """Keras' Adam, or AdamW, with TensorFlow's own kernel for the update.

    The numbers are the same up to float rounding. Keras builds each variable's update from about forty operations. On a
    CPU these took longer to set up than a deep network itself, and up to a fifth of each step.

    Args:
        learning_rate, epsilon: As in Keras.
        decay: Before each update, a variable loses this share of itself times the learning rate, as with AdamW's
            `weight_decay` (Loshchilov, Hutter: "Decoupled Weight Decay Regularization", 2019, arXiv 1711.05101).
    """

    def __init__(self, learning_rate, *, epsilon: float = 1e-7, decay: float = 0.0):
        super().__init__(learning_rate, epsilon=epsilon)
        self.decay = decay

    def update_step(self, gradient, variable, learning_rate):
        index, step = self._get_variable_index(variable), tf.cast(self.iterations + 1, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype)
        if self.decay:
            variable.assign_sub(self.decay * rate * variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=gradient,
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            epsilon=self.epsilon,
        )


class FusedBatchNorm(keras.layers.Layer):
    """A batch norm that trains as one operation; its variables are those of the norm it replaces.

    Input and output: (batch, height, width, channels).

    Args:
        norm: The batch norm, over the channels.
    """

    def __init__(self, norm: keras.layers.BatchNormalization):
        super().__init__(name=f"{norm.name}_fused", dtype=norm.dtype_policy)
        self.norm = norm

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs, training=False):
        norm, channels = self.norm, inputs.shape[-1]
        if not (training and norm.trainable):
            return norm(inputs, training=False)
        scale = norm.gamma.value if norm.scale else tf.ones(channels)
        offset = norm.beta.value if norm.center else tf.zeros(channels)
        by_products = inputs.dtype == tf.float32 and not tf.config.list_logical_devices("GPU")
        normalise = _normalise_by_products if by_products else _normalise
        outputs, mean, variance = normalise(inputs, scale, offset, epsilon=norm.epsilon)
        for running, batch in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
            running.assign(running * norm.momentum + batch * (1 - norm.momentum))  # as Keras does
        return outputs


def _normalise(inputs, scale, offset, *, epsilon: float):
    """Return a normalised batch, and mean and variance of each channel, by TensorFlow's kernel."""
    settings = {"scale": scale, "offset": offset, "mean": tf.zeros(0), "variance": tf.zeros(0), "epsilon": epsilon}
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(x=inputs, **settings, is_training=True)
    count = tf.cast(tf.size(inputs) / inputs.shape[-1], tf.float32)
    return outputs, mean, variance * (count - 1) / count


def _normalise_by_products(inputs, scale, offset, *, epsilon: float):
    """Return the same in float32, on a CPU. Without AVX-512, that kernel is slow; only its gradient is used here."""

    @tf.custom_gradient
    def normalise(inputs, scale, offset):
        rows = tf.reshape(inputs, (-1, inputs.shape[-1]))
        ones, count = tf.ones_like(rows[:, :1]), tf.cast(tf.shape(rows)[0], rows.dtype)
        mean = tf.squeeze(tf.matmul(ones, rows, transpose_a=True), 0) / count
        squares = tf.math.squared_difference(rows, mean)
        variance = tf.squeeze(tf.matmul(ones, squares, transpose_a=True), 0) / count
        factor = scale * tf.math.rsqrt(variance + epsilon)

        def gradient(of_outputs, *_):  # mean and variance only move the running ones
            batch = {"x": inputs, "scale": scale, "reserve_space_1": mean, "reserve_space_2": variance}
            settings = {"reserve_space_3": tf.zeros(0), "epsilon": epsilon, "is_training": True}
            return tf.raw_ops.FusedBatchNormGradV3(y_backprop=of_outputs, **batch, **settings)[:3]

        return (tf.reshape(rows * factor + (offset - mean * factor), tf.shape(inputs)), mean, variance), gradient

    return normalise(inputs, scale, offset)


class PointwiseConvolution(keras.layers.Layer):
    """A 1×1 convolution as a matrix product; its variables are those of the convolution it replaces.

    On a CPU the gradient with respect to the kernel is the slowest part of a step. It is faster for a matrix product,
    above all where maps are small.

    Input and output: (batch, height, width, channels).

    Args:
        convolution: One with a kernel of 1×1 and one group, channels last.
    """

    def __init__(self, convolution: keras.layers.Conv2D):
        super().__init__(name=f"{convolution.name}_product", dtype=convolution.dtype_policy)
        self.convolution = convolution

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)

    def call(self, inputs):
        convolution, (down, right) = self.convolution, self.convolution.strides
        kernel = keras.ops.reshape(convolution.kernel, convolution.kernel.shape[2:])
        if (down, right) != (1, 1):  # a slice that keeps everything would still cost time in its gradient
            inputs = inputs[:, ::down, ::right]
        outputs = tf.tensordot(inputs, kernel, axes=1)
        if convolution.use_bias:
            outputs = tf.nn.bias_add(outputs, convolution.bias)
        return convolution.activation(outputs)


def _is_pointwise(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == (1, 1)
        and layer.groups == 1
        and layer.data_format == "channels_last"
    )


def with_fused_layers(model: keras.Model) -> keras.Model:
    """Return a view of a model that shares its layers and weights, and trains them in fewer operations."""

    def call(layer, *inputs, **settings):
        if type(layer) is keras.layers.BatchNormalization and len(inputs[0].shape) == 4 and layer.axis in (-1, 3):
            return FusedBatchNorm(layer)(inputs[0])
        if _is_pointwise(layer):
            return PointwiseConvolution(layer)(inputs[0])
        return layer(*inputs, **settings)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
