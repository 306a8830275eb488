"""Attention over the positions of a feature map: Datta's equation, Datta's code, and a placebo."""

from helpers.backend import keras

ops = keras.ops

HEADS = 16
GAMMA_START = 0.01


class PositionAttention(keras.layers.Layer):
    """What the attention layers share: each head distributes a weight of 1 over the positions of a feature map.

    On a 1×1 map every weight is 1, whatever the features. On a 2×2 map there are only four positions: a map worth
    looking at needs more.

    Args:
        heads: Number of attention heads.

    Call arguments:
        inputs: Feature map, (batch, H, W, C).

    Output:
        Weighted features, (batch, H, W, C), the dtype of the inputs.
    """

    def __init__(self, heads: int = HEADS, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def head_scores(self, inputs):
        """Return the scores that each head's softmax is computed from, (batch, H, W, heads)."""
        raise NotImplementedError

    def attention_map(self, inputs):
        """Return Σ_k softmax(scores of head k), (batch, H, W): positive, and summing to `heads` over each map."""
        batch, height, width = ops.shape(inputs)[0], inputs.shape[1], inputs.shape[2]
        scores = ops.reshape(self.head_scores(inputs), (batch, height * width, self.heads))  # (batch, H·W, heads)
        # Keras' softmax warns about a single position, where the weight is 1 and the gradient 0.
        weights = ops.softmax(scores, axis=1) if height * width > 1 else ops.exp(0.0 * scores)
        return ops.reshape(ops.sum(weights, axis=-1), (batch, height, width))

    def call(self, inputs):
        return inputs * ops.expand_dims(self.attention_map(inputs), -1)

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable(package="helpers")
class SoftAttention(PositionAttention):
    """The soft-attention layer of Datta et al. by its equation: γ · t · Σ_k softmax(W_k * t).

    t are the features; W_k, k = 1…`heads`, is a 3×3 convolution over all C channels with one output; γ is
    one learned number that starts at 0.01. Arguments and shapes: see `PositionAttention`.

    Source: Datta, Shaikh, Srihari, Gao: "Soft-Attention Improves Skin Cancer Classification
    Performance", 2021, arXiv 2105.03358; the released code computes something else: `ReleasedSoftAttention`.
    """

    def build(self, input_shape):
        self.scores = keras.layers.Conv2D(
            self.heads, 3, padding="same", kernel_initializer="he_uniform", dtype=self.dtype_policy, name="scores"
        )
        self.scores.build(input_shape)
        self.gamma = self.add_weight(
            name="gamma", shape=(), initializer=keras.initializers.Constant(GAMMA_START), trainable=True
        )
        super().build(input_shape)

    def head_scores(self, inputs):
        return self.scores(inputs)

    def call(self, inputs):
        return self.gamma * super().call(inputs)


@keras.saving.register_keras_serializable(package="helpers")
class PlaceboAttention(SoftAttention):
    """Soft attention that attends to nothing: the same layers, weights and γ, but equal weights at all positions.

    The scores are multiplied by zero. So the map is `heads` / (H·W) everywhere, and the weights of the scores never
    learn. What a network gains with this layer is due to pooling, dropout and γ, not to attention.
    """

    def head_scores(self, inputs):
        return 0.0 * super().head_scores(inputs)


@keras.saving.register_keras_serializable(package="helpers")
class ReleasedSoftAttention(PositionAttention):
    """The soft-attention layer as the released code of Datta et al. computes it.

    There, the features become a volume (batch, H, W, C, 1) for a three-dimensional convolution: kernel
    (C, 3, 3, 1, `heads`), strides (1, 1, C), "same" padding; then ReLU, and each head's softmax. There is no γ. The
    kernel's long axis is along H, not along the channels, and the stride along the channels allows one step. So the map
    depends on the first three channels only, and only 2·H - 1 of the kernel's C rows ever overlap the features. This
    layer holds the whole kernel, and computes the same numbers with those rows only, as a two-dimensional convolution.
    Arguments and shapes: see `PositionAttention`.

    Raises:
        ValueError: fewer than 2·H channels; no backbone has so few.
    """

    CHANNELS_SEEN = 3

    def build(self, input_shape):
        _, height, _, channels = input_shape
        if channels < 2 * height:
            raise ValueError(f"expected at least {2 * height} channels for features of height {height}, got {channels}")
        self.kernel = self.add_weight(
            name="kernel", shape=(channels, 3, self.CHANNELS_SEEN, 1, self.heads), initializer="he_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.heads,), initializer="zeros")
        middle = (channels - 1) // 2  # the kernel's row at the position itself
        self.rows = slice(middle - (height - 1), middle + height)
        super().build(input_shape)

    def head_scores(self, inputs):
        seen = inputs[..., : self.CHANNELS_SEEN]
        kernel = self.kernel[self.rows, :, :, 0, :]  # (2·H - 1, 3, 3, heads)
        return ops.relu(ops.conv(seen, kernel, padding="same") + self.bias)
