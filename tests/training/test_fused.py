"""TensorFlow's own kernels take the same steps as Keras."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from helpers import read_config
from helpers.backend import keras, tf
from helpers.training.fused import (
    FusedBatchNorm,
    PointwiseConvolution,
    _normalise,
    _normalise_by_products,
    with_fused_layers,
)
from helpers.training.optimize import learning_rate, make_optimizer


@pytest.mark.parametrize(("optimizer", "keras_own"), [("adam", {}), ("adamw", {"weight_decay": 0.3})])
def test_the_fused_optimizer_takes_keras_steps(optimizer, keras_own):
    config = read_config(profile="quick", optimizer=optimizer, learning_rate=0.1, weight_decay=0.3, adam_epsilon=0.01)
    rate = learning_rate(config, steps=20)
    gradients = np.random.default_rng(0).normal(size=(20, 3, 5)).astype(np.float32)
    ended = []
    for each in (make_optimizer(config, steps=20), keras.optimizers.Adam(rate, epsilon=0.01, **keras_own)):
        variable = keras.Variable(np.ones((3, 5), np.float32))
        for gradient in gradients:
            each.apply([tf.constant(gradient)], [variable])
        ended.append(variable.numpy())
    assert np.abs(ended[1] - 1).min() > 0.01
    assert ended[0] == pytest.approx(ended[1], rel=1e-5)


def small_network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    outputs = layers.BatchNormalization(momentum=0.7)(layers.Conv2D(8, 3)(inputs))
    branch = layers.Conv2D(8, 3, padding="same", activation="relu")(outputs)
    outputs = layers.Add()([outputs, layers.BatchNormalization(scale=False, momentum=0.5)(branch)])
    outputs = layers.Conv2D(6, 1, strides=2, activation="relu")(layers.Conv2D(6, 1, use_bias=False)(outputs))
    outputs = layers.BatchNormalization(center=False)(layers.Flatten()(outputs))
    return keras.Model(inputs, layers.Dense(2)(outputs))


def test_fused_layers_train_the_same_network(small_task):
    images, labels = small_task
    ended = []
    for view in (lambda model: model, with_fused_layers):
        model = small_network()
        learner = view(model)
        learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses = [learner.train_on_batch(images, labels) for _ in range(2)]
        ended.append([*losses, *model.get_weights()])
        assert learner.predict(images, verbose=0) == pytest.approx(model.predict(images, verbose=0), abs=1e-4)
    started = [0, 0, *small_network().get_weights()]
    moved = [np.abs(new - old).max() for old, new in zip(started, ended[0], strict=True)]
    assert max(moved[2:]) > 0.01
    for kept, fused in zip(*ended, strict=True):
        assert fused == pytest.approx(kept, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("normalise", [_normalise, _normalise_by_products])
def test_a_normalised_batch_and_its_gradients_follow_the_definition(normalise):
    """The definition in float64, far from mean 0, and what TensorFlow derives from it."""
    rng = np.random.default_rng(0)
    batch, scale, offset = rng.normal(30, 2, (5, 6, 7, 4)), rng.normal(size=4), rng.normal(size=4)
    weights, found = rng.normal(size=batch.shape), []
    for kind in (tf.float64, tf.float32):
        given = [tf.constant(values, kind) for values in (batch, scale, offset)]
        with tf.GradientTape() as tape:
            tape.watch(given)
            if kind == tf.float64:
                mean, variance = tf.nn.moments(given[0], (0, 1, 2))
                outputs = (given[0] - mean) / tf.sqrt(variance + 0.5) * given[1] + given[2]
            else:
                outputs, mean, variance = normalise(*given, epsilon=0.5)
            loss = tf.reduce_sum(outputs * tf.constant(weights, kind))
        found.append([outputs, mean, variance, *tape.gradient(loss, given)])
    for defined, normalised in zip(*found, strict=True):
        assert normalised.numpy() == pytest.approx(defined.numpy(), rel=1e-3, abs=1e-3)


def test_a_view_has_one_operation_for_each_norm_of_a_picture_and_each_convolution_of_a_pixel():
    counted = Counter(type(layer) for layer in with_fused_layers(small_network()).layers)
    assert (counted[FusedBatchNorm], counted[keras.layers.BatchNormalization]) == (2, 1)
    assert (counted[PointwiseConvolution], counted[keras.layers.Conv2D]) == (2, 2)


def test_a_frozen_norm_stays_as_it_is(small_task):
    model = small_network()
    for layer in model.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    learner = with_fused_layers(model)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    norm = model.layers[2]
    before = norm.get_weights()
    learner.train_on_batch(*small_task)
    assert all(np.array_equal(old, new) for old, new in zip(before, norm.get_weights(), strict=True))


TWO_REPLICAS = """
import json, sys
import numpy as np
from helpers.backend import keras, tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from helpers.training.fused import Adam, with_fused_layers

random = np.random.default_rng(0)
images, labels = random.uniform(size=(32, 8, 8, 3)).astype("float32"), random.integers(0, 3, 32)
ended = []
for fused in (True, False):
    keras.utils.set_random_seed(0)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        inputs = keras.Input((8, 8, 3))
        middle = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(middle)))
        learner = with_fused_layers(model) if fused else model
        optimizer = Adam(0.01) if fused else keras.optimizers.Adam(0.01)
        learner.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    losses = learner.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"]
    ended.append([losses, *[weight.tolist() for weight in model.get_weights()]])
json.dump(ended, open(sys.argv[1], "w"))
"""


def test_on_two_replicas_they_train_as_keras_does(tmp_path):
    """Two logical CPUs stand in for two GPUs; they must be set up before TensorFlow starts, so in a process apart."""
    subprocess.run([sys.executable, "-c", TWO_REPLICAS, tmp_path / "ended.json"], check=True, capture_output=True)
    for fused, kept in zip(*json.loads((tmp_path / "ended.json").read_text()), strict=True):
        assert np.array(fused) == pytest.approx(np.array(kept), rel=1e-4, abs=1e-5)
