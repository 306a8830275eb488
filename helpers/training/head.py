"""Training the layers behind the backbone first, on its features, before all layers learn together."""

from collections.abc import Mapping

import numpy as np

from helpers.backend import keras, tf
from helpers.networks.build import FEATURE_LAYER
from helpers.progress import progress
from helpers.training.fused import with_fused_layers


def train_head(
    model: keras.Model,
    data: tf.data.Dataset,
    *,
    epochs: int,
    optimizer: keras.optimizers.Optimizer,
    class_weight: Mapping[int, float] | None = None,
) -> None:
    """Train the layers behind a pretrained backbone, and leave its weights as they are.

    The first gradients of random layers would spoil what the backbone has learned.

    Source: Kumar, Raghunathan, Jones, Ma, Liang: "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution", 2022, arXiv 2202.10054 (there: linear probing, then fine-tuning).

    The features are those of training: each batch is normalised by its own statistics, and the running statistics of
    the batch norms move to these images. Those of the pretraining belong to another image size: a head that learned
    from them would be wrong from the first training step on.

    Args:
        model: From `build_model`, with a pretrained backbone.
        data: Batches of pixels and labels. Their features are computed once and kept in memory.
        epochs: Rounds through these features.
        optimizer: For these layers alone.
        class_weight: {class index: weight}.
    """
    features_output = model.get_layer(FEATURE_LAYER).output
    forward = tf.function(with_fused_layers(keras.Model(model.input, features_output)), reduce_retracing=True)
    batches = [
        (forward(pixels, training=True).numpy(), labels.numpy())
        for pixels, labels in progress(data, description=f"features for the head of {model.name}", total=len(data))
    ]
    features, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    head = keras.Model(features_output, model.output)
    head.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.fit(features, labels, batch_size=len(batches[0][1]), epochs=epochs, class_weight=class_weight, verbose=0)
