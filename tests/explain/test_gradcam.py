"""Activation maps: the formula, tf-keras-vis an image at a time, and what is refused."""

import numpy as np
import pytest
from tf_keras_vis.gradcam import Gradcam

from helpers import StudyError, build_model
from helpers.backend import keras, tf
from helpers.explain.gradcam import OTHERS, ActivationMaps, feature_maps

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(5, 32, 32, 3)).astype(np.float32)
CLASSES = np.array([0, 2, 1, 1, 0])


@pytest.fixture(scope="module")
def network():
    """Return a tiny network with soft attention whose residual branch is not zero."""
    model = build_model(backbone="tiny", attention="soft", image_size=32, classes=3)
    for layer in model.layers:
        if layer.name == "tiny_branch_bn":
            layer.gamma.assign(tf.ones_like(layer.gamma))
    return model


@pytest.fixture(scope="module")
def linear():
    """Return a model with known features: 2×2 means of the pixels' colours, and two logits that weigh colours."""
    pixels = keras.Input((4, 4, 3))
    features = keras.layers.AveragePooling2D(2, name="features")(pixels)
    logits = keras.layers.Dense(2, use_bias=False, name="logits")(keras.layers.GlobalAveragePooling2D()(features))
    model = keras.Model(pixels, logits)
    model.get_layer("logits").set_weights([np.array([[1.0, -1.0], [2.0, -2.0], [0.0, -3.0]])])
    return model


def test_grad_cam_is_features_weighed_by_mean_gradients(linear):
    image = IMAGES[:1, :4, :4]
    features = image.reshape(1, 2, 2, 2, 2, 3).mean(axis=(2, 4))
    expected = (features @ [1.0, 2.0, 0.0])[0]  # the gradients of logit 0 are 1/4 of its weights at each place
    maps = ActivationMaps(linear)(image, np.array([0]))
    np.testing.assert_allclose(maps[0], expected / expected.max(), rtol=1e-5)


def test_hirescam_adds_up_to_the_logit_where_the_head_flattens():
    """Features times gradients, over all positions and channels, are the logit without its bias."""
    pixels = keras.Input((4, 4, 3))
    features = keras.layers.AveragePooling2D(2, name="features")(pixels)
    model = keras.Model(pixels, keras.layers.Dense(2, use_bias=False)(keras.layers.Flatten()(features)))
    kernel = RNG.uniform(0.1, 1, (12, 2)).astype(np.float32)  # above 0, so that no map is cut off at 0
    model.layers[-1].set_weights([kernel])
    image = IMAGES[:1, :4, :4]
    cells = image.reshape(1, 2, 2, 2, 2, 3).mean(axis=(2, 4))
    expected = (cells[0] * kernel[:, 1].reshape(2, 2, 3)).sum(axis=-1)
    assert expected.sum() == pytest.approx(model.predict(image, verbose=0)[0, 1], rel=1e-5)
    hirescam, gradcam = (
        ActivationMaps(model, method=name)(image, np.array([1]))[0] for name in ("hirescam", "gradcam")
    )
    np.testing.assert_allclose(hirescam, expected / expected.max(), rtol=1e-5)
    assert np.abs(gradcam - hirescam).max() > 0.01


def test_hirescam_is_grad_cam_where_the_head_takes_the_mean(linear):
    classes = np.array([0, 1, 0])
    maps = [ActivationMaps(linear, method=name)(IMAGES[:3, :4, :4], classes) for name in ("gradcam", "hirescam")]
    np.testing.assert_allclose(*maps, rtol=1e-5)


def test_where_nothing_speaks_for_a_class_the_map_is_zero(linear):
    assert not ActivationMaps(linear)(IMAGES[:1, :4, :4], np.array([1])).any()  # all weights of logit 1 are negative


@pytest.mark.parametrize("method", ["gradcam", "gradcam++"])
def test_batches_give_what_tf_keras_vis_gives_an_image_at_a_time(network, method):
    maps = ActivationMaps(network, method=method, batch_size=2)(IMAGES, CLASSES)
    settings = {"penultimate_layer": "features", "seek_penultimate_conv_layer": False}
    settings |= {"expand_cam": False, "normalize_cam": False}
    for image, label, found in zip(IMAGES, CLASSES, maps, strict=True):

        def score(logits, label=label):
            return logits[:, label]

        alone = np.asarray({"gradcam": Gradcam, **OTHERS}[method](network)(score, image[None], **settings))[0]
        np.testing.assert_allclose(found, alone / (alone.max() or 1), atol=1e-4)
    assert maps.shape == (5, 4, 4)
    assert maps.any(axis=(1, 2)).sum() >= 3


def test_score_cam_does_not_depend_on_company(linear):
    images, classes = IMAGES[:3, :4, :4], np.array([0, 1, 0])
    maps = ActivationMaps(linear, method="scorecam")
    together = maps(images, classes)
    alone = np.concatenate([maps(images[i : i + 1], classes[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert together.shape == (3, 2, 2)


def test_large_logits_do_not_overflow(linear):
    large = keras.models.clone_model(linear)
    large.get_layer("logits").set_weights([1e4 * linear.get_layer("logits").get_weights()[0]])
    maps = ActivationMaps(large, method="gradcam++")(IMAGES[:1, :4, :4], np.array([0]))
    assert np.isfinite(maps).all()
    assert maps.max() == 1


def test_attention_is_read_with_the_maps(network):
    maps = ActivationMaps(network)
    features = maps.features(IMAGES)
    assert maps.attention(features).sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(maps.logits(features), network.predict(IMAGES, verbose=0), atol=1e-4)
    assert ActivationMaps(network, layer="tiny_1_relu").attention(features) is None


def test_only_layers_that_every_way_passes_can_be_explained(network):
    names = feature_maps(network)
    assert {"tiny_1_relu", "tiny_features", "features", "join"} <= set(names)
    assert not {"tiny_branch_conv", "attention", "pool_attended", "logits", "pixels"} & set(names)
    with pytest.raises(
        StudyError, match=r"layer: expected one of .*features.*; got 'feature'. Did you mean 'features'"
    ):
        ActivationMaps(network, layer="feature")


def test_an_unknown_method_is_refused(linear):
    with pytest.raises(StudyError, match="method: expected one of gradcam, hirescam, gradcam"):
        ActivationMaps(linear, method="gradcams")


def test_without_a_layer_named_features_the_last_map_is_taken(small_model, small_task):
    maps = ActivationMaps(small_model)
    assert maps.layer == small_model.layers[0].name
    assert maps(small_task[0][:4], small_task[1][:4]).shape == (4, 6, 6)
