import functools

import numpy as np
import pytest
from scipy.signal import correlate

from helpers import StudyError, build_model, load_model
from helpers.backend import keras, tf
from helpers.config import ATTENTIONS, BACKBONES, SMALLEST_IMAGE
from helpers.networks.attention import PlaceboAttention, ReleasedSoftAttention, SoftAttention
from helpers.networks.backbones import KNOWN, CaffePreprocessing, with_attention
from helpers.networks.views import attention_map_of, feature_map_of, with_scaled_logits, with_softmax
from helpers.training.checkpoint import Checkpoint

BODY = {"resnet50": 23_587_712, "inception_resnet_v2": 47_464_608}  # parameters up to the cut
ATTENTION = {"resnet50": 294_928, "inception_resnet_v2": 27_664}  # parameters of the attention layer without gamma
GAMMA = {"soft": 1, "soft_released": 0, "placebo": 1}


@functools.cache
def built(backbone, attention, image_size, classes=7):
    """Build each model once for all tests; none of them changes it."""
    return build_model(backbone=backbone, attention=attention, image_size=image_size, classes=classes)


@pytest.fixture(scope="module")
def models():
    return {attention: built("resnet50", attention, 64) for attention in ("none", "soft")}


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


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("attention", [a for a in ATTENTIONS if a != "none"])
def test_parameters_of_backbone_and_attention(backbone, attention):
    model = built(backbone, attention, SMALLEST_IMAGE[backbone])
    assert keras.Model(model.input, model.get_layer("features").output).count_params() == BODY[backbone]
    assert model.get_layer("attention").count_params() == ATTENTION[backbone] + GAMMA[attention]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_networks_on_a_shared_backbone_are_those_built_alone(backbone):
    alone = {attention: built(backbone, attention, 96) for attention in ATTENTIONS}
    for attention, model in alone.items():
        shared = with_attention(alone["none"], backbone=backbone, attention=attention)
        assert [weight.shape for weight in shared.weights] == [weight.shape for weight in model.weights]
        assert shared.name == model.name


def test_parameters_of_resnet50():
    assert built("resnet50", "none", 64).count_params() == BODY["resnet50"] + (2048 + 1) * 7
    soft = built("resnet50", "soft", 64).count_params()
    assert soft == BODY["resnet50"] + ATTENTION["resnet50"] + 1 + (2 * 2048 + 1) * 7
    two = [built("resnet50", attention, 64, classes=2).count_params() for attention in ("none", "soft")]
    assert two[1] / two[0] - 1 < 0.013  # the paper's sentence; for 7 classes it is 1.31%


def test_parameters_of_inception_resnet_v2_are_those_of_the_papers_summaries():
    assert built("inception_resnet_v2", "none", 299).count_params() == 47_550_631
    assert built("inception_resnet_v2", "soft_released", 299).count_params() == 47_535_287


@pytest.mark.parametrize(
    ("backbone", "image_size", "shape"),
    [
        ("resnet50", 32, (1, 1, 2048)),
        ("resnet50", 64, (2, 2, 2048)),
        ("resnet50", 128, (4, 4, 2048)),
        ("resnet50", 224, (7, 7, 2048)),
        ("resnet50", 299, (10, 10, 2048)),
        ("inception_resnet_v2", 75, (1, 1, 192)),
        ("inception_resnet_v2", 139, (3, 3, 192)),
        ("inception_resnet_v2", 224, (5, 5, 192)),
        ("inception_resnet_v2", 299, (8, 8, 192)),
    ],
)
def test_the_map_at_the_cut(backbone, image_size, shape):
    _, cut, _, _ = KNOWN[backbone]
    application = {"resnet50": keras.applications.ResNet50}.get(backbone, keras.applications.InceptionResNetV2)
    inputs = keras.Input((image_size, image_size, 3))
    assert cut(application(weights=None, include_top=False, input_tensor=inputs)).shape == (None, *shape)


def test_the_cuts_are_where_the_papers_code_counts_to():
    whole = keras.applications.ResNet50(weights=None)
    assert KNOWN["resnet50"].cut(whole) is whole.layers[-3].output
    whole = keras.applications.InceptionResNetV2(weights=None)
    assert KNOWN["inception_resnet_v2"].cut(whole) is whole.layers[-28].output
    assert isinstance(whole.layers[-28], keras.layers.BatchNormalization)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_at_a_1x1_map_nothing_is_pooled_and_attention_is_constant(backbone):
    size = SMALLEST_IMAGE[backbone]
    images = np.random.default_rng(0).uniform(size=(2, size, size, 3)).astype(np.float32)
    model = built(backbone, "soft", size)
    assert attention_map_of(model, images).numpy() == pytest.approx(np.full((2, 1, 1), 16))
    assert model.get_layer("join").output.shape[1:3] == (1, 1)


def test_a_softmax_view_shares_the_weights(models):
    images = np.random.default_rng(0).uniform(size=(3, 64, 64, 3)).astype(np.float32)
    logits = models["soft"].predict(images, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    view = with_softmax(models["soft"])
    assert view.predict(images, verbose=0) == pytest.approx(expected, abs=1e-5)
    assert view.weights[0] is models["soft"].weights[0]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_network_trains_a_step_goes_on_from_a_checkpoint_and_comes_back_from_its_file(
    backbone, attention, tmp_path
):
    size = SMALLEST_IMAGE[backbone]
    images = np.random.default_rng(0).uniform(size=(4, size, size, 3)).astype(np.float32)
    model = build_model(backbone=backbone, attention=attention, image_size=size, classes=7)
    before = [weight.numpy() for weight in model.trainable_weights]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, run_eagerly=True)
    model.train_on_batch(images, np.array([0, 1, 2, 3]))
    stale = [w.path for w, old in zip(model.trainable_weights, before, strict=True) if np.array_equal(w.numpy(), old)]
    first = ("logits/", "attention/gamma", "_3_bn/gamma")  # residual branches start at zero: their ends learn first
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
    images = np.random.default_rng(0).uniform(size=(3, 64, 64, 3)).astype(np.float32)
    view = with_scaled_logits(models["none"])
    logits = models["none"].predict(images, verbose=0)
    assert view.predict(images, verbose=0) == pytest.approx(logits, rel=1e-5)
    view.layers[-1].scale.assign(30.0)
    assert view.predict(images, verbose=0) == pytest.approx(30 * logits, rel=1e-5)


def test_pixels_go_in_and_logits_come_out(models):
    images = np.random.default_rng(0).uniform(size=(3, 64, 64, 3)).astype(np.float32)
    for model in models.values():
        logits = model.predict(images, verbose=0)
        assert logits.shape == (3, 7)
        assert not np.allclose(logits.sum(axis=1), 1)


def test_preprocessing_is_keras_own():
    images = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype(np.float32)
    expected = keras.applications.resnet.preprocess_input(images * 255)
    assert CaffePreprocessing()(images).numpy() == pytest.approx(expected, abs=1e-4)
    expected = keras.applications.inception_resnet_v2.preprocess_input(images * 255)
    assert KNOWN["inception_resnet_v2"].preprocessing()(images).numpy() == pytest.approx(expected, abs=1e-5)


def test_features_and_attention_map_can_be_read_out(models):
    images = np.zeros((2, 64, 64, 3), np.float32)
    assert feature_map_of(models["soft"], images).shape == (2, 2, 2, 2048)
    weights = attention_map_of(models["soft"], images).numpy()
    assert weights.shape == (2, 2, 2)
    assert weights.sum(axis=(1, 2)) == pytest.approx(16, rel=1e-5)
    with pytest.raises(StudyError, match="resnet50-none: expected a model with an attention layer"):
        attention_map_of(models["none"], images)


def test_random_weights_start_as_if_there_were_no_residual_branches(models):
    """With the sixteen branches at zero, a block adds nothing to its shortcut."""
    assert sum(layer.name.endswith("_3_bn") for layer in models["none"].layers) == 16
    inputs = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)
    outputs = [models["none"].get_layer(f"conv5_block{k}_out").output for k in (1, 3)]
    first, last = keras.Model(models["none"].input, outputs).predict(inputs, verbose=0)
    assert np.array_equal(first, last)


def test_the_seed_decides_the_initial_weights():
    first, again, other = (
        build_model(backbone="resnet50", attention="none", image_size=64, classes=2, seed=seed).get_weights()[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_saved_model_gives_the_same_logits_and_is_loaded_without_running_code(models, tmp_path):
    images = np.random.default_rng(0).uniform(size=(2, 64, 64, 3)).astype(np.float32)
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
        ({"weights": "nowhere.h5"}, "weights: could not load 'nowhere.h5'"),
    ],
)
def test_what_cannot_be_built_is_explained(wrong, words):
    with pytest.raises(StudyError, match=words):
        build_model(**{"backbone": "resnet50", "attention": "none", "image_size": 64, "classes": 2, **wrong})


@pytest.mark.parametrize("backbone", BACKBONES)
def test_weights_from_a_full_size_file_reach_the_backbone(backbone, tmp_path):
    applications = {
        "resnet50": keras.applications.resnet,
        "inception_resnet_v2": keras.applications.inception_resnet_v2,
    }
    module, size = applications[backbone], SMALLEST_IMAGE[backbone]
    application = {"resnet50": "ResNet50", "inception_resnet_v2": "InceptionResNetV2"}[backbone]
    donor = getattr(module, application)(include_top=False, weights=None, input_shape=(size, size, 3))
    path = tmp_path / "donor.weights.h5"
    donor.save_weights(path)
    model = build_model(backbone=backbone, attention="soft", image_size=size, classes=2, weights=str(path))
    images = np.random.default_rng(0).uniform(size=(1, size, size, 3)).astype(np.float32)
    cut = keras.Model(donor.input, KNOWN[backbone].cut(donor))
    expected = cut.predict(module.preprocess_input(images * 255), verbose=0)
    assert feature_map_of(model, tf.constant(images)).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(StudyError, match="weights: could not load .*donor.weights.h5"):
        build_model(backbone=backbone, attention="soft", image_size=size, classes=2, weights=str(path))


def test_weights_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.applications.ResNet101(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(path)
    with pytest.raises(StudyError, match="weights: could not load .*other.weights.h5.* into resnet50"):
        build_model(backbone="resnet50", attention="none", image_size=32, classes=2, weights=str(path))


def test_imagenet_weights_that_are_not_to_be_had_name_the_file_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "_KERAS_DIR", str(tmp_path), raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(StudyError, match=r"(?s)resnet50_weights.*notop.h5.*weights: random"):
        build_model(backbone="resnet50", attention="none", image_size=64, classes=2, weights="imagenet")
