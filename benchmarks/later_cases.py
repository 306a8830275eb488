"""Settings held back a second time, on another task and other networks, written without a look at the checks.

Small residual networks learn which way the stripes of a 12×12 picture run. What a setting is follows from a rule that
was fixed before any outcome was seen, and that `label` applies:

- The true radii (`truth`) are the smallest that longer attacks, from several seeds, find on the faithful network: it
  decides as the setting's does, but is deterministic, and has a straight-through gradient where a fault blocks one.
- A setting is a fault if it reports a robust accuracy that is too high by more than 3 of 40 images, at any of 12
  epsilons from the smallest true radius to the largest (under protocol "paper": at any of its own), or a geometric mean
  radius by more than 20%; or, where the outcome is misread, too low by as much. It reports a table, radii, and the
  adversarials that are adversarial. A model with random outputs, or with probabilities, is a fault.
- It is sound if it reports too much by at most 1 of 40 images, and 5%. What lies between is left out.

The rule left one thing open, settled when one outcome had been seen: under protocol "paper", an image that no epsilon
breaks has twice the largest one as its radius. Sound settings that came to lie between were attacked longer, once.

    .venv/bin/python benchmarks/later_cases.py

shows what each setting reports beside the truth, and whether its label follows.
"""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from unittest import mock

import numpy as np
from planted_cases import PROJECT, SEARCH, Case, Function, after, before, replaced, scaled, with_radii
from planted_cases import wrong_gradient as gradient_of

from helpers import attack
from helpers.attacks import compiled, losses, pgd, predict
from helpers.attacks.compiled import CompiledModel
from helpers.backend import keras, tf

PAPER = {"protocol": "paper", "epsilons": (0.02, 0.03, 0.045, 0.07), "steps": 40, "rel_stepsize": 0.075}
layers, ops = keras.layers, keras.ops
COUNT, CLASSES = 40, 3


def stripes(case, count=COUNT, *, contrast=0.18, brightness=(0.35, 0.65), sizes=(1, 1, 1), grey=False):
    """Return pictures float32 (count, 12, 12, 3) of stripes across, along and aslant, and which of them, int64."""
    rng, (rows, columns) = np.random.default_rng(case.seed), np.mgrid[:12, :12]
    labels = np.resize(np.repeat(np.arange(CLASSES), sizes), count)
    angles = np.stack([rows, columns, rows + columns])[labels] * 2 * np.pi / 5 + rng.uniform(0, 6, (count, 1, 1))
    colours, strengths = rng.uniform(*brightness, (count, 1, 1, 3)), contrast * rng.uniform(0.5, 1, (count, 1, 1, 3))
    images = colours + strengths * np.sin(angles)[..., None] + rng.normal(0, 0.1, (count, 12, 12, 3))
    images = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1) if grey else images
    return np.clip(images, 0, 1).astype(np.float32), labels


def mislabelled(case, count=COUNT):
    """Return the task with a wrong label on every tenth picture that is tested."""
    images, labels = stripes(case, count)
    return images, np.where((np.arange(count) % 10 == 0) & (count == COUNT), (labels + 1) % CLASSES, labels)


def renumbered(case, count=COUNT):
    """Return the task with the classes in another order where it is tested."""
    images, labels = stripes(case, count)
    return images, (labels + (count == COUNT)) % CLASSES


def batch_norm():
    return layers.BatchNormalization(momentum=0.9)


def residual(x, *, inside=None, norm=layers.LayerNormalization, activation="swish", dropout=0.0, gate=False, blocks=1):
    """Return the features of one residual block with strides, or of two."""

    def active(x):
        return Function(activation)(x) if callable(activation) else layers.Activation(activation)(x)

    x = active(norm()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    for width in (16, 24)[:blocks]:
        branch = layers.Dropout(dropout)(Function(inside)(x) if inside else x)
        branch = active(norm()(layers.Conv2D(width, 3, strides=2, padding="same")(branch)))
        branch = layers.Conv2D(width, 3, padding="same")(branch)
        if gate:
            branch = branch * layers.Dense(width, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(branch))
        x = active(layers.Add()([branch, layers.Conv2D(width, 1, strides=2)(x)]))
    return layers.GlobalAveragePooling2D()(x)


def pooled(x):
    x = layers.AveragePooling2D(2)(layers.Conv2D(12, 3, activation="gelu")(x))
    return layers.Flatten()(layers.Conv2D(16, 3, activation="gelu")(x))


def dense(x):
    return layers.Dense(48, "tanh")(layers.Dense(96, "tanh")(layers.Flatten()(x)))


def trained(
    case,
    features=residual,
    *,
    first=None,
    head=layers.Dense,
    noise=0.0,
    epsilon=0.0,
    steps=4,
    smoothing=0.0,
    epochs=20,
    **described,
):
    """Return a network that has learned the task of the case from 300 other pictures, then from their adversarials."""
    images, labels = case.of_task(replace(case, seed=case.seed + 100), 300)
    targets = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    keras.utils.set_random_seed(case.seed)
    inputs = keras.Input(images.shape[1:])
    x = layers.GaussianNoise(noise)(inputs)
    model = keras.Model(inputs, head(targets.shape[1])(features(Function(first)(x) if first else x, **described)))
    model.compile(keras.optimizers.Adam(0.004), keras.losses.CategoricalCrossentropy(True, smoothing))
    model.fit(images, targets, epochs=epochs, batch_size=20, verbose=0)
    harder = tf.function(partial(pgd.perturb, model, epsilon=epsilon, steps=steps, rel_stepsize=2 / steps))
    for _ in range(20 if epsilon else 0):
        starts = np.random.default_rng(case.seed).uniform(-1, 1, images.shape).astype(np.float32)
        model.fit(harder(images, labels, starts=starts), targets, batch_size=20, verbose=0)
    return model


@dataclass(frozen=True)
class Later(Case):
    """A setting with this task and a network that learns it; `true_task` is the task where labels are misread."""

    of_task: Callable = stripes
    of_network: Callable = trained
    true_task: Callable | None = None
    held_back: str = "held back again"

    @property
    def place(self):
        return "reading" if self.true_task else super().place


def several(case, join, count=3, **described):
    """Return several networks whose logits a function joins."""
    inputs = keras.Input(case.of_task(case, 1)[0].shape[1:])
    networks = [trained(replace(case, seed=case.seed + i), **described) for i in range(count)]
    return keras.Model(inputs, Function(join)([network(inputs) for network in networks]))


def straight(hard, soft):
    """Return a function with the values of one function and the gradient of another."""
    return lambda x: soft(x) + ops.stop_gradient(hard(x) - soft(x))


def swapped(kind, make):
    """Return a change of a model: another layer in place of each of a kind."""
    return partial(keras.models.clone_model, clone_function=lambda x: make(x) if isinstance(x, kind) else x)


def instead(function):
    return swapped(Function, lambda layer: Function(function))


class OfBatch(layers.Layer):
    """A batch norm with the statistics of the batch, as in training."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def call(self, x, mask=None):
        scale = self.norm.gamma / ops.sqrt(ops.var(x, (0, 1, 2)) + self.norm.epsilon)
        return scale * (x - ops.mean(x, (0, 1, 2))) + self.norm.beta


without_gradient = swapped(Function, lambda layer: Function(lambda x: ops.stop_gradient(layer.function(x))))
as_in_training = swapped(layers.BatchNormalization, OfBatch)


LEVELS = np.arange(0.1, 0.95, 0.1, dtype=np.float32)
WAVES = np.cos(np.pi * np.outer(np.arange(4), np.arange(4) + 0.5) / 4) * np.sqrt([[0.25], [0.5], [0.5], [0.5]])
WAVES = WAVES.astype(np.float32)


def thermometer(steepness):
    """Return a function: which of nine levels the pixels are above, as further channels."""
    return lambda x: ops.reshape(ops.sigmoid(steepness * (x[..., None] - LEVELS)), (-1, 12, 12, 3 * len(LEVELS)))


def compressed(x):
    """Return the pictures with the waves of their 4×4 blocks rounded, as JPEG does."""
    blocks = ops.reshape(x, (-1, 3, 4, 3, 4, 3))
    waves = ops.round(ops.einsum("bicjdk,uc,vd->biujvk", blocks, WAVES, WAVES) / 0.15) * 0.15
    return ops.reshape(ops.einsum("biujvk,uc,vd->bicjdk", waves, WAVES, WAVES), (-1, 12, 12, 3))


def winners(x):
    """Return the largest quarter of each channel's activations."""
    return ops.where(x >= ops.quantile(x, 0.75, axis=(1, 2), keepdims=True), x, 0.0)


def votes(logits):
    return sum(ops.one_hot(ops.argmax(each, -1), CLASSES) for each in logits)


def median(x):
    """Return the median of each pixel and its four neighbours."""
    return ops.sort(ops.stack([x, *(ops.roll(x, step, axis) for axis in (1, 2) for step in (-1, 1))]), axis=0)[2]


def same(x):
    return x


def turned(x):
    return x[:, ::-1, ::-1]


def largest_only(z):
    return ops.where(z == ops.max(z, -1, keepdims=True), z, -10.0)


def log_of_clipped(z):
    return ops.log(ops.maximum(ops.softmax(z), 1e-2))


def differentiating(function):
    """Return a context: the attack differentiates as a function does, of the right way and of what that is given."""

    @contextlib.contextmanager
    def context():
        right = CompiledModel.differentiate

        def wrong(self, pixels, labels, **settings):
            return function(partial(right, self, **{"loss": self.loss} | settings), pixels, labels)

        with mock.patch.object(CompiledModel, "differentiate", wrong):
            yield

    return context


@contextlib.contextmanager
def stale():
    """Keep each gradient for 20 steps."""
    kept = {"step": -1}

    def old(right, pixels, labels):
        losses, gradient, logits = right(pixels, labels)
        kept["step"] += 1
        if kept["step"] % 20 == 0 or kept["gradient"].shape != gradient.shape:
            kept["gradient"] = gradient
        return losses, kept["gradient"], logits

    with differentiating(old)():
        yield


def stopped_where_fooled(right, pixels, labels):
    """Return no gradient for images that are misclassified already."""
    losses, gradient, logits = right(pixels, labels)
    return losses, tf.where((tf.argmax(logits, 1) == labels)[:, None, None, None], gradient, 0.0), logits


@contextlib.contextmanager
def by_another_network():
    other = CompiledModel(trained(Later("another", seed=9)), batch_size=20)

    def transferred(right, pixels, labels):
        losses, _, logits = right(pixels, labels)
        return losses, right.func(other, pixels, labels, **right.keywords)[1], logits

    with differentiating(transferred)():
        yield


@contextlib.contextmanager
def increasing_true_logit_only():
    def loss(labels, logits, *softness):
        return -tf.gather(logits, labels, axis=-1, batch_dims=1)

    named = mock.patch.dict(losses.LOSS_FUNCTIONS, {"cross_entropy": loss, "margin": loss})
    with named, mock.patch.object(compiled, "soft_margin", loss):
        yield


FOOLBOX, STEP = pgd.CompiledLinfPGD.project, pgd.CompiledLinfPGD.value_and_grad


def truncated():
    """Return a context: Foolbox's perturbations are whole 255ths after each step."""

    def project(self, moved, originals, epsilon):
        added = (FOOLBOX(self, moved, originals, epsilon) - originals).raw
        return originals + type(originals)(tf.sign(added) * tf.floor(255 * tf.abs(added)) / 255)

    return mock.patch.object(pgd.CompiledLinfPGD, "project", project)


def forgetting():
    """Return a context: each step of Foolbox's attack starts at the image again."""

    def value_and_grad(self, loss, iterates):
        self.before = iterates
        return STEP(self, loss, iterates)

    def project(self, moved, originals, epsilon):
        return originals + (moved - self.before)

    return mock.patch.multiple(pgd.CompiledLinfPGD, value_and_grad=value_and_grad, project=project)


def of_the_first(gradient):
    return gradient * tf.one_hot(0, len(gradient))[:, None, None, None]


def coarse(gradient):
    """Return the gradient at a third of the resolution."""
    return tf.repeat(tf.repeat(tf.nn.avg_pool2d(gradient, 3, 3, "VALID"), 3, axis=1), 3, axis=2)


def unconfirmed(compiled, images, labels, **settings):
    return images.copy(), np.zeros(len(images), bool), np.zeros(len(images), int)


def short(compiled, images, labels, **settings):
    return SEARCH(compiled, images, labels, **settings | {"steps": 2})


def towards_true_class(compiled, images, labels, **settings):
    return SEARCH(compiled, images, labels, **settings | {"targets": labels})


def radii(function):
    """Return a reading of an outcome: a function of its radii."""
    return lambda found: with_radii(found, function(found.radii))


def clean_only(found):
    """Return an outcome in which the clean predictions, which come first, are those at each epsilon."""
    return replace(found, table=found.table.assign(correct=found.table.groupby("image").correct.transform("first")))


def agreement(found):
    """Return an outcome in which a prediction is correct if it is the clean one."""
    clean = found.table.groupby("image").prediction.transform("first")
    return replace(found, table=found.table.assign(correct=found.table.prediction == clean))


def backwards(found):
    """Return an outcome whose epsilons are listed from the largest to the smallest."""
    zero, *epsilons = np.unique(found.table.epsilon)
    order = {zero: zero, **dict(zip(epsilons, epsilons[::-1], strict=True))}
    return replace(found, table=found.table.assign(epsilon=found.table.epsilon.map(order)))


def adversarials(function):
    """Return a reading of an outcome: a function of its adversarials."""
    return lambda found: replace(found, adversarials=function(found.adversarials))


def noisy(x):
    return x + keras.random.normal(ops.shape(x), stddev=0.2)


def learned(**settings):
    return partial(trained, **settings)


THERMOMETER = learned(first=straight(thermometer(400), thermometer(10)))
HARD_SIGMOID = learned(activation=straight(lambda x: ops.hard_sigmoid(12 * x), lambda x: ops.sigmoid(2 * x)))
LEVELLED = learned(inside=straight(lambda x: ops.round(2 * x) / 2, same))
JPEG, WINNERS = learned(first=straight(compressed, same)), learned(activation=straight(winners, ops.swish))
VOTES = partial(several, join=straight(votes, lambda logits: sum(ops.softmax(each) for each in logits)))
PLACE = learned(inside=same)  # for a function
NORMED, HARDENED = learned(norm=batch_norm), learned(epsilon=0.03)
RELU = learned(norm=batch_norm, activation="relu")
WIDE = PAPER | {"epsilons": (0.03, 0.06, 0.09, 0.13)}

MODEL = [
    Later("thermometer code", of_network=THERMOMETER, model=without_gradient),
    Later("blocks compressed as in JPEG, paper", PAPER, of_network=JPEG, model=without_gradient),
    Later("activations of the branch in levels", of_network=LEVELLED, model=without_gradient),
    Later("branch without a gradient, paper", PAPER, of_network=PLACE, model=without_gradient),
    Later("the winners of each channel", of_network=WINNERS, model=instead(winners)),
    Later("dropout left on", of_network=PLACE, model=instead(lambda x: keras.random.dropout(x, 0.2))),
    Later("activations with noise, paper", PAPER, of_network=PLACE, model=instead(noisy)),
    Later("contrast at random", model=before(lambda x: 0.5 + (x - 0.5) * keras.random.uniform((1, 1, 1, 1), 0.9, 1.1))),
    Later("batch norms as in training", of_network=NORMED, model=as_in_training),
    Later("votes of three networks", of_network=VOTES, model=instead(votes)),
    Later("the largest logit only", model=after(largest_only)),
    Later("the largest logit only, paper", PAPER, model=after(largest_only)),
    Later("gradient as if not turned", of_network=learned(first=turned), model=instead(straight(turned, same))),
    Later("logits + 30,000", model=after(lambda z: z + 3e4)),
    Later("logits / 100,000, paper", PAPER, model=after(lambda z: z / 1e5)),
    Later("a sigmoid of each logit, paper", PAPER, model=after(lambda z: ops.sigmoid(3 * z))),
]
ATTACK = [
    Later("gradient averaged over the batch", context=gradient_of(lambda g: tf.reduce_mean(g, 0) + 0 * g)),
    Later("gradient of each batch's first image, paper", PAPER, context=gradient_of(of_the_first)),
    Later("gradient of the first step, paper", PAPER, context=stale),
    Later("clipped to 0.4 to 0.6", context=replaced(project=lambda *x: tf.clip_by_value(PROJECT(*x), 0.4, 0.6))),
    Later("it only brightens", context=replaced(project=lambda m, x, e: tf.maximum(PROJECT(m, x, e), x))),
    Later("perturbations truncated to 255ths, paper", PAPER, context=truncated),
    Later("each step from the image, paper", PAPER, context=forgetting),
    Later("adversarials have to be confident", context=replaced(fools=lambda y, z, t: losses.margin(y, z) > 3)),
    Later("only the next class counts", context=replaced(fools=lambda y, z, t: tf.argmax(z, 1) == (y + 1) % CLASSES)),
    Later("towards the true class", context=replaced(search_nearest=towards_true_class)),
    Later("rows and columns exchanged, paper", PAPER, context=gradient_of(lambda g: tf.transpose(g, (0, 2, 1, 3)))),
    Later("gradient of another network", context=by_another_network),
    Later("gradient of a third of the resolution", context=gradient_of(coarse)),
    Later("steps of three radii, paper", PAPER | {"rel_stepsize": 3.0}),
    Later("loss of the true logit only", context=increasing_true_logit_only),
    Later("loss of the true logit only, paper", PAPER, context=increasing_true_logit_only),
    Later("two steps, not confirmed", context=replaced(search_nearest=short, attack_balls=unconfirmed)),
    Later("five steps, paper", PAPER | {"steps": 5, "rel_stepsize": 0.1}),
    Later("trained on adversarials, cross-entropy, paper", WIDE, of_network=HARDENED, seed=1),
    Later("batch norms and relu", of_network=RELU),
    Later("smoothed labels, cross-entropy, paper", PAPER, of_network=learned(smoothing=0.2)),
]
READING = [
    Later("the median for every image", reading=radii(lambda r: np.full(len(r), np.median(r)))),
    Later("squares of the radii", reading=radii(np.square)),
    Later("radii divided by 255 once more", reading=scaled(1 / 255)),
    Later("radii rounded up to fiftieths", reading=radii(lambda r: np.ceil(50 * r) / 50)),
    Later("the median for wrong images", of_task=mislabelled, reading=radii(lambda r: np.where(r, r, np.median(r)))),
    Later("clean predictions in the table, paper", PAPER, reading=clean_only),
    Later("agreement with clean predictions, paper", PAPER, of_task=mislabelled, reading=agreement),
    Later("epsilons backwards, paper", PAPER, reading=backwards),
    Later("adversarials of other images", reading=adversarials(lambda a: np.roll(a, 1, axis=0))),
    Later("adversarials saved in 8 bits", reading=adversarials(lambda a: np.round(255 * a) / np.float32(255))),
    Later("classes in another order", of_task=renumbered, true_task=stripes),
    Later("classes in another order, paper", PAPER, of_task=renumbered, true_task=stripes),
]
LONG, SHORTER = {"steps": 40, "thorough": True}, {"steps": 80, "rel_stepsize": 0.05}
MARGIN = PAPER | SHORTER | {"loss": "margin"}
ENLARGED = learned(first=lambda x: keras.ops.image.resize(x, (18, 18)))
BRIGHT, DARK = partial(stripes, brightness=(0.85, 0.95)), partial(stripes, brightness=(0.0, 0.1))
CORRECT = [
    *(Later(f"residual network {seed}", seed=seed) for seed in (0, 1, 2)),
    *(Later(f"residual network {seed}, thorough", LONG, seed=seed) for seed in (3, 4)),
    Later("residual network 5, paper", PAPER, seed=5),
    Later("residual network 7, margin, paper", MARGIN, seed=7),
    Later("margin, paper", PAPER | {"loss": "margin"}),
    Later("80 steps", {"steps": 80}),
    Later("thorough, other starts", {"thorough": True, "seed": 11}),
    Later("80 shorter steps, paper", PAPER | SHORTER, seed=5),
    Later("stopped where fooled, margin, paper", MARGIN, context=differentiating(stopped_where_fooled)),
    Later("logits × 3 + 7", model=after(lambda z: 3 * z + 7)),
    Later("logarithm of the softmax", model=after(ops.log_softmax)),
    Later("logarithm of clipped probabilities", model=after(log_of_clipped)),
    Later("hard sigmoids, saturated", of_network=HARD_SIGMOID, model=instead(lambda x: ops.hard_sigmoid(12 * x))),
    Later("enlarged smoothly", LONG, of_network=ENLARGED),
    Later("pixels' median with neighbours", LONG, of_network=learned(first=median)),
    Later("trained with noise", LONG, of_network=learned(noise=0.15)),
    Later("trained on adversarials", LONG, of_network=HARDENED),
    Later("faint stripes", LONG, of_task=partial(stripes, contrast=0.12)),
    Later("classes of 30, 20 and 10", LONG, of_task=partial(stripes, sizes=(3, 2, 1))),
    Later("dark pictures", LONG, of_task=DARK),
    Later("bright pictures, paper", PAPER, of_task=BRIGHT, of_network=NORMED),
    Later("grey pictures", LONG, of_task=partial(stripes, grey=True)),
    Later("batch norms and relu, thorough", LONG, of_network=RELU),
    Later("dropout that is off", of_network=learned(dropout=0.3)),
    Later("average pooling", of_network=learned(features=pooled)),
    Later("dense layers of tanh", of_network=learned(features=dense, epochs=50)),
    Later("channels weighted by a gate", LONG, of_network=learned(gate=True)),
    Later("two blocks, margin, paper", MARGIN, of_network=learned(blocks=2)),
    Later("a tenth of the labels wrong", of_task=mislabelled),
]
LATER = [*MODEL, *ATTACK, *READING, *(replace(case, is_sound=True) for case in CORRECT)]


@cache
def _network(of_network, of_task, seed):
    return of_network(Later("", of_network=of_network, of_task=of_task, seed=seed))


@cache
def _searched(of_network, of_task, true_task, seed):
    """Return the trained network, which is the faithful one, and the smallest radii that longer attacks find on it."""
    model = CompiledModel(_network(of_network, of_task, seed), batch_size=COUNT)
    task = (true_task or of_task)(Later("", seed=seed))
    longer = ({"steps": 100, "seed": 1}, {"steps": 15, "seed": 2, "thorough": True})
    return model, np.min([attack(model, *task, **settings).radii for settings in longer], axis=0)


def truth(case, adversarials=None):
    """Return the smallest radii that are known, of adversarials that longer attacks find, or that are given."""
    model, known = _searched(case.of_network, case.of_task, case.true_task, case.seed)
    images, labels = (case.true_task or case.of_task)(case)
    return known if adversarials is None else np.minimum(known, distances(model, adversarials, images, labels))


def distances(model, adversarials, images, labels):
    """Return how far the adversarials are from their images; infinity, where they are none."""
    fools = predict.predict(model, adversarials) != labels
    return np.where(fools, np.abs(adversarials - images).max(axis=(1, 2, 3)).astype(float), np.inf)


def measure(case):
    """Return what a setting reports, beside the truth: how much too high and low, and whether its model is amiss."""
    images, labels = case.of_task(case)
    with case.context():
        model = CompiledModel(case.model(_network(case.of_network, case.of_task, case.seed)), batch_size=20)
        found = attack(model, images, labels, probabilities=True, **case.settings)
    true, found = truth(case, found.adversarials), case.reading(found)
    reported = [found.radii, distances(model, found.adversarials, images, labels)]
    if "epsilon" in found.table:  # radii are rounded up to the grid, and end at twice its largest epsilon
        by_epsilon = found.table.groupby("epsilon").correct.mean()
        epsilons, accuracies = by_epsilon.index.to_numpy(), [by_epsilon.to_numpy()]
        grid = np.array([*case.settings["epsilons"], 2 * case.settings["epsilons"][-1]])
        rounded = np.where(true > 0, grid[np.searchsorted(grid[:-1], true - 1e-6)], 0)
    else:
        some = true[(true > 0) & np.isfinite(true)]
        epsilons, accuracies = np.geomspace(some.min(), some.max(), 12), []
        grid, rounded = [1.0], true
        reported.append(found.table.radius.to_numpy())
    accuracies += [np.mean(radii[:, None] > epsilons + 1e-6, axis=0) for radii in reported]
    excess = np.array(accuracies) - np.mean(true[:, None] > epsilons + 1e-6, axis=0)
    ratios = []
    for found_radii in reported:
        both = (found_radii > 0) & (rounded > 0)
        logarithms = [np.log(np.minimum(values[both], grid[-1])) for values in (found_radii, rounded)]
        ratios.append(np.exp(np.mean(logarithms[0] - logarithms[1])) if both.any() else 1.0)
    outputs = [predict.predict_logits(model, images) for _ in range(2)]
    return {
        "high": excess.max(),
        "low": -excess.min(),
        "large": max(ratios),
        "small": min(ratios),
        "random": not np.allclose(*outputs, rtol=1e-4, atol=1e-5),
        "probabilities": predict.are_probabilities(outputs[0]),
        "clean": np.mean(outputs[0].argmax(axis=1) == labels),
        "median": np.median(true),
    }


def label(case, measured):
    """Return what a setting is: "fault", "sound" or "neither"."""
    high, large = measured["high"], measured["large"]
    if case.reading is not Case.reading or case.true_task:
        high, large = max(high, measured["low"]), max(large, 1 / measured["small"])
    if measured["random"] or measured["probabilities"] or high > 3.01 / 40 or large > 1.2:
        return "fault"
    return "sound" if high < 1.01 / 40 and large <= 1.05 else "neither"


def show(cases):
    for case in cases:
        if len(sys.argv) > 1 and sys.argv[1] not in case.name:
            continue
        m = measure(case)
        is_right = label(case, m) == ("sound" if case.is_sound else "fault")
        print(
            f"{'ok   ' if is_right else 'WRONG'} {label(case, m):7} {case.name:46} accuracy {COUNT * m['high']:+.0f} "
            f"{-COUNT * m['low']:+.0f} of {COUNT}; radii × {m['large']:.2f} {m['small']:.2f}; clean {m['clean']:.2f}; "
            f"median {m['median']:.3f}{' random' * m['random']}",
            flush=True,
        )


if __name__ == "__main__":
    show(LATER)
