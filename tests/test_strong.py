"""Stronger attacks find what a fooled PGD leaves standing, and nothing where arithmetic says there is nothing."""

import numpy as np
import pytest

from helpers import StudyError, sweep
from helpers.attacks.pgd import cross_entropy, margin
from helpers.attacks.strong import ATTACKS, Budget, attack_survivors, logits_ratio
from helpers.backend import keras, tf

BUDGET = Budget(steps=60, restarts=2, queries=600, batch_size=20)


@pytest.fixture(scope="module")
def linear():
    """Return a model whose margin is w·(x - ½), three logits, images, labels, and the radius that breaks each."""
    rng = np.random.default_rng(0)
    w = (rng.uniform(0.5, 1.5, 192) * rng.choice([-1, 1], 192)).astype(np.float32)
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1.0, -0.5)(inputs))
    dense = keras.layers.Dense(3)
    model = keras.Model(inputs, dense(flat))
    dense.set_weights([np.stack([-w, w, 0 * w], axis=1) / 2, np.array([0, 0, -100], np.float32)])
    images = rng.uniform(0.3, 0.7, (20, 8, 8, 3)).astype(np.float32)
    margins = (images.reshape(20, -1) - 0.5) @ w
    return model, images, (margins > 0).astype(np.int64), np.abs(margins) / np.abs(w).sum()


@pytest.mark.parametrize("share", [0.95, 1.2])
def test_gradient_attacks_find_what_there_is_and_no_more(linear, share):
    model, images, labels, radii = linear
    epsilon = float(share * radii.max())
    names = ["margin_pgd", "auto_pgd", "auto_pgd_dlr"]
    found = attack_survivors(model, images, labels, epsilon=epsilon, attacks=names, budget=BUDGET)
    broken = found.pivot(index="image", columns="attack", values="broken").to_numpy()
    assert (broken == (epsilon > radii)[:, None]).all()


def test_attacks_without_gradients_break_less_than_those_with_and_more_than_noise(linear):
    model, images, labels, radii = linear
    epsilon = float(3 * np.median(radii))
    found = attack_survivors(model, images, labels, epsilon=epsilon, budget=BUDGET)
    broken = found.groupby("attack").broken.sum()
    assert set(broken.index) == set(ATTACKS)
    assert broken.margin_pgd >= broken.square > broken.noise
    assert broken.margin_pgd >= broken.hop_skip_jump > broken.noise
    assert (found.broken == (found.prediction != labels[found.image])).all()


def test_a_margin_and_a_black_box_see_through_logits_too_large_for_cross_entropy(small_model, small_task):
    inputs = keras.Input(small_model.input_shape[1:])
    model = keras.Model(inputs, keras.layers.Rescaling(1000.0)(small_model(inputs)))
    swept = sweep(model, *small_task, epsilons=[0.3], batch_size=20)
    standing = np.flatnonzero(np.isinf(swept.minimal_epsilon))
    assert len(standing) > 30
    images, labels = (values[standing] for values in small_task)
    found = attack_survivors(model, images, labels, epsilon=0.3, budget=BUDGET)
    broken = found.groupby("attack").broken.mean()
    assert broken.auto_pgd < 0.5
    assert broken.margin_pgd == 1
    assert broken.square > 0.9


def test_losses_by_hand():
    labels = tf.constant([0, 2], tf.int64)
    logits = tf.constant([[3.0, 1.0, 2.0], [4.0, 0.0, 1.0]])
    assert margin(labels, logits).numpy().tolist() == [-1.0, 3.0]
    assert logits_ratio(labels, logits).numpy() == pytest.approx([-0.5, 0.75])
    expected = -np.log([np.exp(3) / np.exp([3, 1, 2]).sum(), np.exp(1) / np.exp([4, 0, 1]).sum()])
    assert cross_entropy(labels, logits).numpy() == pytest.approx(expected)


def test_restarts_break_no_less_and_carry_what_was_found(small_model, small_task):
    settings = {"epsilons": [0.04, 0.05, 0.06, 0.08, 0.1], "steps": 2, "rel_stepsize": 0.5, "batch_size": 20}
    once, often = (sweep(small_model, *small_task, **settings, restarts=restarts) for restarts in (0, 3))
    assert (often.minimal_epsilon <= once.minimal_epsilon).all()
    assert (often.minimal_epsilon < once.minimal_epsilon).any()
    assert set(often.table.attack) == {"linf_pgd_2_restarts3"}


@pytest.mark.parametrize(
    ("attacks", "words"),
    [(["sqare"], "attacks: .*Did you mean 'square'"), (["auto_pgd_dlr"], "attacks: auto_pgd_dlr needs 3 classes")],
)
def test_what_cannot_be_attacked_is_said(small_model, small_task, attacks, words):
    with pytest.raises(StudyError, match=words):
        attack_survivors(small_model, *small_task, epsilon=0.1, attacks=attacks)
