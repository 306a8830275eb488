import numpy as np
import pytest

from helpers import build_model
from helpers.backend import keras
from helpers.networks.fold import fold_batch_norms
from helpers.networks.views import with_scaled_logits


def norms(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def with_random_norms(model):
    rng = np.random.default_rng(0)
    for norm in norms(model):
        norm.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in norm.get_weights()])
    return model


@pytest.mark.parametrize("backbone", ["tiny", "tiny_flat"])
def test_a_folded_network_predicts_the_same(backbone):
    model = with_random_norms(build_model(backbone=backbone, attention="soft", image_size=32, classes=3))
    weights = model.get_weights()
    folded = fold_batch_norms(model)
    assert not norms(folded)
    images = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    expected = model.predict(images, verbose=0)
    tolerance = {"rel": 1e-3, "abs": 1e-4 * float(np.abs(expected).max())}
    assert folded.predict(images, verbose=0) == pytest.approx(expected, **tolerance)
    assert all(np.array_equal(one, other) for one, other in zip(weights, model.get_weights(), strict=True))


def test_a_norm_whose_convolution_others_use_or_that_follows_something_else_stays():
    layers, pixels = keras.layers, keras.Input((8, 8, 3))
    shared = layers.Conv2D(4, 3, padding="same")(layers.BatchNormalization()(pixels))
    active = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", activation="relu")(pixels))
    both = layers.Add()([layers.BatchNormalization()(shared), shared, active])
    last = layers.BatchNormalization(scale=False, center=False)(layers.Conv2D(2, 8)(both))
    model = with_random_norms(keras.Model(pixels, layers.Flatten()(last)))
    folded = fold_batch_norms(model)
    assert len(norms(folded)) == 3
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    assert folded.predict(images, verbose=0) == pytest.approx(model.predict(images, verbose=0), rel=1e-4, abs=1e-4)


def test_what_is_assigned_after_folding_counts():
    pixels = keras.Input((8, 8, 3))
    norm = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 8)(pixels))
    model = with_scaled_logits(keras.Model(pixels, keras.layers.Flatten()(norm)))
    folded = fold_batch_norms(model)
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    before = folded.predict(images, verbose=0)
    model.layers[-1].scale.assign(3.0)
    assert folded.predict(images, verbose=0) == pytest.approx(3 * before)
