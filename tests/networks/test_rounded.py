"""Weights in 8 bits come back within half a step, and only into the network that they belong to."""

import dataclasses

import numpy as np
import pytest

from helpers import StudyError, files
from helpers.backbones import BACKBONES
from helpers.backend import keras
from helpers.networks import weights as weights_module
from helpers.networks.rounded import LARGEST, load_rounded, save_rounded
from helpers.networks.weights import check_shipped, load_backbone


def network(*, width=6, seed=0):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    parts = [
        layers.Conv2D(width, 3, use_bias=True),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3),
        layers.Dense(3),
    ]
    return keras.Sequential([keras.Input((8, 8, 3)), *parts])


def test_kernels_come_back_within_half_a_step_of_their_channel_and_all_else_unchanged(tmp_path):
    before, after = network(seed=0), network(seed=1)
    before.layers[0].kernel.assign(before.layers[0].kernel * keras.ops.array([1, 10, 100, 0, 1e-6, 1.0]))
    save_rounded(before, tmp_path / "w.npz")
    load_rounded(after, tmp_path / "w.npz")
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        if one.ndim < 2:
            np.testing.assert_array_equal(one, other)
            continue
        step = np.abs(one).max(axis=tuple(range(one.ndim - 1))) / LARGEST
        assert (np.abs(one - other) <= step / 2 + 1e-9).all()
    largest = np.abs(before.layers[0].kernel.numpy()).max(axis=(0, 1, 2))
    np.testing.assert_allclose(np.abs(after.layers[0].kernel.numpy()).max(axis=(0, 1, 2)), largest, rtol=1e-6)


def test_the_file_is_about_a_byte_a_weight_and_the_same_each_time(tmp_path):
    large = network(width=64)
    for name in ("a", "b"):
        save_rounded(large, tmp_path / f"{name}.npz")
    kernels = sum(weight.size for weight in large.get_weights() if weight.ndim > 1)
    assert (tmp_path / "a.npz").stat().st_size < 1.2 * kernels + 8000
    assert files.digest(tmp_path / "a.npz") == files.digest(tmp_path / "b.npz")


@pytest.mark.parametrize("other", [{"width": 7}])
def test_weights_of_another_network_are_refused(tmp_path, other):
    save_rounded(network(), tmp_path / "w.npz")
    with pytest.raises(StudyError, match=r"w.npz: expected the weights of .*weight 0 has the shape \(3, 3, 3, 6\)"):
        load_rounded(network(**other), tmp_path / "w.npz")


def test_a_file_with_more_or_fewer_weights_is_refused(tmp_path):
    save_rounded(network(), tmp_path / "w.npz")
    shorter = keras.Sequential(network().layers[:-1])
    with pytest.raises(StudyError, match="others besides"):
        load_rounded(shorter, tmp_path / "w.npz")
    save_rounded(shorter, tmp_path / "s.npz")
    with pytest.raises(StudyError, match=r"s.npz: expected the arrays"):
        load_rounded(network(), tmp_path / "s.npz")


def test_a_backbone_starts_from_a_rounded_file(tmp_path):
    one, two = (load_backbone("tiny", keras.Input((32, 32, 3)), "random") for _ in range(2))
    one.set_weights([weight + 0.01 for weight in one.get_weights()])
    save_rounded(one, tmp_path / "tiny.npz")
    found = load_backbone("tiny", keras.Input((32, 32, 3)), str(tmp_path / "tiny.npz"))
    load_rounded(two, tmp_path / "tiny.npz")
    for expected, weight in zip(two.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, weight)


def test_weights_that_come_with_the_study_are_checked_against_their_digest(tmp_path, monkeypatch):
    path = tmp_path / "tiny.npz"
    monkeypatch.setattr(weights_module, "shipped_weights", lambda name: path)
    with pytest.raises(StudyError, match="none do for tiny"):
        check_shipped("tiny")
    save_rounded(load_backbone("tiny", keras.Input((32, 32, 3)), "random"), path)
    record = dataclasses.replace(BACKBONES["tiny"], shipped_digest=files.digest(path))
    monkeypatch.setitem(BACKBONES, "tiny", record)
    assert check_shipped("tiny") == path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StudyError, match=r"tiny.npz: expected .*its SHA-256 is .*make pretrain"):
        check_shipped("tiny")
    path.unlink()
    with pytest.raises(StudyError, match="it is not there"):
        check_shipped("tiny")
