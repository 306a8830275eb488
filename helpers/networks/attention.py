"""The soft-attention layer of Datta et al. (arXiv 2105.03358)."""

from helpers.backend import keras

ops = keras.ops

HEADS = 16
GAMMA_START = 0.01


@keras.saving.register_keras_serializable(package="helpers")
class SoftAttention(keras.layers.Layer):
    """Weigh every position of a feature map by a learned attention map.

    For features t of shape (batch, H, W, C), the layer returns γ · t · Σ_k softmax(W_k * t), where
    W_k, k = 1…`heads`, is a 3×3 convolution over all C channels with one output, and each head's softmax
    runs over its own H·W positions. γ is one learned number that starts at 0.01. Over a 1×1 map the
    softmax is 1 whatever the features, and over 2×2 there are four places to choose from: a map worth
    looking at needs more.

    Args:
        heads: Number of attention heads.

    Call arguments:
        inputs: Feature map, (batch, H, W, C).

    Output:
        Weighted features, (batch, H, W, C), the dtype of the inputs.

    Source: Datta, Shaikh, Srihari, Gao: "Soft-Attention Improves Skin Cancer Classification
    Performance", 2021, its equation; the released code computes something else.
    """

    def __init__(self, heads: int = HEADS, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.scores = keras.layers.Conv2D(
            heads, 3, padding="same", kernel_initializer="he_uniform", dtype=self.dtype_policy, name="scores"
        )

    def build(self, input_shape):
        self.scores.build(input_shape)
        self.gamma = self.add_weight(
            name="gamma", shape=(), initializer=keras.initializers.Constant(GAMMA_START), trainable=True
        )
        super().build(input_shape)

    def attention_map(self, inputs):
        """Return Σ_k softmax(W_k * t), (batch, H, W): positive, and summing to `heads` over each map."""
        batch, height, width = ops.shape(inputs)[0], inputs.shape[1], inputs.shape[2]
        scores = ops.reshape(self.scores(inputs), (batch, height * width, self.heads))  # (batch, H·W, heads)
        weights = ops.softmax(scores, axis=1)
        return ops.reshape(ops.sum(weights, axis=-1), (batch, height, width))

    def call(self, inputs):
        return self.gamma * inputs * ops.expand_dims(self.attention_map(inputs), -1)

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}
