import numpy as np
import pandas as pd
import pytest

from helpers import sweep
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import random_starts
from helpers.backend import keras, tf

EPSILONS = (0.01, 0.03, 0.06, 0.12, 0.3)


@pytest.fixture(scope="module")
def paper(small_model, small_task):
    return sweep(small_model, *small_task, epsilons=EPSILONS, protocol="paper", batch_size=16)


@pytest.fixture(scope="module")
def nested(small_model, small_task):
    return sweep(small_model, *small_task, epsilons=EPSILONS, protocol="nested", batch_size=16)


def linear_model(weights):
    """Return a model whose two logits are ±w·(x - ½)/2, so that their difference is w·(x - ½)."""
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=True)])
    w = np.asarray(weights, np.float32).reshape(12)
    model.layers[-1].set_weights([np.stack([-w, w], axis=1) / 2, np.array([0.5, -0.5], np.float32) * w.sum() / 2])
    return model


@pytest.mark.parametrize(("steps", "rel_stepsize"), [(40, 0.05), (40, 1 / 30), (3, 0.2)])
def test_linear_model_breaks_at_the_calculated_epsilon(steps, rel_stepsize):
    """The attack changes w·(x - ½) by ε·Σ|w|·min(1, start + steps · rel_stepsize), start > 0 towards the boundary.

    So with 40 steps of ε/30, Foolbox's defaults, a pixel that starts at the far side of the ball never reaches the
    near side: on average the attack uses 8/9 of the radius.
    """
    rng = np.random.default_rng(0)
    w = rng.uniform(0.5, 1.5, 12) * rng.choice([-1, 1], 12)
    images = rng.uniform(0.4, 0.6, (30, 2, 2, 3)).astype(np.float32)
    differences = (images.reshape(30, 12) - 0.5) @ w
    labels = (differences > 0).astype(np.int64)
    epsilons = np.array([0.005, 0.01, 0.02, 0.04, 0.08])
    changes = []
    for epsilon in epsilons:
        starts = random_starts((2, 2, 3), images=np.arange(30), epsilon=epsilon, seed=0).reshape(30, 12)
        towards_boundary = -np.sign(differences)[:, None] * np.sign(w) * starts
        moves = np.minimum(1, towards_boundary + steps * rel_stepsize)
        changes.append(epsilon * (np.abs(w) * moves).sum(axis=1))
    breaks = np.stack(changes, axis=1) > np.abs(differences)[:, None]
    expected = np.where(breaks.any(axis=1), epsilons[breaks.argmax(axis=1)], np.inf)
    found = sweep(
        linear_model(w), images, labels, epsilons=epsilons, steps=steps, rel_stepsize=rel_stepsize, batch_size=8
    )
    assert np.array_equal(found.minimal_epsilon, expected)


@pytest.mark.parametrize("protocol", ["paper", "nested"])
def test_adversarials_are_in_their_ball_and_in_range_and_fool_the_model(protocol, request, small_model, small_task):
    found = request.getfixturevalue(protocol)
    images, labels = small_task
    broken = np.isfinite(found.minimal_epsilon) & (found.minimal_epsilon > 0)
    assert broken.any()
    distance = np.abs(found.adversarials - images).reshape(len(images), -1).max(axis=1)
    assert (distance[broken] <= found.minimal_epsilon[broken] + 1e-6).all()
    assert found.adversarials.min() >= 0
    assert found.adversarials.max() <= 1
    assert (small_model.predict(found.adversarials[broken], verbose=0).argmax(axis=1) != labels[broken]).all()
    assert np.array_equal(found.adversarials[~broken], images[~broken])


def test_table_has_one_row_per_image_and_epsilon(nested, small_task):
    table = nested.table
    assert len(table) == 40 * (1 + len(EPSILONS))
    assert table.groupby("epsilon").image.nunique().eq(40).all()
    assert (table.correct == (table.label == table.prediction)).all()
    assert np.array_equal(table[table.epsilon == 0].label, small_task[1])


def test_accuracy_under_the_nested_protocol_falls_with_epsilon(nested):
    accuracy = nested.table.groupby("epsilon").correct.mean()
    assert accuracy.is_monotonic_decreasing
    assert accuracy.iloc[-1] == 0


def test_nested_protocol_finds_the_first_epsilon_that_breaks_under_the_paper_protocol(nested, paper):
    assert np.array_equal(nested.minimal_epsilon, paper.minimal_epsilon)


def test_nested_protocol_breaks_all_that_the_paper_protocol_breaks(nested, paper):
    both = nested.table.merge(paper.table, on=["image", "epsilon"], suffixes=("_nested", "_paper"))
    assert not (both.correct_nested & ~both.correct_paper).any()


def test_image_misclassified_without_perturbation_is_not_attacked(small_model, small_task):
    images, labels = small_task
    found = sweep(small_model, images[:4], 1 - labels[:4], epsilons=[0.1], batch_size=4)
    assert found.minimal_epsilon.tolist() == [0, 0, 0, 0]
    assert np.array_equal(found.adversarials, images[:4])


def test_adversarial_that_does_not_fool_the_model_a_second_time_does_not_count(small_model, small_task):
    """The second prediction is made by a model that no small epsilon breaks: it returns the nearest image's label."""
    images, labels = small_task
    compiled = CompiledModel(small_model, batch_size=20)
    assert np.isfinite(sweep(compiled, images, labels, epsilons=[0.1]).minimal_epsilon).any()

    def label_of_nearest_image(pixels):
        distances = tf.reduce_max(tf.abs(pixels[:, None] - images[None]), axis=(2, 3, 4))
        return tf.one_hot(tf.gather(labels, tf.argmin(distances, axis=1)), 2, on_value=3.0)

    compiled.logits = label_of_nearest_image
    found = sweep(compiled, images, labels, epsilons=[0.1])
    assert np.isinf(found.minimal_epsilon).all()
    assert np.array_equal(found.adversarials, images)
    assert found.table.correct.all()
    assert found.unconfirmed > 0


def test_result_does_not_depend_on_batch_size_or_on_other_images(small_model, small_task, nested):
    images, labels = small_task
    other_size = sweep(small_model, images, labels, epsilons=EPSILONS, batch_size=7)
    assert np.array_equal(other_size.minimal_epsilon, nested.minimal_epsilon)
    few_images = sweep(small_model, images[:5], labels[:5], epsilons=EPSILONS, batch_size=3)
    assert np.array_equal(few_images.minimal_epsilon, nested.minimal_epsilon[:5])


def test_set_attacked_in_parts_gives_the_same_result(small_model, small_task, nested):
    images, labels = small_task
    rest = sweep(small_model, images[25:], labels[25:], epsilons=EPSILONS, first=25, batch_size=16)
    assert np.array_equal(rest.minimal_epsilon, nested.minimal_epsilon[25:])


def test_epsilon_0_is_clean(small_model, small_task, nested):
    found = sweep(small_model, *small_task, epsilons=(0.0, *EPSILONS), batch_size=16)
    pd.testing.assert_frame_equal(found.table, nested.table)
    clean = small_model.predict(small_task[0], verbose=0).argmax(axis=1)
    assert np.array_equal(found.table[found.table.epsilon == 0].prediction, clean)


def test_restarts_break_more_images(small_model, small_task):
    epsilons = [0.04, 0.05, 0.06, 0.08, 0.1]
    once, with_restarts = (
        sweep(small_model, *small_task, epsilons=epsilons, steps=2, rel_stepsize=0.5, batch_size=20, restarts=restarts)
        for restarts in (0, 3)
    )
    assert (with_restarts.minimal_epsilon <= once.minimal_epsilon).all()
    assert (with_restarts.minimal_epsilon < once.minimal_epsilon).any()


@pytest.mark.parametrize(
    ("loss", "restarts", "expected"),
    [
        ("cross_entropy", 0, "linf_pgd_2"),
        ("margin", 0, "linf_pgd_2_margin"),
        ("margin", 3, "linf_pgd_2_margin_restarts3"),
    ],
)
def test_table_names_the_attack(small_model, small_task, loss, restarts, expected):
    found = sweep(small_model, *small_task, epsilons=[0.1], steps=2, loss=loss, restarts=restarts)
    assert set(found.table.attack) == {expected}
