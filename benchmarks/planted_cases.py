"""The settings that `judge_the_checks.py` puts before the checks: planted faults, and sound ones.

Small convolutional networks learn which part of an 8×8 picture is brighter. A fault is planted in the model, in the
attack, or in the reading of its outcome.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from unittest import mock

import numpy as np

from helpers.attacks import balls, minimum_norm, pgd, radii
from helpers.attacks.compiled import CompiledModel
from helpers.backend import keras, tf

PAPER = {"protocol": "paper", "epsilons": (0.02, 0.05, 0.1, 0.3), "steps": 20, "rel_stepsize": 0.125}
MINIMAL: dict = {}
layers, ops = keras.layers, keras.ops
ALL, FIRST, LAST = slice(None), slice(4), slice(4, None)  # of eight rows or columns


class Function(layers.Layer):
    """A layer that applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


PARTS = {2: ((ALL, FIRST), (ALL, LAST)), 4: ((FIRST, FIRST), (FIRST, LAST), (LAST, FIRST), (LAST, LAST))}


def task(case):
    """Return 40 images float32 (40, 8, 8, 3) and their labels: which half or quarter of the picture is brighter."""
    rng, labels = np.random.default_rng(case.seed), np.arange(40, dtype=np.int64) % case.classes
    images = rng.uniform(0.3, 0.6, (40, 8, 8, 3)).astype(np.float32)
    for label, (rows, columns) in enumerate(PARTS[case.classes]):
        images[labels == label, rows, columns] += 0.15
    return images, labels


def network(case):
    """Return a network that has learned the task of the case: with four classes, a deeper one with batch norms."""
    keras.utils.set_random_seed(case.seed)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(case.classes)]
    if case.classes > 2:
        parts = [layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization(momentum=0.9), layers.ReLU(), *parts]
    model = keras.Sequential([keras.Input((8, 8, 3)), *parts])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*task(case), epochs=30, batch_size=20, verbose=0)
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


def as_it_is(found):
    return found


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
            for module in (balls, minimum_norm, radii):
                for name in functions.keys() & vars(module).keys():
                    stack.enter_context(mock.patch.object(module, name, functions[name]))
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
def wrong_labels() -> Iterator[None]:  # of two classes
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


SEARCH = minimum_norm.search_nearest


def to_one_class(compiled, images, labels, **settings):
    """Return what a search towards one wrong class finds."""
    return SEARCH(compiled, images, labels, **settings | {"targets": (labels + 1) % 4})


def in_l2_ball(moved, originals, epsilon):
    """Return the nearest images in balls of another norm."""
    lengths = tf.norm(tf.reshape(moved - originals, (len(originals), -1)), axis=1)[:, None, None, None]
    return tf.clip_by_value(originals + (moved - originals) * tf.minimum(1.0, epsilon / (lengths + 1e-12)), 0.0, 1.0)


def random_signs(gradient):
    """Return a gradient whose sign is wrong on two fifths of the pixels."""
    return gradient * tf.where(tf.random.uniform(gradient.shape) < 0.4, -1.0, 1.0)


def one_colour(gradient):
    """Return a gradient of the first channel alone."""
    return gradient * tf.constant([1.0, 0.0, 0.0])


def of_other_images(found):
    """Return an outcome in which each image has the radius of the one before it."""
    return with_radii(found, np.roll(found.radii, 1))


def first_ten_only(found):
    """Return an outcome that takes the images behind the first ten for robust."""
    return with_radii(found, np.where(np.arange(len(found.radii)) < 10, found.radii, np.inf))


def one_epsilon_late(found):
    """Return an outcome whose accuracies stand one epsilon too late."""
    table = found.table.sort_values(["image", "epsilon"])
    return replace(found, table=table.assign(correct=table.groupby("image").correct.shift(fill_value=True)))


def scaled(factor):
    """Return a reading of an outcome: radii, or epsilons, multiplied."""

    def read(found):
        name = "radius" if "radius" in found.table else "epsilon"
        return replace(
            found, radii=found.radii * factor, table=found.table.assign(**{name: found.table[name] * factor})
        )

    return read


def with_radii(found, changed):
    """Return an outcome with other radii."""
    return replace(found, radii=changed, table=found.table.assign(radius=changed))


def wrong_images_as_robust(found):
    return with_radii(found, np.where(found.radii == 0, np.inf, found.radii))


def all_robust(found):
    return with_radii(found, np.full(len(found.radii), np.inf))


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
    reading: Callable = as_it_is
    seed: int = 0
    classes: int = 2
    is_sound: bool = False
    held_back: str = ""
    of_task: Callable = task
    of_network: Callable = network

    @property
    def kind(self):
        return ", ".join(filter(None, ["sound" if self.is_sound else "fault", self.held_back]))

    @property
    def changes_model(self):
        return self.model is not unchanged

    @property
    def place(self):
        """Where the fault is: in the model, in the attack, or in the reading of its outcome."""
        if self.is_sound:
            return ""
        if self.reading is not as_it_is:
            return "reading"
        return "model" if self.changes_model else "attack"


def rolled(x):
    """Return the pictures moved sideways by up to two pixels, at random."""
    return ops.roll(x, ops.cast(keras.random.randint((), 0, 3), "int32"), axis=2)


def dropped(x):
    """Return the pictures with a tenth of their pixels black, at random."""
    return x * ops.cast(keras.random.uniform(ops.shape(x)) > 0.1, x.dtype)


def blocked_where_bright(x):
    """Return the pixels, without a gradient where they are bright."""
    return ops.where(x > 0.5, ops.stop_gradient(x), x)


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
FOUR = {"classes": 4, "held_back": "held back"}
HELD_BACK = (
    [
        Case("pixels moved at random", MINIMAL, model=before(rolled), **FOUR),
        Case("a tenth of the pixels black at random", MINIMAL, model=before(dropped), **FOUR),
        Case("a tenth of the pixels black at random, paper", PAPER, model=before(dropped), **FOUR),
        Case("no gradient where bright", MINIMAL, model=before(blocked_where_bright), **FOUR),
        Case("no gradient where bright, paper", PAPER, model=before(blocked_where_bright), **FOUR),
        Case("logits in whole numbers", MINIMAL, model=after(ops.round), **FOUR),
        Case("logits saturated by tanh, paper", PAPER, model=after(lambda z: ops.tanh(20 * z)), **FOUR),
        Case("a ripple on the pixels, paper", PAPER, model=before(lambda x: x + 0.02 * ops.sin(400 * x)), **FOUR),
        Case("towards one wrong class only", MINIMAL, context=replaced(search_nearest=to_one_class), **FOUR),
        Case("balls of another norm", MINIMAL, context=replaced(project=in_l2_ball), **FOUR),
        Case("two fifths of the signs wrong", MINIMAL, context=wrong_gradient(random_signs), **FOUR),
        Case("gradient of one colour", MINIMAL, context=wrong_gradient(one_colour), **FOUR),
        Case("gradient of one colour, paper", PAPER, context=wrong_gradient(one_colour), **FOUR),
        Case("steps of a tenth of their length, paper", PAPER | {"rel_stepsize": 0.0125}, **FOUR),
        Case("radii of other images", MINIMAL, reading=of_other_images, **FOUR),
        Case("radii times 14, the root of the number of values", MINIMAL, reading=scaled(np.sqrt(8 * 8 * 3)), **FOUR),
        Case("the first ten attacked only", MINIMAL, reading=first_ten_only, **FOUR),
        Case("accuracies one epsilon late, paper", PAPER, reading=one_epsilon_late, **FOUR),
        Case("logits saturated by tanh", MINIMAL, model=after(ops.tanh), **FOUR),
        Case("no image is classified right", MINIMAL, model=before(lambda x: 1 - x), **FOUR),
    ]
    # These and the two before were written as sound, and are not. The cross-entropy of these networks is nearly 0: of
    # 40 images, two to six hold at an epsilon at which a longer search breaks them.
    + [
        Case(f"confident network {seed}, cross-entropy, paper", PAPER, seed=seed, **FOUR)
        for seed in (20, 21, 23, 24, 25)
    ]
    + [Case(f"four classes {seed}", MINIMAL, seed=seed, is_sound=True, **FOUR) for seed in range(20, 26)]
    + [
        Case("four classes 22, paper", PAPER, seed=22, is_sound=True, **FOUR),
        Case("logits × 5", MINIMAL, model=after(lambda z: 5 * z), is_sound=True, **FOUR),
        Case("logits + 50", MINIMAL, model=after(lambda z: z + 50), is_sound=True, **FOUR),
        Case("blurred", MINIMAL, model=before(lambda x: ops.average_pool(x, 3, 1, "same")), is_sound=True, **FOUR),
        Case("40 steps, paper", PAPER | {"steps": 40}, is_sound=True, **FOUR),
    ]
)
CASES = [*FAULTS, *SOUND, *HELD_BACK]
