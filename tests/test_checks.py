"""Each check must catch the model that was broken for it, and pass the sound one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers import check_attack, sweep
from helpers.attacks.checks import Check, Checks
from helpers.attacks.sweep import Sweep
from helpers.backend import keras

EPSILONS = (0.02, 0.08, 0.3)


WHOLE_BALL = {"steps": 20, "rel_stepsize": 0.125}  # from any start to any place


def checked(model, task, protocol="nested"):
    settings = {"protocol": protocol, "batch_size": 20, "probabilities": True}
    swept = sweep(model, *task, epsilons=EPSILONS, **settings, **WHOLE_BALL)
    return check_attack(model, *task, swept, batch_size=20)


def failed(checks):
    return set(checks.table[~checks.table.passed].name)


def on_top(model, layer):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, layer(model(inputs)))


@keras.saving.register_keras_serializable(package="tests")
class Quantise(keras.layers.Layer):
    """Round the input, which has no gradient: a masked one."""

    def call(self, inputs):
        return keras.ops.round(inputs * 20) / 20


def test_a_sound_model_is_trusted(small_model, small_task):
    checks = checked(small_model, small_task)
    assert failed(checks) == set()
    assert checks.verdict == "trusted"


def test_probabilities_passed_as_logits_are_caught(small_model, small_task):
    checks = checked(on_top(small_model, keras.layers.Softmax()), small_task)
    assert "outputs are logits" in failed(checks)
    assert checks.verdict == "broken"


def test_logits_so_large_that_the_loss_is_flat_in_float32_are_caught(small_model, small_task):
    checks = checked(on_top(small_model, keras.layers.Rescaling(1e4)), small_task)
    assert failed(checks) >= {"gradients alive", "loss above 0", "large epsilon breaks all", "black box is weaker"}
    assert checks.verdict == "broken"


def test_logits_large_enough_to_leave_rounding_errors_of_the_gradient_are_caught(small_model, small_task):
    checks = checked(on_top(small_model, keras.layers.Rescaling(20)), small_task)
    assert "loss above 0" in failed(checks)


@pytest.mark.parametrize(("scale", "check"), [(2, "epsilon in units of pixels"), (255, "large epsilon breaks all")])
def test_an_epsilon_read_on_another_scale_is_caught(small_model, small_task, scale, check):
    swept = sweep(small_model, *small_task, epsilons=np.array(EPSILONS) / scale, batch_size=20)
    table, minimal = swept.table.assign(epsilon=swept.table.epsilon * scale), swept.minimal_epsilon * scale
    checks = check_attack(small_model, *small_task, replace(swept, table=table, minimal_epsilon=minimal), batch_size=20)
    assert check in failed(checks)


def test_an_attack_that_stops_too_early_is_caught(small_model, small_task):
    epsilons = np.geomspace(0.05, 0.3, 12)
    swept = sweep(small_model, *small_task, epsilons=epsilons, steps=4, rel_stepsize=0.1, batch_size=20)
    checks = check_attack(small_model, *small_task, swept, batch_size=20)
    assert "longer attack finds no more" in failed(checks)


def test_adversarials_that_were_not_confirmed_are_caught(small_model, small_task):
    swept = sweep(small_model, *small_task, epsilons=EPSILONS, batch_size=20, **WHOLE_BALL)
    assert swept.unconfirmed == 0
    checks = check_attack(small_model, *small_task, replace(swept, unconfirmed=1), batch_size=20)
    assert failed(checks) == {"adversarials confirmed"}


def test_a_masked_gradient_is_caught(small_model, small_task):
    inputs = keras.Input(small_model.input_shape[1:])
    checks = checked(keras.Model(inputs, small_model(Quantise()(inputs))), small_task)
    assert "gradients alive" in failed(checks)
    assert checks.verdict == "broken"


@keras.saving.register_keras_serializable(package="tests")
class Noise(keras.layers.Layer):
    """Add noise at test time, too."""

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), stddev=0.1)


def test_a_random_forward_pass_is_caught(small_model, small_task):
    checks = checked(on_top(small_model, Noise()), small_task)
    assert "deterministic" in failed(checks)
    assert checks.verdict == "broken"


def table_of(correct_by_epsilon, labels):
    rows = [
        pd.DataFrame({"image": np.arange(len(labels)), "label": labels, "epsilon": epsilon, "correct": correct})
        for epsilon, correct in correct_by_epsilon.items()
    ]
    return pd.concat(rows, ignore_index=True)


def test_a_curve_that_rises_and_an_attack_weaker_than_noise_are_caught(small_model, small_task):
    images, labels = small_task
    right = np.ones(len(labels), bool)
    half = np.arange(len(labels)) < len(labels) // 2
    table = table_of({0.0: right, 0.05: half, 0.9: right}, labels)
    swept = Sweep(table, images, np.full(len(labels), np.inf), steps=5, rel_stepsize=0.5)
    checks = check_attack(small_model, images, labels, swept, batch_size=20)
    assert failed(checks) >= {"large epsilon breaks all", "accuracy never rises", "noise is weaker"}
    assert checks.verdict == "doubtful"


@keras.saving.register_keras_serializable(package="tests")
class Flipped(keras.layers.Layer):
    """Pass the input on unchanged, but its gradient with the wrong sign: the attack walks the wrong way."""

    def call(self, inputs):
        return keras.ops.stop_gradient(2 * inputs) - inputs


@pytest.mark.parametrize("faulty", [False, True])
def test_a_grid_that_ends_early_is_checked_at_a_large_epsilon_all_the_same(small_model, small_task, faulty):
    model = on_top(small_model, Flipped()) if faulty else small_model
    checks = check_attack(model, *small_task, sweep(model, *small_task, epsilons=[1e-5], batch_size=20), batch_size=20)
    assert failed(checks) == ({"large epsilon breaks all"} if faulty else set())
    assert checks.verdict == ("doubtful" if faulty else "trusted")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [([0, 0], "trusted"), ([0, 1], "doubtful"), ([1, 0], "broken"), ([1, 1], "broken"), ([float("nan"), 0], "broken")],
)
def test_the_worst_failed_check_gives_the_verdict(values, verdict):
    first, second = (
        Check(name, value, 0.5, otherwise, "")
        for name, value, otherwise in zip("ab", values, ("broken", "doubtful"), strict=True)
    )
    assert Checks((first, second)).verdict == verdict
