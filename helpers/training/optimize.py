"""How a network is optimised: learning rate, optimizer, loss, precision."""

import contextlib
from collections.abc import Iterator

from helpers.backend import keras, tf
from helpers.config import Config
from helpers.training.fused import Adam, FusedBatchNorm


def learning_rate(config: Config, *, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a constant rate, or "cosine": a warm-up over a tenth of `steps`, and then a fall to 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warmup = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=config.learning_rate, warmup_steps=warmup
    )


def make_optimizer(config: Config, *, steps: int) -> keras.optimizers.Optimizer:
    """Return the configured optimizer for a training of `steps` steps."""
    rate = learning_rate(config, steps=steps)
    decay = config.weight_decay if config.optimizer == "adamw" else 0.0
    return Adam(rate, epsilon=config.adam_epsilon, decay=decay)


def compile_model(model: keras.Model, config: Config, *, steps: int) -> None:
    """Make a network of logits, from `with_fused_layers`, ready for a training of `steps` steps."""
    for layer in model.layers:
        if isinstance(layer, FusedBatchNorm):
            layer.norm.momentum = config.batch_norm_momentum
    model.compile(
        optimizer=make_optimizer(config, steps=steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    # What has no variables yet when fitting starts is traced twice, the optimizer's each in a branch of its own.
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, y=tf.zeros(1, tf.int64), y_pred=tf.zeros((1, *model.output_shape[1:])))
    model.reset_metrics()


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build layers of this Keras policy inside the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
