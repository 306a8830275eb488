import numpy as np
import pytest

from helpers import StudyError, build_model, load_model
from helpers.backend import keras, tf
from helpers.networks.attention import SoftAttention
from helpers.networks.backbones import CaffePreprocessing, feature_map_of


@pytest.fixture(scope="module")
def models():
    return {a: build_model(backbone="resnet50", attention=a, image_size=64, classes=7) for a in ("none", "soft")}


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


def test_parameter_counts(models):
    body = 23_587_712  # Keras' ResNet-50 up to conv5_block3_out
    assert models["none"].count_params() == body + (2048 + 1) * 7
    attention = 3 * 3 * 2048 * 16 + 16 + 1
    assert models["soft"].get_layer("soft_attention").count_params() == attention == 294_929
    assert models["soft"].count_params() == body + attention + (2 * 2048 + 1) * 7
    two = {a: build_model(backbone="resnet50", attention=a, image_size=64, classes=2).count_params() for a in models}
    assert two["soft"] / two["none"] - 1 < 0.013  # the paper's sentence; for 7 classes it is 1.31%


@pytest.mark.parametrize(("image_size", "map_size"), [(64, 2), (128, 4), (224, 7)])
def test_the_cut_is_behind_the_third_layer_from_the_end(image_size, map_size):
    model = build_model(backbone="resnet50", attention="none", image_size=image_size, classes=7)
    assert model.get_layer("features").output.shape == (None, map_size, map_size, 2048)
    whole = keras.applications.ResNet50(weights=None)
    assert model.get_layer(whole.layers[-3].name).output is model.get_layer("features").input


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


def test_features_and_attention_map_can_be_read_out(models):
    images = np.zeros((2, 64, 64, 3), np.float32)
    features = feature_map_of(models["soft"], images)
    weights = models["soft"].get_layer("soft_attention").attention_map(features).numpy()
    assert weights.shape == (2, 2, 2)
    assert weights.sum(axis=(1, 2)) == pytest.approx(16, rel=1e-5)


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
        ({"image_size": 32}, "image_size: expected at least 64 pixels for resnet50, got 32"),
        ({"attention": "hard"}, "attention: expected one of none, soft"),
        ({"backbone": "vgg"}, "backbone: expected one of resnet50"),
        ({"weights": "nowhere.h5"}, "weights: could not load 'nowhere.h5'"),
    ],
)
def test_what_cannot_be_built_is_explained(wrong, words):
    with pytest.raises(StudyError, match=words):
        build_model(**{"backbone": "resnet50", "attention": "none", "image_size": 64, "classes": 2, **wrong})


def test_weights_from_a_file_reach_the_backbone(tmp_path):
    donor = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    path = tmp_path / "resnet50.weights.h5"
    donor.save_weights(path)
    model = build_model(backbone="resnet50", attention="soft", image_size=64, classes=2, weights=str(path))
    images = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)
    expected = donor.predict(keras.applications.resnet.preprocess_input(images * 255), verbose=0)
    assert feature_map_of(model, tf.constant(images)).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_imagenet_weights_that_are_not_to_be_had_name_the_file_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "_KERAS_DIR", str(tmp_path), raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(StudyError, match=r"(?s)resnet50_weights.*notop.h5.*weights: random"):
        build_model(backbone="resnet50", attention="none", image_size=64, classes=2, weights="imagenet")
