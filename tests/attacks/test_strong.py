"""Stronger attacks find what PGD misses, and nothing where arithmetic says that nothing can be found."""

import numpy as np
import pytest

from helpers import StudyError, attack
from helpers.attacks.other_attacks import ATTACKS, Budget
from helpers.attacks.strong import attack_survivors
from helpers.backend import keras

BUDGET = Budget(steps=60, restarts=2, queries=600, batch_size=20)


@pytest.fixture(scope="module")
def linear():
    """Return a model of three classes, images, labels, and the radius that breaks each image.

    Two of the logits differ by w·(x - ½); the third class is never predicted.
    """
    rng = np.random.default_rng(0)
    w = (rng.uniform(0.5, 1.5, 192) * rng.choice([-1, 1], 192)).astype(np.float32)
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1.0, -0.5)(inputs))
    dense = keras.layers.Dense(3)
    model = keras.Model(inputs, dense(flat))
    dense.set_weights([np.stack([-w, w, 0 * w], axis=1) / 2, np.array([0, 0, -100], np.float32)])
    images = rng.uniform(0.3, 0.7, (20, 8, 8, 3)).astype(np.float32)
    differences = (images.reshape(20, -1) - 0.5) @ w
    return model, images, (differences > 0).astype(np.int64), np.abs(differences) / np.abs(w).sum()


@pytest.mark.parametrize("share", [0.95, 1.2])
def test_gradient_attacks_break_exactly_the_images_that_can_be_broken(linear, share):
    model, images, labels, radii = linear
    epsilon = float(share * radii.max())
    names = ["pgd", "targeted", "auto_pgd", "auto_pgd_margin", "auto_pgd_dlr"]
    found = attack_survivors(model, images, labels, epsilon=epsilon, attacks=names, budget=BUDGET)
    broken = found.pivot(index="image", columns="attack", values="broken").to_numpy()
    assert (broken == (epsilon > radii)[:, None]).all()


def test_attacks_without_gradients_break_less_than_gradient_attacks_and_more_than_noise(linear):
    model, images, labels, radii = linear
    epsilon = float(3 * np.median(radii))
    found = attack_survivors(model, images, labels, epsilon=epsilon, budget=BUDGET)
    broken = found.groupby("attack").broken.sum()
    assert set(broken.index) == set(ATTACKS)
    assert broken.pgd >= broken.square > broken.noise
    assert broken.pgd >= broken.hop_skip_jump > broken.noise
    assert (found.broken == (found.prediction != labels[found.image])).all()


@pytest.mark.parametrize("shape", [(6, 10, 3), (10, 12, 3), (12, 5, 3)])
def test_square_takes_pictures_that_are_none(shape):
    """ART draws the place of a square from an empty range if the square is as high or as wide as the picture."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.layers[-1].set_weights([np.ones((np.prod(shape), 1)) * [0.0, 1.0], np.array([0.0, -0.5 * np.prod(shape)])])
    images = np.random.default_rng(0).uniform(0.4, 0.499, (3, *shape)).astype(np.float32)  # darker than ½: class 0
    found = attack_survivors(model, images, np.zeros(3, np.int64), epsilon=0.2, attacks=["square"], budget=BUDGET)
    assert found.broken.all()


def test_margin_and_black_box_break_a_model_with_logits_too_large_for_cross_entropy(small_model, small_task):
    inputs = keras.Input(small_model.input_shape[1:])
    model = keras.Model(inputs, keras.layers.Rescaling(1000.0)(small_model(inputs)))
    weak = attack(model, *small_task, protocol="paper", epsilons=[0.3], batch_size=20)
    survivors = np.flatnonzero(np.isinf(weak.radii))
    assert len(survivors) > 30
    images, labels = (values[survivors] for values in small_task)
    attacks = ["auto_pgd", "pgd", "targeted", "auto_pgd_margin", "square"]
    found = attack_survivors(model, images, labels, epsilon=0.3, attacks=attacks, budget=BUDGET)
    broken = found.groupby("attack").broken.mean()
    assert broken.auto_pgd < 0.5
    assert broken.pgd == broken.targeted == broken.auto_pgd_margin == 1
    assert broken.square > 0.9


@pytest.mark.parametrize(
    ("attacks", "message"),
    [(["sqare"], "attacks: .*Did you mean 'square'"), (["auto_pgd_dlr"], "attacks: auto_pgd_dlr needs 3 classes")],
)
def test_attack_that_cannot_be_run_is_explained(small_model, small_task, attacks, message):
    with pytest.raises(StudyError, match=message):
        attack_survivors(small_model, *small_task, epsilon=0.1, attacks=attacks)
