"""Each check fails for a model or an attack that was broken for it, and all pass for a sound one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers import check_attack, sweep
from helpers.attacks.checks import Check, Checks
from helpers.attacks.sweep import Sweep
from helpers.backend import keras

EPSILONS = (0.02, 0.08, 0.3)
WHOLE_BALL = {"steps": 20, "rel_stepsize": 0.125}  # enough to move from any start to any point of the ball


def check(model, task, protocol="nested"):
    swept = sweep(model, *task, epsilons=EPSILONS, protocol=protocol, batch_size=20, probabilities=True, **WHOLE_BALL)
    return check_attack(model, *task, swept, batch_size=20)


def failed_names(checks):
    return set(checks.table[~checks.table.passed].name)


def append_layer(model, layer):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, layer(model(inputs)))


def prepend_layer(model, layer):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(layer(inputs)))


@keras.saving.register_keras_serializable(package="tests")
class Quantise(keras.layers.Layer):
    """Round the input, so that no gradient flows through: a masked gradient."""

    def call(self, inputs):
        return keras.ops.round(inputs * 20) / 20


@keras.saving.register_keras_serializable(package="tests")
class AlwaysNoise(keras.layers.Layer):
    """Add noise, in testing as well as in training."""

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), stddev=0.1)


@keras.saving.register_keras_serializable(package="tests")
class ReversedGradient(keras.layers.Layer):
    """Return the input unchanged, but reverse its gradient: an attack moves in the wrong direction."""

    def call(self, inputs):
        return keras.ops.stop_gradient(2 * inputs) - inputs


def test_sound_model_is_trusted(small_model, small_task):
    checks = check(small_model, small_task)
    assert failed_names(checks) == set()
    assert checks.verdict == "trusted"


def test_table_lists_the_checks_in_order(small_model, small_task):
    table = check(small_model, small_task).table
    assert table.columns.tolist() == ["name", "passed", "value", "threshold", "otherwise", "meaning"]
    assert list(zip(table.name, table.threshold, table.otherwise, strict=True)) == [
        ("outputs are logits", 0, "broken"),
        ("deterministic", 0.001, "broken"),
        ("adversarials confirmed", 0, "doubtful"),
        ("gradients alive", 0.01, "broken"),
        ("loss above 0", 0.05, "doubtful"),
        ("epsilon in units of pixels", 0.25, "broken"),
        ("longer attack finds no more", 0.05, "doubtful"),
        ("black box is weaker", 0, "doubtful"),
        ("large epsilon breaks all", 0.5, "doubtful"),  # the share of the largest of two equal classes
        ("accuracy never rises", 0, "doubtful"),
        ("noise is weaker", 0, "doubtful"),
    ]


def test_probabilities_used_as_logits_are_caught(small_model, small_task):
    checks = check(append_layer(small_model, keras.layers.Softmax()), small_task)
    assert "outputs are logits" in failed_names(checks)
    assert checks.verdict == "broken"


def test_logits_too_large_for_cross_entropy_in_float32_are_caught(small_model, small_task):
    checks = check(append_layer(small_model, keras.layers.Rescaling(1e4)), small_task)
    expected = {"gradients alive", "loss above 0", "large epsilon breaks all", "black box is weaker"}
    assert failed_names(checks) >= expected
    assert checks.verdict == "broken"


def test_logits_so_large_that_part_of_the_gradient_is_lost_are_caught(small_model, small_task):
    checks = check(append_layer(small_model, keras.layers.Rescaling(20)), small_task)
    assert "loss above 0" in failed_names(checks)


@pytest.mark.parametrize(("scale", "name"), [(2, "epsilon in units of pixels"), (255, "large epsilon breaks all")])
def test_epsilon_on_another_scale_is_caught(small_model, small_task, scale, name):
    swept = sweep(small_model, *small_task, epsilons=np.array(EPSILONS) / scale, batch_size=20)
    wrong = replace(
        swept,
        table=swept.table.assign(epsilon=swept.table.epsilon * scale),
        minimal_epsilon=swept.minimal_epsilon * scale,
    )
    checks = check_attack(small_model, *small_task, wrong, batch_size=20)
    assert name in failed_names(checks)


def test_attack_that_stops_too_early_is_caught(small_model, small_task):
    epsilons = np.geomspace(0.05, 0.3, 12)
    swept = sweep(small_model, *small_task, epsilons=epsilons, steps=4, rel_stepsize=0.1, batch_size=20)
    checks = check_attack(small_model, *small_task, swept, batch_size=20)
    assert "longer attack finds no more" in failed_names(checks)


def test_unconfirmed_adversarials_are_caught(small_model, small_task):
    swept = sweep(small_model, *small_task, epsilons=EPSILONS, batch_size=20, **WHOLE_BALL)
    assert swept.unconfirmed == 0
    checks = check_attack(small_model, *small_task, replace(swept, unconfirmed=1), batch_size=20)
    assert failed_names(checks) == {"adversarials confirmed"}


def test_masked_gradient_is_caught(small_model, small_task):
    checks = check(prepend_layer(small_model, Quantise()), small_task)
    assert "gradients alive" in failed_names(checks)
    assert checks.verdict == "broken"


def test_random_forward_pass_is_caught(small_model, small_task):
    checks = check(append_layer(small_model, AlwaysNoise()), small_task)
    assert "deterministic" in failed_names(checks)
    assert checks.verdict == "broken"


def sweep_table(correct_by_epsilon, labels):
    tables = [
        pd.DataFrame({"image": np.arange(len(labels)), "label": labels, "epsilon": epsilon, "correct": correct})
        for epsilon, correct in correct_by_epsilon.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_accuracy_that_rises_and_attack_weaker_than_noise_are_caught(small_model, small_task):
    images, labels = small_task
    all_right = np.ones(len(labels), bool)
    half_right = np.arange(len(labels)) < len(labels) // 2
    table = sweep_table({0.0: all_right, 0.05: half_right, 0.9: all_right}, labels)
    swept = Sweep(table, images, np.full(len(labels), np.inf), steps=5, rel_stepsize=0.5)
    checks = check_attack(small_model, images, labels, swept, batch_size=20)
    assert failed_names(checks) >= {"large epsilon breaks all", "accuracy never rises", "noise is weaker"}
    assert checks.verdict == "doubtful"


@pytest.mark.parametrize("has_fault", [False, True])
def test_grid_without_large_epsilons_is_checked_at_a_large_epsilon(small_model, small_task, has_fault):
    model = append_layer(small_model, ReversedGradient()) if has_fault else small_model
    swept = sweep(model, *small_task, epsilons=[1e-5], batch_size=20)
    checks = check_attack(model, *small_task, swept, batch_size=20)
    assert failed_names(checks) == ({"large epsilon breaks all"} if has_fault else set())
    assert checks.verdict == ("doubtful" if has_fault else "trusted")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([0, 0], "trusted"), ([0, 1], "doubtful"), ([1, 0], "broken"), ([1, 1], "broken"), ([float("nan"), 0], "broken")],
)
def test_worst_failed_check_gives_the_verdict(values, verdict):
    first = Check("a", values[0], 0.5, "broken", "")
    second = Check("b", values[1], 0.5, "doubtful", "")
    assert Checks((first, second)).verdict == verdict
