"""Do the checks of the attack catch faults, and do they leave sound settings alone?

    .venv/bin/python benchmarks/judge_the_checks.py

Small convolutional networks that tell which half of an 8×8 picture is brighter are attacked with faults planted in the
model, in the attack, or in the reading of its outcome, and without any. A fault is caught if the verdict is not
"trusted"; a sound setting with another verdict is a false alarm. No threshold was chosen on these cases, but for two
numbers in the check of gradients, which was extended when one of the faults had been missed.

With `--autoattack`, the flags that AutoAttack raises on the same models stand beside (benchmarks/requirements.txt). It
brings an attack of its own, so it can only see what is wrong with a model.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from unittest import mock

try:
    import torch_peers  # before TensorFlow: the other way round, PyTorch crashes
except ImportError:
    torch_peers = None
import numpy as np
import pandas as pd

from helpers import attack, check_attack
from helpers.attacks import minimum_norm, pgd
from helpers.attacks.compiled import CompiledModel
from helpers.backend import keras, tf

PAPER = {"protocol": "paper", "epsilons": (0.02, 0.05, 0.1, 0.3), "steps": 20, "rel_stepsize": 0.125}
MINIMAL: dict = {}
layers, ops = keras.layers, keras.ops


class Function(layers.Layer):
    """A layer that applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def task(seed):
    """Return 40 images float32 (40, 8, 8, 3) and their labels: which half is brighter."""
    rng, labels = np.random.default_rng(seed), np.arange(40, dtype=np.int64) % 2
    images = rng.uniform(0.3, 0.6, (40, 8, 8, 3)).astype(np.float32)
    images[labels == 0, :, :4] += 0.15
    images[labels == 1, :, 4:] += 0.15
    return images, labels


def network(seed, *, width=8, epochs=30):
    """Return a network that has learned the task of the same seed."""
    keras.utils.set_random_seed(seed)
    parts = [layers.Conv2D(width, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *parts])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*task(seed), epochs=epochs, batch_size=20, verbose=0)
    return model


def before(function):
    """Return a change of a model: a function of its pixels."""

    def change(model):
        inputs = keras.Input(model.input_shape[1:])
        return keras.Model(inputs, model(Function(function)(inputs)))

    return change


def after(function):
    """Return a change of a model: a function of its logits."""

    def change(model):
        inputs = keras.Input(model.input_shape[1:])
        return keras.Model(inputs, Function(function)(model(inputs)))

    return change


def with_bias(size):
    """Return a change of a model: the last layer prefers class 0, and hardly looks at its inputs."""

    def change(model):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        kernel, bias = copy.layers[-1].get_weights()
        copy.layers[-1].set_weights([kernel / size, bias / size + np.array([1, -1], np.float32)])
        return copy

    return change


def unchanged(model):
    return model


def random_pixels(deviation):
    return before(lambda x: x + keras.random.normal(ops.shape(x), stddev=deviation))


def half_blocked(x):
    """Return the pixels, with a gradient for the left half only."""
    return ops.concatenate([x[:, :, :5], ops.stop_gradient(x[:, :, 5:])], axis=2)


PROJECT, DECAYED = pgd.project, pgd.decayed


def replaced(**functions):
    """Return a context in which functions of the attack are replaced."""

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for module in (pgd, minimum_norm):
                for name, function in functions.items():
                    stack.enter_context(mock.patch.object(module, name, function))
            yield

    return context


def wrong_gradient(function):
    """Return a context in which the attack's gradient is a function of the right one."""

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        right = CompiledModel.differentiate

        def wrong(self, pixels, labels, **settings):
            losses, gradient, logits = right(self, pixels, labels, **settings)
            return losses, function(gradient), logits

        with mock.patch.object(CompiledModel, "differentiate", wrong):
            yield

    return context


@contextlib.contextmanager
def wrong_labels() -> Iterator[None]:
    right = CompiledModel.differentiate

    def wrong(self, pixels, labels, **settings):
        return right(self, pixels, 1 - labels, **settings)

    with mock.patch.object(CompiledModel, "differentiate", wrong):
        yield


def corner_pixel(moved, originals, epsilon):
    """Return the originals with one pixel perturbed."""
    mask = np.zeros((1, 8, 8, 1), np.float32)
    mask[:, 0, 0] = 1
    return originals + mask[:, : originals.shape[1]] * (PROJECT(moved, originals, epsilon) - originals)


def scaled(factor):
    """Return a reading of an outcome: radii, or epsilons, multiplied."""

    def read(found):
        name = "radius" if "radius" in found.table else "epsilon"
        return replace(
            found, radii=found.radii * factor, table=found.table.assign(**{name: found.table[name] * factor})
        )

    return read


def wrong_images_as_robust(found):
    radii = np.where(found.radii == 0, np.inf, found.radii)
    return replace(found, radii=radii, table=found.table.assign(radius=radii))


def all_robust(found):
    radii = np.full(len(found.radii), np.inf)
    return replace(found, radii=radii, table=found.table.assign(radius=radii))


def rising(found):
    """Return an outcome whose attack failed at the largest epsilon."""
    is_largest = found.table.epsilon == found.table.epsilon.max()
    return replace(found, table=found.table.assign(correct=found.table.correct | is_largest))


@dataclass(frozen=True)
class Case:
    """A setting: how the model, the attack or its outcome is changed; nothing is, if it is sound."""

    name: str
    settings: dict = field(default_factory=dict)
    model: Callable = unchanged
    context: Callable = contextlib.nullcontext
    reading: Callable = lambda found: found
    seed: int = 0
    is_sound: bool = False

    @property
    def changes_model(self):
        return self.model is not unchanged


FAULTS = [
    Case("softmax", MINIMAL, model=after(ops.softmax)),
    Case("softmax, paper", PAPER, model=after(ops.softmax)),
    Case("logits × 20, cross-entropy", PAPER, model=after(lambda z: 20 * z)),
    Case("logits × 100, cross-entropy", PAPER, model=after(lambda z: 100 * z)),
    Case("logits × 10,000, cross-entropy", PAPER, model=after(lambda z: 1e4 * z)),
    Case("pixels in 10 levels", MINIMAL, model=before(lambda x: ops.round(10 * x) / 10)),
    Case("pixels in 20 levels", MINIMAL, model=before(lambda x: ops.round(20 * x) / 20)),
    Case("pixels in 20 levels, paper", PAPER, model=before(lambda x: ops.round(20 * x) / 20)),
    Case("noise of .1 on pixels", MINIMAL, model=random_pixels(0.1)),
    Case("noise of .02 on pixels", MINIMAL, model=random_pixels(0.02)),
    Case("noise of .1 on logits", MINIMAL, model=after(lambda z: z + keras.random.normal(ops.shape(z), stddev=0.1))),
    Case("reversed gradient", MINIMAL, model=before(lambda x: ops.stop_gradient(2 * x) - x)),
    Case("reversed gradient, paper", PAPER, model=before(lambda x: ops.stop_gradient(2 * x) - x)),
    Case("no gradient on a third of the pixels", MINIMAL, model=before(half_blocked)),
    Case("gradient blocked", MINIMAL, model=before(ops.stop_gradient)),
    Case("always the same class", MINIMAL, model=with_bias(1e4)),
    Case("always the same class, paper", PAPER, model=with_bias(1e4)),
    Case("wrong direction", MINIMAL, context=replaced(project=lambda m, x, e: PROJECT(2 * x - m, x, e))),
    Case("it never moves", MINIMAL, context=replaced(project=lambda m, x, e: x)),
    Case("steps 100 times too short", MINIMAL, context=replaced(decayed=lambda v, s, n: DECAYED(v, s, n) / 100)),
    Case("one pixel only", MINIMAL, context=replaced(project=corner_pixel)),
    Case("everything is adversarial", MINIMAL, context=replaced(fools=lambda y, z, t: tf.ones(y.shape, bool))),
    Case("nothing is adversarial", MINIMAL, context=replaced(fools=lambda y, z, t: tf.zeros(y.shape, bool))),
    Case("gradient of noise", MINIMAL, context=wrong_gradient(lambda g: tf.random.normal(g.shape))),
    Case("gradient of zeros", MINIMAL, context=wrong_gradient(tf.zeros_like)),
    Case("gradient of the wrong class", MINIMAL, context=wrong_labels),
    Case("gradient of the wrong class, paper", PAPER, context=wrong_labels),
    Case("two short steps", PAPER | {"steps": 2, "rel_stepsize": 0.05}),
    Case("one step, paper", PAPER | {"steps": 1, "rel_stepsize": 0.05}),
    Case("epsilon on -1..1", PAPER | {"epsilons": (0.01, 0.025, 0.05, 0.15)}, reading=scaled(2)),
    Case("epsilon on 0..255", PAPER | {"epsilons": (1e-4, 4e-4, 1e-3)}, reading=scaled(255)),
    Case("radii doubled", MINIMAL, reading=scaled(2)),
    Case("radii times 1.3", MINIMAL, reading=scaled(1.3)),
    Case("wrong images counted as robust", MINIMAL, model=with_bias(4), reading=wrong_images_as_robust),
    Case("all counted as robust", MINIMAL, reading=all_robust),
    Case("accuracy rises", PAPER, reading=rising),
]
SOUND = [
    Case(f"network {seed}, {settings.get('protocol', 'minimal')}", settings, seed=seed, is_sound=True)
    for seed in range(12)
    for settings in (MINIMAL, PAPER)
] + [
    Case("margin, paper", PAPER | {"loss": "margin"}, is_sound=True),
    Case("logits × 10,000, margin", MINIMAL, model=after(lambda z: 1e4 * z), is_sound=True),
    Case("logits / 100", MINIMAL, model=after(lambda z: z / 100), is_sound=True),
    Case("60 steps", MINIMAL | {"steps": 60}, is_sound=True),
    Case("one step, then confirmed", MINIMAL | {"steps": 1}, is_sound=True),  # radii at most 11% above the best known
]


def judge(case):
    """Return the verdict of the checks, and the names of those that failed."""
    model, (images, labels) = case.model(network(case.seed)), task(case.seed)
    with case.context():
        attacked = case.reading(attack(model, images, labels, batch_size=20, probabilities=True, **case.settings))
        checks = check_attack(model, images, labels, attacked, batch_size=20)
    return checks.verdict, [check.name for check in checks.checks if not check.passed]


def flags(case):
    """Return AutoAttack's flags, at the median radius of the sound network."""
    model, (images, labels) = case.model(network(case.seed)), task(case.seed)
    epsilon = float(np.median(attack(network(case.seed), images, labels, batch_size=20).radii))
    return torch_peers.autoattacks_flags(CompiledModel(model, batch_size=40), images, labels, epsilon=epsilon)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases with this text in their names")
    parser.add_argument("--autoattack", action="store_true", help="show the flags of AutoAttack, too")
    arguments = parser.parse_args()
    rows = []
    for case in [*FAULTS, *SOUND]:
        if arguments.only and arguments.only not in case.name:
            continue
        verdict, failed = judge(case)
        row = {"kind": "sound" if case.is_sound else "fault", "checks": (verdict == "trusted") == case.is_sound}
        print(f"{'ok   ' if row['checks'] else 'WRONG'} {case.name}: {verdict} ({', '.join(failed)})", flush=True)
        if arguments.autoattack:
            raised = flags(case)
            row["autoattack"] = (not raised) == case.is_sound
            row["kind"] += " in the model" if case.changes_model else ""
            print(f"      AutoAttack: {', '.join(raised) or 'nothing'}", flush=True)
        rows.append(row)
    print(pd.DataFrame(rows).groupby("kind").agg(["sum", "size"]))


if __name__ == "__main__":
    main()
