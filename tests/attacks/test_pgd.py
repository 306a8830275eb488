import foolbox
import numpy as np
import pytest

from helpers.attacks.compiled import CompiledModel, differentiate
from helpers.attacks.losses import cross_entropy
from helpers.attacks.pgd import CompiledLinfPGD, perturb, random_starts
from helpers.backend import keras, tf
from helpers.training.optimize import precision

EPSILONS = (0.01, 0.03, 0.06, 0.12, 0.3)


class FoolboxPGD(foolbox.attacks.LinfPGD):
    """Foolbox's own attack, not compiled, with given starts."""

    def __init__(self, starts, *, steps):
        super().__init__(steps=steps)
        self.starts = starts

    def get_random_start(self, x0, epsilon):
        return x0 + self.starts * epsilon


def test_compiled_attack_equals_foolbox_attack(small_model, small_task):
    images, labels = small_task
    starts = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=0.05, seed=3)
    compiled = CompiledModel(small_model, batch_size=len(images), loss="cross_entropy")
    foolbox_model = foolbox.TensorFlowModel(small_model, bounds=(0, 1), device="/CPU:0")
    foolbox_attack = FoolboxPGD(tf.constant(starts), steps=10)
    compiled_attack = CompiledLinfPGD(compiled, starts=starts, steps=10)
    criterion = foolbox.criteria.Misclassification(tf.constant(labels))
    for epsilon in EPSILONS:
        expected = foolbox_attack.run(foolbox_model, tf.constant(images), criterion, epsilon=epsilon).numpy()
        found = compiled_attack.run(compiled.for_foolbox, tf.constant(images), criterion, epsilon=epsilon).numpy()
        assert np.mean(np.abs(found - expected) < 1e-5) > 0.999


def test_defaults_equal_foolbox_defaults(small_model, small_task):
    foolbox_attack = foolbox.attacks.LinfPGD()
    compiled = CompiledModel(small_model, batch_size=4)
    compiled_attack = CompiledLinfPGD(compiled, starts=small_task[0][:4], steps=40)
    for name in ("steps", "rel_stepsize", "abs_stepsize", "random_start"):
        assert getattr(compiled_attack, name) == getattr(foolbox_attack, name)


def test_batches_are_filled_up_on_a_gpu_only(small_model, monkeypatch):
    assert CompiledModel(small_model, batch_size=20).smallest_batch(6) == 6
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(foolbox, "TensorFlowModel", lambda *_, **settings: settings["device"])
    compiled = CompiledModel(small_model, batch_size=20)
    assert compiled.for_foolbox == "/GPU:0"
    assert [compiled.smallest_batch(count) for count in (0, 1, 5, 6, 20)] == [0, 5, 5, 10, 20]
    assert CompiledModel(small_model, batch_size=3).smallest_batch(2) == 2
    assert CompiledModel(small_model, batch_size=18).smallest_batch(17) == 18


def test_random_starts_are_uniform():
    starts = random_starts((50, 50, 3), images=np.array([4]), epsilon=0.1, seed=0)
    assert starts.dtype == np.float32
    assert starts.shape == (1, 50, 50, 3)
    assert starts.min() == pytest.approx(-1, abs=0.01)
    assert starts.max() == pytest.approx(1, abs=0.01)
    assert starts.mean() == pytest.approx(0, abs=0.03)


def test_random_starts_depend_only_on_image_epsilon_seed_and_restart():
    usual = {"images": np.array([4]), "epsilon": 0.1, "seed": 0}
    starts = random_starts((8, 8, 3), **usual)
    assert np.array_equal(starts, random_starts((8, 8, 3), **usual))
    assert np.array_equal(starts[0], random_starts((8, 8, 3), **usual | {"images": np.array([7, 4])})[1])
    for change in ({"images": np.array([5])}, {"epsilon": 0.2}, {"seed": 1}, {"restart": 1}):
        assert not np.array_equal(starts, random_starts((8, 8, 3), **usual | change))


def test_in_float16_a_training_attack_follows_gradients_that_would_be_0():
    """The gradient is about .5 · 1e-4 · 1e-4, below the smallest number of float16, 6e-8."""
    with precision("mixed_float16"):
        hidden = keras.layers.Dense(1, use_bias=False)
        logits = keras.layers.Dense(2, dtype="float32", use_bias=False)
        model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), hidden, logits])
    hidden.set_weights([np.full((12, 1), 1e-4, np.float32)])
    logits.set_weights([np.array([[1e-4, -1e-4]], np.float32)])
    pixels, labels = tf.fill((1, 2, 2, 3), 0.5), tf.zeros(1, tf.int64)
    _, gradient, _ = differentiate(model, cross_entropy, pixels, labels)
    assert not np.any(gradient)
    attacked = perturb(model, pixels, labels, starts=tf.zeros_like(pixels), epsilon=0.1, steps=4, rel_stepsize=0.25)
    assert attacked.numpy() == pytest.approx(np.full((1, 2, 2, 3), 0.4))


def test_what_overflows_in_a_training_attack_moves_nothing():
    """The gradient of the first pixel, 1024 · .5 · 250, is beyond float16; that of the others is not."""
    with precision("mixed_float16"):
        flat = keras.layers.Flatten()
        hidden = keras.layers.Dense(1, use_bias=False)
        logits = keras.layers.Dense(2, dtype="float32", use_bias=False)
        model = keras.Sequential([keras.Input((1, 1, 3)), flat, hidden, logits])
    hidden.set_weights([np.array([[250], [1], [-1]], np.float32)])
    logits.set_weights([np.array([[1e-3, -1e-3]], np.float32) * 500])
    pixels, labels = tf.constant([[[[0.5, 0.5, 0.5]]]]), tf.zeros(1, tf.int64)
    attacked = perturb(model, pixels, 1 - labels, starts=tf.zeros_like(pixels), epsilon=0.1, steps=1, rel_stepsize=1.0)
    assert attacked.numpy().ravel() == pytest.approx([0.5, 0.6, 0.4])
