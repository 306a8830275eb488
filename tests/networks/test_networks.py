import functools

import numpy as np
import pytest
from scipy.signal import correlate

from helpers import StudyError, build_model, load_model
from helpers.artifacts.checkpoint import Checkpoint
from helpers.attentions import ATTENTIONS
from helpers.backend import keras, tf
from helpers.networks.attention import PlaceboAttention, ReleasedSoftAttention, SoftAttention
from helpers.networks.build import with_attention
from helpers.networks.preprocessing import PREPROCESSING
from helpers.networks.views import (
    attention_map_of,
    feature_map_of,
    has_attention_map,
    with_scaled_logits,
    with_softmax,
)

TINY = ("tiny", "tiny_flat")


@functools.cache
def built(backbone, attention, image_size=32, classes=7):
    """Build each model once for all tests; none of them changes it."""
    return build_model(backbone=backbone, attention=attention, image_size=image_size, classes=classes)


@pytest.fixture(scope="module")
def models():
    return {attention: built("tiny", attention) for attention in ("none", "soft")}


def soft_attention_by_hand(features, kernel, bias, gamma):
    """Compute γ · t · Σ_k softmax(W_k * t) with loops over positions and heads."""
    height, width, _ = features.shape
    padded = np.pad(features, ((1, 1), (1, 1), (0, 0)))
    total = np.zeros((height, width))
    for k in range(kernel.shape[-1]):
        scores = [
            [(padded[i : i + 3, j : j + 3] * kernel[..., k]).sum() + bias[k] for j in range(width)]
            for i in range(height)
        ]
        exponentials = np.exp(scores)
        total += exponentials / exponentials.sum()
    return gamma * features * total[..., None], total


def test_soft_attention_is_its_equation():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    layer = SoftAttention(heads=2)
    layer.build(features.shape)
    kernel, bias = rng.normal(size=(3, 3, 5, 2)), rng.normal(size=2)
    layer.scores.set_weights([kernel, bias])
    layer.gamma.assign(0.7)
    expected = [soft_attention_by_hand(one, kernel, bias, 0.7) for one in features]
    assert layer(features).numpy() == pytest.approx(np.array([output for output, _ in expected]), abs=1e-5)
    assert layer.attention_map(features).numpy() == pytest.approx(np.array([total for _, total in expected]), abs=1e-5)


def test_soft_attention_starts_small_and_even_scores_give_an_even_map():
    layer = SoftAttention()
    layer.build((None, 4, 4, 3))
    layer.scores.set_weights([np.zeros((3, 3, 3, 16)), np.zeros(16)])
    assert float(layer.gamma.numpy()) == pytest.approx(0.01)
    assert layer.attention_map(np.ones((1, 4, 4, 3), np.float32)).numpy() == pytest.approx(np.ones((1, 4, 4)))


def released_layer(channels, height, heads=2):
    rng = np.random.default_rng(1)
    layer = ReleasedSoftAttention(heads=heads)
    layer.build((None, height, height, channels))
    layer.set_weights([rng.normal(size=(channels, 3, 3, 1, heads)), rng.normal(size=heads)])
    return layer


@pytest.mark.parametrize(("channels", "height"), [(8, 4), (9, 3), (64, 7)])
def test_the_released_code_is_a_convolution_over_a_volume(channels, height):
    """The literal computation, in double precision, by SciPy: TensorFlow's own Conv3D gets this stride wrong on CPUs.

    "Same" padding adds C - 1 rows, half of them above, a column on each side, and no channel: the stride is C, so of
    all places along the channels only the first is computed.
    """
    layer = released_layer(channels, height)
    kernel, bias = (weight.astype(float) for weight in layer.get_weights())
    features = np.random.default_rng(0).normal(size=(1, height, height, channels)).astype(np.float32)
    above = (channels - 1) // 2
    volume = np.pad(features[0].astype(float), ((above, channels - 1 - above), (1, 1), (0, 0)))
    scores = [correlate(volume, kernel[..., 0, head], mode="valid", method="direct")[..., 0] for head in (0, 1)]
    scores = np.maximum(np.stack(scores, axis=-1) + bias, 0).reshape(1, height * height, 2)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = weights.sum(axis=-1).reshape(1, height, height)
    assert layer.attention_map(features).numpy() == pytest.approx(expected, abs=1e-4)
    assert layer(features).numpy() == pytest.approx(features * expected[..., None], abs=1e-4)


def test_the_released_code_sees_three_channels_and_13_rows_of_its_kernel():
    layer = released_layer(64, 7)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 7, 7, 64)).astype(np.float32)
    before = layer.attention_map(features).numpy()
    other = np.concatenate([features[..., :3], rng.normal(size=(1, 7, 7, 61)).astype(np.float32)], axis=-1)
    assert np.array_equal(layer.attention_map(other).numpy(), before)
    for channel in range(3):
        changed = features.copy()
        changed[..., channel] += rng.normal(size=(1, 7, 7))
        assert not np.allclose(layer.attention_map(changed).numpy(), before)
    used = []
    for row in range(64):  # which rows have a say, found without gradients
        kernel, bias = layer.get_weights()
        kernel[row] += 1.0
        again = released_layer(64, 7)
        again.set_weights([kernel, bias])
        used.append(not np.array_equal(again.attention_map(features).numpy(), before))
    assert sum(used) == 13


def test_the_released_code_needs_more_channels_than_any_backbone_lacks():
    with pytest.raises(ValueError, match="expected at least 14 channels for features of height 7, got 5"):
        ReleasedSoftAttention().build((None, 7, 7, 5))


def test_placebo_has_the_weights_of_soft_attention_and_an_even_map():
    features = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    layers = [SoftAttention(), PlaceboAttention()]
    for layer in layers:
        layer.build(features.shape)
    soft, placebo = ([tuple(weight.shape) for weight in layer.trainable_weights] for layer in layers)
    assert soft == placebo
    assert layers[1].attention_map(features).numpy() == pytest.approx(np.full((2, 3, 4), 16 / 12))
    layers[1].gamma.assign(0.5)
    assert layers[1](features).numpy() == pytest.approx(0.5 * features * 16 / 12, rel=1e-5)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layers[1](features) ** 2)
    gradients = tape.gradient(total, layers[1].trainable_weights)
    learns = {
        w.path.split("/")[-1]: bool(np.any(g.numpy() != 0))
        for w, g in zip(layers[1].trainable_weights, gradients, strict=True)
    }
    assert learns == {"kernel": False, "bias": False, "gamma": True}


def test_a_softmax_view_shares_the_weights(models):
    images = np.random.default_rng(0).uniform(size=(3, 32, 32, 3)).astype(np.float32)
    logits = models["soft"].predict(images, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    view = with_softmax(models["soft"])
    assert view.predict(images, verbose=0) == pytest.approx(expected, abs=1e-5)
    assert view.weights[0] is models["soft"].weights[0]


@pytest.mark.parametrize("backbone", TINY)
def test_networks_on_a_shared_backbone_are_those_built_alone(backbone):
    alone = {attention: built(backbone, attention) for attention in ATTENTIONS}
    for attention, model in alone.items():
        shared = with_attention(alone["none"], backbone=backbone, attention=attention)
        assert [weight.shape for weight in shared.weights] == [weight.shape for weight in model.weights]
        assert shared.name == model.name


def test_a_map_of_one_position_is_not_pooled_and_attention_over_it_is_constant():
    images = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype(np.float32)
    features = keras.layers.Conv2D(16, 16)(pixels := keras.Input((16, 16, 3)))
    base = keras.Model(pixels, keras.layers.Identity(name="features")(features))
    model = with_attention(
        keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(base.output))),
        backbone="tiny",
        attention="soft",
    )
    assert attention_map_of(model, images).numpy() == pytest.approx(np.full((2, 1, 1), 16))
    assert model.get_layer("join").output.shape[1:3] == (1, 1)


@pytest.mark.parametrize("backbone", TINY)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_network_trains_a_step_goes_on_from_a_checkpoint_and_comes_back_from_its_file(
    backbone, attention, tmp_path
):
    images = np.random.default_rng(0).uniform(size=(4, 32, 32, 3)).astype(np.float32)
    model = build_model(backbone=backbone, attention=attention, image_size=32, classes=7)
    before = [weight.numpy() for weight in model.trainable_weights]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, run_eagerly=True)
    model.train_on_batch(images, np.array([0, 1, 2, 3]))
    stale = [w.path for w, old in zip(model.trainable_weights, before, strict=True) if np.array_equal(w.numpy(), old)]
    first = (
        "logits/",
        "attention/gamma",
        "tiny_branch_bn/gamma",
    )  # a residual branch starts at zero: its end learns first
    assert not [path for path in stale if any(name in path for name in first)]

    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", {})
    checkpoint.save(model, [], [])
    state = [variable.numpy() for variable in [*model.weights, *model.optimizer.variables]]
    for variable in [*model.weights, *model.optimizer.variables]:
        variable.assign(keras.ops.zeros_like(variable))
    checkpoint.restore(model)
    restored = [variable.numpy() for variable in [*model.weights, *model.optimizer.variables]]
    assert all(np.array_equal(one, other) for one, other in zip(state, restored, strict=True))

    model.save(tmp_path / "model.keras")
    after = load_model(tmp_path)(images, training=False).numpy()
    assert after == pytest.approx(model(images, training=False).numpy(), abs=1e-5)


def test_scaled_logits_change_no_prediction(models):
    images = np.random.default_rng(0).uniform(size=(3, 32, 32, 3)).astype(np.float32)
    view = with_scaled_logits(models["none"])
    logits = models["none"].predict(images, verbose=0)
    assert view.predict(images, verbose=0) == pytest.approx(logits, rel=1e-5)
    view.layers[-1].scale.assign(30.0)
    assert view.predict(images, verbose=0) == pytest.approx(30 * logits, rel=1e-5)


def test_pixels_go_in_and_logits_come_out(models):
    images = np.random.default_rng(0).uniform(size=(3, 32, 32, 3)).astype(np.float32)
    for model in models.values():
        logits = model.predict(images, verbose=0)
        assert logits.shape == (3, 7)
        assert not np.allclose(logits.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("mode", "module"),
    [
        ("caffe", keras.applications.resnet),
        ("tf", keras.applications.inception_resnet_v2),
        ("torch", keras.applications.densenet),
    ],
)
def test_preprocessing_is_keras_own(mode, module):
    images = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype(np.float32)
    expected = module.preprocess_input(images * 255)
    assert PREPROCESSING[mode](name="p")(images).numpy() == pytest.approx(expected, abs=1e-4)


def test_features_and_attention_map_can_be_read_out(models):
    images = np.zeros((2, 32, 32, 3), np.float32)
    assert feature_map_of(models["soft"], images).shape == (2, 4, 4, 16)
    weights = attention_map_of(models["soft"], images).numpy()
    assert weights.shape == (2, 4, 4)
    assert weights.sum(axis=(1, 2)) == pytest.approx(16, rel=1e-5)
    assert has_attention_map(models["soft"])
    assert not has_attention_map(models["none"])
    with pytest.raises(StudyError, match="tiny-none: expected a model with an attention map"):
        attention_map_of(models["none"], images)


def test_random_weights_start_as_if_there_were_no_residual_branch(models):
    images = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype(np.float32)
    outputs = [models["none"].get_layer(name).output for name in ("tiny_2_relu", "tiny_features")]
    before, after = keras.Model(models["none"].input, outputs).predict(images, verbose=0)
    assert np.array_equal(before, after)


def test_the_seed_decides_the_initial_weights():
    first, again, other = (
        build_model(backbone="tiny", attention="none", image_size=32, classes=2, seed=seed).get_weights()[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_saved_model_gives_the_same_logits_and_is_loaded_without_running_code(models, tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    models["soft"].save(tmp_path / "model.keras")
    loaded = load_model(tmp_path)
    assert loaded.predict(images, verbose=0) == pytest.approx(models["soft"].predict(images, verbose=0), abs=1e-5)
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="arbitrary code execution"):
        load_model(tmp_path)


def test_a_run_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"model.keras: expected a trained model.*training notebook"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image_size": 31}, "image_size: expected at least 32 pixels for resnet50, got 31"),
        ({"backbone": "inception_resnet_v2", "image_size": 74}, "expected at least 75 pixels for inception_resnet_v2"),
        ({"attention": "hard"}, "attention: expected one of none, soft, soft_released, placebo"),
        ({"backbone": "vgg"}, "backbone: expected one of resnet50, inception_resnet_v2"),
        (
            {"backbone": "tiny", "weights": "nowhere.h5"},
            "weights: could not load 'nowhere.h5' into tiny.*tiny.weights.h5",
        ),
    ],
)
def test_what_cannot_be_built_is_explained(wrong, words):
    with pytest.raises(StudyError, match=words):
        build_model(**{"backbone": "resnet50", "attention": "none", "image_size": 64, "classes": 2, **wrong})
