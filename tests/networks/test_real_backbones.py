"""The contract of each real backbone: where it is cut, what it counts, and that weights from a file reach it.

Shapes at other sizes are computed, not run.
"""

import functools

import numpy as np
import pytest

from helpers import StudyError, build_model
from helpers.attentions import ATTENTIONS
from helpers.backbones import BACKBONES
from helpers.backend import keras, tf
from helpers.networks.build import with_attention
from helpers.networks.fold import fold_batch_norms
from helpers.networks.views import feature_map_of

REAL = ("resnet50", "inception_resnet_v2")
MODULES = {"resnet50": keras.applications.resnet, "inception_resnet_v2": keras.applications.inception_resnet_v2}
PARAMETERS = {"resnet50": 23_587_712, "inception_resnet_v2": 47_464_608}  # up to the cut
ATTENTION = {"resnet50": 294_928, "inception_resnet_v2": 27_664}  # of the attention layer, without gamma
GAMMA = {"soft": 1, "soft_released": 0, "placebo": 1}
INDEX_OF_CUT = {"resnet50": -3, "inception_resnet_v2": -28}  # in the layers of Keras' network, in Datta's code
TOP = 2  # layers of Keras' networks that are missing without their top: pooling and predictions


@functools.cache
def keras_network(backbone):
    """Return Keras' network without its top, for pictures of any size; no test changes it."""
    pixels = keras.Input((None, None, 3))
    return BACKBONES[backbone].application(include_top=False, weights=None, input_tensor=pixels)


@functools.cache
def built(backbone):
    """Return the study's network without attention at the smallest size; no test changes it."""
    smallest = BACKBONES[backbone].smallest_image
    return build_model(backbone=backbone, attention="none", image_size=smallest, classes=7)


@pytest.mark.parametrize("backbone", REAL)
def test_the_cut_is_where_the_papers_code_counts_to(backbone):
    layer = keras_network(backbone).layers[INDEX_OF_CUT[backbone] + TOP]
    assert BACKBONES[backbone].cut(keras_network(backbone)) is layer.output
    if backbone == "inception_resnet_v2":
        assert isinstance(layer, keras.layers.BatchNormalization)


@pytest.mark.parametrize(
    ("backbone", "image_size", "shape"),
    [
        ("resnet50", 32, (1, 1, 2048)),
        ("resnet50", 64, (2, 2, 2048)),
        ("resnet50", 128, (4, 4, 2048)),
        ("resnet50", 224, (7, 7, 2048)),
        ("resnet50", 299, (10, 10, 2048)),
        ("inception_resnet_v2", 75, (1, 1, 192)),
        ("inception_resnet_v2", 170, (3, 3, 192)),
        ("inception_resnet_v2", 171, (4, 4, 192)),
        ("inception_resnet_v2", 224, (5, 5, 192)),
        ("inception_resnet_v2", 299, (8, 8, 192)),
    ],
)
def test_the_map_at_the_cut(backbone, image_size, shape):
    body = keras.Model(keras_network(backbone).input, BACKBONES[backbone].cut(keras_network(backbone)))
    assert body.compute_output_shape((None, image_size, image_size, 3)) == (None, *shape)


@pytest.mark.parametrize("backbone", REAL)
def test_parameters_of_backbone_and_attention(backbone):
    base = built(backbone)
    assert keras.Model(base.input, base.get_layer("features").output).count_params() == PARAMETERS[backbone]
    for attention, gamma in GAMMA.items():
        model = with_attention(base, backbone=backbone, attention=attention)
        assert model.get_layer("attention").count_params() == ATTENTION[backbone] + gamma


def test_parameters_of_resnet50_and_the_papers_sentence_about_them():
    base = built("resnet50")
    assert base.count_params() == PARAMETERS["resnet50"] + (2048 + 1) * 7
    soft = with_attention(base, backbone="resnet50", attention="soft").count_params()
    assert soft == PARAMETERS["resnet50"] + ATTENTION["resnet50"] + 1 + (2 * 2048 + 1) * 7
    heads = [(2048 + 1) * 2, (2 * 2048 + 1) * 2]  # of two classes
    none, soft = (PARAMETERS["resnet50"] + extra for extra in (heads[0], ATTENTION["resnet50"] + 1 + heads[1]))
    assert soft / none - 1 < 0.013  # "less than 1.3%"; for 7 classes it is 1.31%


def test_parameters_of_inception_resnet_v2_are_those_of_the_papers_summaries():
    """At 299 pixels the head sees 8×8 positions, or 4×4 pooled ones of twice the channels."""
    body, layer = PARAMETERS["inception_resnet_v2"], ATTENTION["inception_resnet_v2"]
    assert body + (8 * 8 * 192 + 1) * 7 == 47_550_631
    assert body + layer + (4 * 4 * 2 * 192 + 1) * 7 == 47_535_287


@pytest.mark.parametrize("backbone", REAL)
def test_the_graph_without_the_batch_norms_predicts_the_same(backbone):
    model = built(backbone)
    images = tf.random.stateless_uniform((1, *model.input_shape[1:]), seed=(0, 0))
    folded = fold_batch_norms(model)
    assert not [layer for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    expected = model(images, training=False).numpy()
    assert folded(images, training=False).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("backbone", REAL)
def test_random_weights_start_with_every_residual_branch_at_zero(backbone):
    ends = [BACKBONES[backbone].branch_end(layer) for layer in built(backbone).layers]
    ends = [weight for weight in ends if weight is not None]
    assert len(ends) >= 16
    assert not any(weight.numpy().any() for weight in ends)


@pytest.mark.parametrize("backbone", REAL)
def test_weights_from_a_full_size_file_reach_the_backbone(backbone, tmp_path):
    donor, size = keras_network(backbone), BACKBONES[backbone].smallest_image
    path = tmp_path / "donor.weights.h5"
    donor.save_weights(path)
    model = build_model(backbone=backbone, attention="soft", image_size=size, classes=2, weights=str(path))
    images = np.random.default_rng(0).uniform(size=(1, size, size, 3)).astype(np.float32)
    body = keras.Model(donor.inputs[0], BACKBONES[backbone].cut(donor))
    prepared = tf.constant(MODULES[backbone].preprocess_input(images * 255))
    expected = body(prepared, training=False).numpy()
    assert feature_map_of(model, tf.constant(images)).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(StudyError, match="weights: could not load .*donor.weights.h5"):
        build_model(backbone=backbone, attention="soft", image_size=size, classes=2, weights=str(path))


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(path)
    with pytest.raises(StudyError, match="weights: could not load .*other.weights.h5.* into resnet50"):
        build_model(backbone="resnet50", attention="none", image_size=32, classes=2, weights=str(path))


def test_imagenet_weights_that_are_not_available_name_the_file_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.config, "_KERAS_DIR", str(tmp_path), raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(StudyError, match=r"(?s)resnet50_weights.*notop.h5.*weights: random"):
        build_model(backbone="resnet50", attention="none", image_size=64, classes=2, weights="imagenet")


def test_there_is_a_layer_for_each_kind_of_attention():
    from helpers.networks import attention

    assert all(hasattr(attention, record.layer) for record in ATTENTIONS.values() if record.layer)
