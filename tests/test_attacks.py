import foolbox
import numpy as np
import pandas as pd
import pytest

from helpers import StudyError, sweep
from helpers.attacks.pgd import CompiledLinfPGD, CompiledModel, random_starts
from helpers.attacks.search import _fooled
from helpers.attacks.sweep import check_perturbation
from helpers.backend import keras, tf

EPSILONS = (0.01, 0.03, 0.06, 0.12, 0.3)


class StockPGD(foolbox.attacks.LinfPGD):
    """Foolbox's own attack, uncompiled, from given starts."""

    def __init__(self, starts, **settings):
        super().__init__(**settings)
        self.starts = starts

    def get_random_start(self, x0, epsilon):
        return x0 + self.starts * epsilon


@pytest.fixture(scope="module")
def paper(small_model, small_task):
    return sweep(small_model, *small_task, epsilons=EPSILONS, protocol="paper", batch_size=16)


@pytest.fixture(scope="module")
def nested(small_model, small_task):
    return sweep(small_model, *small_task, epsilons=EPSILONS, protocol="nested", batch_size=16)


def linear_model(weights):
    """Return a model whose two logits are ±(w·x)/2, so that the margin is w·x."""
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=True)])
    w = np.asarray(weights, np.float32).reshape(12)
    model.layers[-1].set_weights([np.stack([-w, w], axis=1) / 2, np.array([0.5, -0.5], np.float32) * w.sum() / 2])
    return model


def test_the_compiled_attack_is_foolbox_own_step_by_step(small_model, small_task):
    images, labels = small_task
    starts = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=0.05, seed=3)
    compiled = CompiledModel(small_model, batch_size=len(images))
    stock_model = foolbox.TensorFlowModel(small_model, bounds=(0, 1), device="/CPU:0")
    stock = StockPGD(tf.constant(starts), steps=10)
    ours = CompiledLinfPGD(compiled, starts=starts, steps=10)
    for epsilon in EPSILONS:
        arguments = {"criterion": foolbox.criteria.Misclassification(tf.constant(labels)), "epsilon": epsilon}
        expected = stock.run(stock_model, tf.constant(images), **arguments).numpy()
        found = ours.run(compiled.for_foolbox, tf.constant(images), **arguments).numpy()
        assert np.mean(np.abs(found - expected) < 1e-5) > 0.999


def test_our_defaults_are_foolbox_defaults(small_model, small_task):
    stock = foolbox.attacks.LinfPGD()
    compiled = CompiledModel(small_model, batch_size=4)
    ours = CompiledLinfPGD(compiled, starts=small_task[0][:4], steps=40)
    names = ("steps", "rel_stepsize", "abs_stepsize", "random_start")
    assert [getattr(ours, name) for name in names] == [getattr(stock, name) for name in names]


@pytest.mark.parametrize(("steps", "rel_stepsize"), [(40, 0.05), (40, 1 / 30), (3, 0.2)])
def test_a_linear_model_breaks_where_arithmetic_says(steps, rel_stepsize):
    """The margin of w·(x - ½) is moved by ε·Σ|w|·min(1, start + steps · rel_stepsize), the start towards the boundary.

    So with 40 steps of ε/30, Foolbox's defaults, a pixel that starts at the far side of the ball never reaches the
    near one: on average 8/9 of the ball's reach is used.
    """
    rng = np.random.default_rng(0)
    w = rng.uniform(0.5, 1.5, 12) * rng.choice([-1, 1], 12)
    model = linear_model(w)
    images = rng.uniform(0.4, 0.6, (30, 2, 2, 3)).astype(np.float32)
    margins = (images.reshape(30, 12) - 0.5) @ w
    labels = (margins > 0).astype(np.int64)
    epsilons = np.array([0.005, 0.01, 0.02, 0.04, 0.08])
    reach = []
    for epsilon in epsilons:
        starts = random_starts((2, 2, 3), images=np.arange(30), epsilon=epsilon, seed=0).reshape(30, 12)
        towards = -np.sign(margins)[:, None] * np.sign(w) * starts
        reach.append(epsilon * (np.abs(w) * np.minimum(1, towards + steps * rel_stepsize)).sum(axis=1))
    breaks = np.stack(reach, axis=1) > np.abs(margins)[:, None]
    expected = np.where(breaks.any(axis=1), epsilons[breaks.argmax(axis=1)], np.inf)
    settings = {"steps": steps, "rel_stepsize": rel_stepsize, "batch_size": 8}
    found = sweep(model, images, labels, epsilons=epsilons, **settings).minimal_epsilon
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("protocol", ["paper", "nested"])
def test_adversarials_lie_in_their_ball_and_in_range_and_fool_the_model(protocol, request, small_model, small_task):
    found, (images, labels) = request.getfixturevalue(protocol), small_task
    broken = np.isfinite(found.minimal_epsilon) & (found.minimal_epsilon > 0)
    assert broken.any()
    distance = np.abs(found.adversarials - images).reshape(len(images), -1).max(axis=1)
    assert (distance[broken] <= found.minimal_epsilon[broken] + 1e-6).all()
    assert found.adversarials.min() >= 0
    assert found.adversarials.max() <= 1
    assert (small_model.predict(found.adversarials[broken], verbose=0).argmax(axis=1) != labels[broken]).all()
    assert np.array_equal(found.adversarials[~broken], images[~broken])


def test_the_table_has_a_row_for_each_image_and_epsilon(nested, small_task):
    table = nested.table
    assert len(table) == 40 * (1 + len(EPSILONS))
    assert table.groupby("epsilon").image.nunique().eq(40).all()
    assert (table.correct == (table.label == table.prediction)).all()
    assert np.array_equal(table[table.epsilon == 0].label, small_task[1])


def test_nested_falls_monotonically_and_agrees_with_the_first_break_of_paper(nested, paper):
    accuracy = nested.table.groupby("epsilon").correct.mean()
    assert accuracy.is_monotonic_decreasing
    assert accuracy.iloc[-1] == 0
    assert np.mean(nested.minimal_epsilon == paper.minimal_epsilon) == 1
    both = nested.table.merge(paper.table, on=["image", "epsilon"])
    assert not (both.correct_x & ~both.correct_y).any()  # nested never leaves standing what paper breaks


def test_batches_come_in_few_sizes(small_model):
    compiled = CompiledModel(small_model, batch_size=20)
    assert [compiled.smallest_batch(count) for count in (1, 5, 6, 20)] == [5, 5, 10, 20]
    assert CompiledModel(small_model, batch_size=3).smallest_batch(2) == 2
    assert CompiledModel(small_model, batch_size=18).smallest_batch(17) == 18


def test_an_image_misclassified_clean_is_not_attacked(small_model, small_task):
    images, labels = small_task
    wrong = sweep(small_model, images[:4], 1 - labels[:4], epsilons=[0.1], batch_size=4)
    assert wrong.minimal_epsilon.tolist() == [0, 0, 0, 0]
    assert np.array_equal(wrong.adversarials, images[:4])


@keras.saving.register_keras_serializable(package="tests")
class Band(keras.layers.Layer):
    """Logits (0, .03 - |mean - .55|): class 1 if the mean pixel lies within .03 of .55, else class 0."""

    def call(self, inputs):
        band = 0.03 - keras.ops.abs(keras.ops.mean(inputs, axis=(1, 2, 3))[:, None] - 0.55)
        return keras.ops.concatenate([0 * band, band], axis=1)


def test_an_attack_that_overshoots_in_large_balls_is_tried_in_small_ones():
    """One step of length epsilon from a mean of .5 lands in the band for .05, and beyond it for all that is larger."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, Band()(inputs))
    images, labels = np.full((3, 8, 8, 3), 0.5, np.float32), np.zeros(3, np.int64)
    found = sweep(model, images, labels, epsilons=[0.05, 0.2, 0.3], steps=1, rel_stepsize=2.0, batch_size=2)
    assert found.minimal_epsilon.tolist() == [0.05] * 3
    assert not found.table[found.table.epsilon > 0].correct.any()


def test_a_miss_within_rounding_is_not_a_success():
    logits = np.array([[0.0, 1.0, 9.9995], [0.0, 10.0, 9.9995], [0.0, 9.99, 10.0], [np.nan] * 3], np.float32)
    assert _fooled(logits, np.array([2, 2, 1, 0])).tolist() == [False, False, True, True]


def test_an_adversarial_that_does_not_fool_the_model_a_second_time_does_not_count(small_model, small_task):
    """The second look is that of a model which no small radius can fool: it knows the nearest of the clean images."""
    images, labels = small_task
    compiled = CompiledModel(small_model, batch_size=20)
    assert np.isfinite(sweep(compiled, images, labels, epsilons=[0.1]).minimal_epsilon).any()

    def nearest(pixels):
        distances = tf.reduce_max(tf.abs(pixels[:, None] - images[None]), axis=(2, 3, 4))
        return tf.one_hot(tf.gather(labels, tf.argmin(distances, axis=1)), 2, on_value=3.0)

    compiled.logits = nearest
    found = sweep(compiled, images, labels, epsilons=[0.1])
    assert np.isinf(found.minimal_epsilon).all()
    assert np.array_equal(found.adversarials, images)
    assert found.table.correct.all()
    assert found.unconfirmed > 0


def test_neither_the_batch_size_nor_the_company_changes_an_image_result(small_model, small_task, nested):
    images, labels = small_task
    other = sweep(small_model, images, labels, epsilons=EPSILONS, batch_size=7)
    assert np.array_equal(other.minimal_epsilon, nested.minimal_epsilon)
    few = sweep(small_model, images[:5], labels[:5], epsilons=EPSILONS, batch_size=3)
    assert np.array_equal(few.minimal_epsilon, nested.minimal_epsilon[:5])


def test_epsilon_0_is_clean(small_model, small_task, nested):
    found = sweep(small_model, *small_task, epsilons=(0.0, *EPSILONS), batch_size=16)
    pd.testing.assert_frame_equal(found.table, nested.table)
    assert np.array_equal(
        found.table[found.table.epsilon == 0].prediction, small_model.predict(small_task[0], verbose=0).argmax(axis=1)
    )


def test_a_model_that_returns_probabilities_is_refused_unless_one_insists(small_model, small_task):
    model = keras.Sequential([small_model, keras.layers.Softmax()], name="ends_in_softmax")
    with pytest.raises(StudyError, match=r"ends_in_softmax: expected logits, got probabilities.*without its softmax"):
        sweep(model, *small_task, epsilons=[0.1])
    assert len(sweep(model, *small_task, epsilons=[0.1], probabilities=True).table) == 80


def test_random_starts_fill_the_ball_and_depend_on_image_epsilon_and_seed():
    settings = {"images": np.array([4]), "epsilon": 0.1, "seed": 0}
    starts = random_starts((50, 50, 3), **settings)
    assert starts.dtype == np.float32
    assert starts.min() == pytest.approx(-1, abs=0.01)
    assert starts.max() == pytest.approx(1, abs=0.01)
    assert starts.mean() == pytest.approx(0, abs=0.03)
    assert np.array_equal(starts, random_starts((50, 50, 3), **settings))
    for change in ({"images": np.array([5])}, {"epsilon": 0.2}, {"seed": 1}):
        assert not np.array_equal(starts, random_starts((50, 50, 3), **{**settings, **change}))


@pytest.mark.parametrize("fault", ["too far", "below 0", "above 1", "not a number"])
def test_an_adversarial_outside_its_ball_is_caught(fault):
    images = np.full((2, 2, 2, 3), 0.5, np.float32)
    images[0], images[1] = 0.02, 0.98
    perturbed, change = images.copy(), {"too far": (1, -0.11), "below 0": (0, -0.05), "above 1": (1, 0.05)}
    check_perturbation(images, perturbed, epsilon=0.1)
    index, amount = change.get(fault, (0, np.nan))
    perturbed[index, 0, 0, 0] += np.float32(amount)
    with pytest.raises(ArithmeticError, match="expected adversarials within 0.1"):
        check_perturbation(images, perturbed, epsilon=0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": lambda i: i * 255}, r"images: .*\[0, 1\].*255"),
        ({"images": lambda i: np.where(i == i[0, 0, 0, 0], np.float32("nan"), i)}, r"images: .*\[0, 1\]; got .*nan"),
        ({"images": lambda i: i[:0], "labels": lambda n: n[:0]}, r"images: expected at least one.*got none"),
        ({"images": lambda i: i.astype(np.float64)}, "images: expected float32"),
        ({"images": lambda i: i[:, :4]}, r"images: expected float32 of shape \(n, 8, 8, 3\)"),
        ({"labels": lambda n: n.astype(np.int32)}, "labels: expected int64"),
        ({"labels": lambda n: n + 1}, r"labels: expected 0\.\.1, got 1\.\.2"),
        ({"epsilons": lambda e: e[::-1]}, "epsilons: .*increasing"),
        ({"epsilons": lambda e: (-0.1, *e)}, r"epsilons: .*got \[-0.1, "),
        ({"epsilons": lambda e: (*e, e[-1])}, r"epsilons: .*increasing; got .*0.3, 0.3\]"),
        ({"epsilons": lambda e: (*e, 8 / 2)}, r"epsilons: expected .*\[0, 1\].* 4.0\]"),
        ({"epsilons": lambda e: [0.0]}, r"epsilons: .*got \[0.0\]"),
        ({"epsilons": lambda e: [float("nan")]}, r"epsilons: .*got \[nan\]"),
        ({"protocol": lambda p: "papers"}, "protocol: .*Did you mean 'paper'"),
    ],
)
def test_bad_input_is_explained(change, words, small_model, small_task):
    arguments = {"images": small_task[0], "labels": small_task[1], "epsilons": EPSILONS, "protocol": "paper"}
    arguments |= {name: function(arguments[name]) for name, function in change.items()}
    with pytest.raises(StudyError, match=words):
        sweep(small_model, **arguments)
