"""How a network is optimised: learning rate, optimizer, loss, precision."""

import contextlib
from collections.abc import Iterator

from helpers.backend import keras, tf
from helpers.parameters import OptimizerParameters
from helpers.training.fused import Adam, FusedBatchNorm


def learning_rate(
    parameters: OptimizerParameters, *, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a constant rate, or a schedule that rises over a tenth of `steps` and then falls to 0 ("cosine")."""
    if parameters.schedule == "constant":
        return parameters.learning_rate
    warmup = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=parameters.learning_rate, warmup_steps=warmup
    )


def make_optimizer(parameters: OptimizerParameters, *, steps: int) -> keras.optimizers.Optimizer:
    """Return the configured optimizer for a training of `steps` steps."""
    rate = learning_rate(parameters, steps=steps)
    decay = parameters.weight_decay if parameters.optimizer == "adamw" else 0.0
    return Adam(rate, epsilon=parameters.adam_epsilon, decay=decay)


def compile_model(model: keras.Model, parameters: OptimizerParameters, *, steps: int) -> None:
    """Compile a network of logits, from `with_fused_layers`, for a training of `steps` steps."""
    for layer in model.layers:
        if isinstance(layer, FusedBatchNorm):
            layer.norm.momentum = parameters.batch_norm_momentum
    model.compile(
        optimizer=make_optimizer(parameters, steps=steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    # Without variables at the start of fitting, a training step is traced twice, which takes deep networks half a
    # minute.
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
