"""Settings held back a sixth time: letters, charts and moles, written without a look at the checks.

Small networks learn which letter is on a picture, which bar of a chart is the tallest, or whether a mole is round,
oblong or double. What a setting is follows from the rule of `later_cases.py`, which was not changed.

    .venv/bin/python benchmarks/sixth_cases.py

shows what each setting reports beside the truth, and whether its label follows.
"""

from dataclasses import dataclass, replace
from functools import partial

import later_cases as later
import numpy as np
from fifth_cases import PAPER
from fourth_cases import batches, table
from later_cases import COUNT, STEP, Later, differentiating, instead, radii, same, several, show, straight, trained
from planted_cases import PROJECT, after, before, replaced
from planted_cases import wrong_gradient as gradient_of
from third_cases import balls, correct, differentiated, foolbox_with, increasing, per_picture

from helpers.attacks import losses
from helpers.backend import keras, tf

layers, ops = keras.layers, keras.ops
L_T_X = ("1000010000100001000011111", "1111100100001000010000100", "1000101010001000101010001")
O_H_Z = ("0111010001100011000101110", "1000110001111111000110001", "1111100010001000100011111")
GLYPHS = np.array([list(map(int, glyph)) for glyph in (*L_T_X, *O_H_Z)]).reshape(-1, 5, 5)


def finished(case, count, images, labels, rng, *, noise=0.06, wrong=0.0, distinct=0, order=same):
    """Return pictures with noise, float32, and labels, int64; some of them wrong, or in another order, where tested."""
    images = np.clip(images + rng.normal(0, noise, images.shape), 0, 1).astype(np.float32)
    if count > COUNT and distinct:  # where it is learned, from few pictures
        images, labels = images[np.arange(count) % distinct], labels[np.arange(count) % distinct]
    if count == COUNT:
        others = (labels + 1) % (labels.max() + 1)
        labels = order(np.where(np.arange(len(labels)) < wrong * len(labels), others, labels))
    return images, labels


def letters(case, count=COUNT, *, glyphs=4, sizes=None, ink=(0.25, 0.45), tested=COUNT, **more):
    """Return pictures (count, 9, 9, 3) of a letter in dark ink anywhere on light paper, and which."""
    rng, size = np.random.default_rng([9, case.seed]), tested if count == COUNT else count
    labels = rng.permutation(np.resize(np.repeat(np.arange(glyphs), sizes or [1] * glyphs), size))
    drawn = np.zeros((size, 9, 9, 1))
    for page, glyph, row, column in zip(drawn, GLYPHS[labels], *rng.integers(0, 5, (2, size)), strict=True):
        page[row : row + 5, column : column + 5, 0] = glyph
    images = rng.uniform(0.5, 0.9, (size, 1, 1, 3)) - rng.uniform(*ink, (size, 1, 1, 1)) * drawn
    return finished(case, count, images, labels, rng, **more)


def charts(case, count=COUNT, *, bars=3, lead=2, strength=(0.2, 0.4), tested=COUNT, **more):
    """Return pictures (count, 12, 12, 3) of a chart of bars, and which is the tallest."""
    rng, size = np.random.default_rng([12, case.seed]), tested if count == COUNT else count
    labels, heights = rng.permutation(np.arange(size) % bars), rng.integers(1, 6, (size, bars))
    heights[np.arange(size), labels] = heights.max(axis=1) + lead
    drawn = np.arange(12)[::-1, None] < heights.repeat(12 // bars, axis=1)[:, None]
    images = rng.uniform(0.2, 0.5, (size, 1, 1, 3)) + rng.uniform(*strength, (size, 1, 1, 3)) * drawn[..., None]
    return finished(case, count, images, labels, rng, **more)


def moles(case, count=COUNT, *, kinds=2, strength=(0.2, 0.4), tested=COUNT, **more):
    """Return pictures (count, 12, 12, 3) of a mole on skin: round, oblong, or double."""
    rng, size = np.random.default_rng([13, case.seed]), tested if count == COUNT else count
    labels, angles = rng.permutation(np.arange(size) % kinds), rng.uniform(0, np.pi, (size, 1, 1))
    rows, columns = np.mgrid[:12, :12][:, None] - 5.5 + rng.uniform(-0.8, 0.8, (2, size, 1, 1))
    along, aside = (columns * np.cos(angles + turn) + rows * np.sin(angles + turn) for turn in (0, np.pi / 2))
    oblong, double = np.hypot(along / 5, aside / 1.8) < 1, np.hypot(abs(along) - 3, aside) < 2
    mole = np.stack([np.hypot(along, aside) < 3, oblong, double])
    skin = rng.uniform(0.7, 0.95, (size, 1, 1, 1)) * [1, 0.8, 0.7]
    images = skin - rng.uniform(*strength, (size, 1, 1, 3)) * mole[labels, np.arange(size)][..., None]
    return finished(case, count, images, labels, rng, **more)


def fires(x):
    for width, strides in ((6, 1), (10, 2)):
        x = layers.Conv2D(width, 1, activation="relu")(x)
        x = layers.Concatenate()([layers.Conv2D(width, k, strides, "same", activation="relu")(x) for k in (1, 3)])
    return layers.Flatten()(x)


def wide_kernels(x):
    x = layers.Conv2D(20, 2, strides=2)(x)
    y = layers.LayerNormalization()(layers.DepthwiseConv2D(5, padding="same")(x))
    return layers.Flatten()(x + layers.Dense(20)(layers.Dense(40, "gelu")(y)))


def repeated(x):
    x, same_weights = layers.Conv2D(12, 3, strides=2)(x), layers.Conv2D(12, 3, padding="same", activation="selu")
    for _ in range(3):
        x = x + same_weights(x)
    return layers.Flatten()(x)


def products(x):
    x = layers.Conv2D(16, 3, activation="softplus")(layers.Conv2D(10, 3, activation="softplus")(x))
    x = layers.Reshape((-1, 16))(x)
    return layers.Flatten()(layers.Dot(axes=1)([x, x])) / x.shape[1]


def highway(x):
    x = layers.Dense(40)(layers.Flatten()(x))
    for _ in range(2):
        gate = layers.Dense(40, "sigmoid")(x)
        x = gate * layers.Dense(40, "softsign")(x) + (1 - gate) * x
    return x


def pruned(model):
    """Return a copy of a model without the smaller three quarters of its weights."""
    copy = keras.models.clone_model(model)
    copy.set_weights([w * (abs(w) >= np.quantile(abs(w), 0.75)) for w in model.get_weights()])
    return copy


def until_loss_rests(self, loss, x):
    """Return the gradient of Foolbox's attack, or zeros once a step has not raised the loss of the batch by a fifth."""
    total, gradient = STEP(self, loss, x)
    self.rests = getattr(self, "rests", False) or bool(total.raw < 1.2 * getattr(self, "total", 0.0))
    self.total = total.raw
    return total, gradient * (1 - self.rests)


@dataclass(frozen=True)
class Sixth(Later):
    """A setting with one of these tasks and a network that learns it."""

    held_back: str = "held back a sixth time"


def on(of_network, of_task, seed):
    return partial(Sixth, of_network=of_network, of_task=of_task, seed=seed)


def grid(*epsilons, **more):
    return PAPER | {"epsilons": epsilons} | more


relu, learned = partial(layers.Conv2D, activation="relu"), partial(partial, trained, features=fires)
HARD_INK, SOFT_INK = (lambda x: ops.cast(x > 0.5, "float32")), (lambda x: ops.sigmoid(12 * (x - 0.5)))
DEFAULT, BINARY, CONFIDENT = learned(), learned(first=straight(HARD_INK, SOFT_INK)), learned(epochs=70)
BYTES, HARDENED = learned(first=lambda x: 255 * x - 127), learned(epsilon=0.05)
KERNELS, REPEATED, PRODUCTS, HIGHWAY = (learned(features=each) for each in (wide_kernels, repeated, products, highway))
COLUMNS = learned(features=lambda x: layers.Flatten()(relu(12, (1, 3))(relu(16, (x.shape[1], 1))(x))))
WAVES = learned(features=lambda x: layers.Flatten()(ops.sin(layers.Conv2D(16, 3, strides=2)(x))))
MEDIAN = partial(several, join=lambda logits: ops.sort(ops.stack(logits), axis=0)[1], **COLUMNS.keywords)
SIX, TWO, FEW = partial(letters, glyphs=6), partial(letters, glyphs=2), partial(letters, glyphs=2, tested=16)
RARE, OVERFIT = partial(letters, glyphs=3, sizes=(8, 1, 1)), partial(letters, glyphs=3, distinct=24)
FAINT, BOLD = partial(letters, glyphs=2, ink=(0.06, 0.1), noise=0.02), partial(letters, glyphs=2, ink=(0.45, 0.5))
FOUR_BARS, PAIR = partial(charts, bars=4), partial(charts, bars=2, wrong=0.15)
FLAT, SIX_BARS = partial(charts, noise=0.01), partial(charts, bars=6, lead=3, strength=(0.3, 0.5))
KINDS, MANY, THREE = partial(moles, kinds=3), partial(moles, tested=60), partial(several, join=sum, features=fires)
ROW_MISSING = partial(letters, order=lambda y: np.r_[y[:10], np.roll(y[10:], 1)])
ALPHABETICAL = partial(letters, glyphs=6, order=lambda labels: np.array([1, 4, 5, 2, 0, 3])[labels])
ENDS = partial(tf.reduce_min, axis=(1, 2, 3), keepdims=True), partial(tf.reduce_max, axis=(1, 2, 3), keepdims=True)
IN_RANGE = replaced(project=lambda m, x, e: tf.clip_by_value(PROJECT(m, x, e), *(end(x) for end in ENDS)))
RATIO = increasing(lambda y, z: losses.logits_ratio(y, z) if z.shape[-1] > 2 else losses.margin(y, z))
SMOOTHED = balls(lambda d, e: tf.nn.avg_pool2d(tf.clip_by_value(d, -e, e), 3, 1, "SAME"))
BOOLEAN = foolbox_with(normalize=lambda self, g, *, x, bounds: type(g)(tf.cast(g.raw > 0, tf.float32)))
THOROUGH, USUAL, WIDE = {"steps": 40, "thorough": True}, grid(0.015, 0.03, 0.05, 0.08), grid(0.03, 0.07, 0.11, 0.16)
MARGIN, MANY_STEPS = USUAL | {"loss": "margin"}, USUAL | {"steps": 120, "rel_stepsize": 0.03}
LONG, FINE, SINGLE = MARGIN | MANY_STEPS, grid(0.003, 0.007, 0.012, 0.02), grid(0.04, loss="margin")
BYTE_GRID, TEN = grid(*(n / 255 for n in (1, 3, 6, 12, 24))), grid(*np.linspace(0.01, 0.1, 10).round(2))
A, B, C, TALLEST = on(DEFAULT, letters, 0), on(KERNELS, SIX, 1), on(REPEATED, TWO, 2), on(COLUMNS, SIX_BARS, 7)
MOLES, CHARTS, BARS = on(PRODUCTS, moles, 3), on(COLUMNS, charts, 5), on(HIGHWAY, FOUR_BARS, 6)
SURE, POOR, PLAIN = on(CONFIDENT, TWO, 8), on(partial(COLUMNS, epochs=2), charts, 10), on(HIGHWAY, FLAT, 18)
DOUBLE, SUM, BITS = on(KERNELS, KINDS, 19), on(THREE, TWO, 20), on(BINARY, TWO, 21)
NETWORKS = [  # name, network, settings of protocol minimal and of protocol paper; None: neither sound nor a fault
    ("four letters", A, {}, None),
    ("six letters, wide kernels", B, {}, LONG | {"epsilons": (0.003, 0.006, 0.01, 0.015)}),
    ("one convolution three times", C, {}, USUAL),
    ("products of channels", MOLES, THOROUGH, USUAL),
    ("whole columns", CHARTS, {}, USUAL),
    ("highways", BARS, {}, None),
    ("six bars", TALLEST, {}, None),
    ("two letters, 70 epochs", SURE, {}, LONG),
    ("two letters, trained on adversarials", on(HARDENED, TWO, 9), {}, WIDE | {"loss": "margin"}),
    ("two epochs", POOR, {}, None),
    ("median of three networks", on(MEDIAN, PAIR, 11), {}, BYTE_GRID),
    ("eight of ten of one letter", on(DEFAULT, RARE, 12), {}, MARGIN),
    ("learned from 24 pictures", on(DEFAULT, OVERFIT, 13), {}, USUAL),
    ("pale ink", on(DEFAULT, FAINT, 14), {}, FINE),
    ("bold ink, trained on adversarials", on(HARDENED, BOLD, 15), THOROUGH, None),
    ("16 pictures, sines", on(WAVES, FEW, 16), THOROUGH, LONG),
    ("60 pictures, pixels in -127 to 128", on(BYTES, MANY, 17), {}, MARGIN),
    ("three kinds of moles", DOUBLE, {}, MANY_STEPS),
]
MODEL = [
    A("pixels in uint8", model=before(lambda x: ops.cast(ops.cast(255 * x, "uint8"), "float32") / 255)),
    MOLES("mirrored at random", model=before(lambda x: ops.where(per_picture(x) < 0.5, x, x[:, :, ::-1]))),
    C("brightness augmented, paper", USUAL, model=before(lambda x: ops.clip(x * (0.8 + 0.4 * per_picture(x)), 0, 1))),
    CHARTS("probabilities to three decimals", model=after(lambda z: ops.round(1e3 * ops.softmax(z)) / 1e3)),
    SUM("one of three networks", model=instead(lambda z: z[0] + ops.stop_gradient(z[1] + z[2]))),
    BITS("ink or paper", model=instead(HARD_INK)),
    BARS("pixels divided by 255 twice, paper", USUAL, model=before(lambda x: x / 255)),
    DOUBLE("decisions, paper", MARGIN, model=after(lambda z: 10 * ops.one_hot(ops.argmax(z, -1), z.shape[-1]))),
    A("as Keras clips, paper", USUAL, model=after(lambda z: ops.log(ops.clip(ops.softmax(6 * z), 1e-7, 1 - 1e-7)))),
]
ATTACK = [
    CHARTS("channels first", context=gradient_of(lambda g: tf.reshape(tf.transpose(g, (0, 3, 1, 2)), tf.shape(g)))),
    C("only ink is changed", context=replaced(project=lambda m, x, e: tf.where(x < 0.45, PROJECT(m, x, e), x))),
    PLAIN("clipped to the picture's range", context=IN_RANGE),
    B("a quarter of the weights while differentiating", context=differentiated(pruned)),
    A("gradient mirrored", context=gradient_of(lambda g: g[:, :, ::-1])),
    B("one step, any radius is enough", {"steps": 1, "enough": 1.0}),
    BARS("labels backwards, paper", USUAL, context=differentiating(lambda right, x, y: right(x, y[::-1]))),
    TALLEST("ended when the loss rests, paper", USUAL, context=foolbox_with(value_and_grad=until_loss_rests)),
    A("perturbations smoothed after each step, paper", MARGIN, context=SMOOTHED),
    MOLES("signs as booleans, paper", MARGIN, context=BOOLEAN),
    B("four steps of a tenth, paper", FINE | {"steps": 4, "rel_stepsize": 0.1}),
]
READING = [
    B("radii to hundredths", reading=radii(lambda r: np.round(r, 2))),
    MOLES("radii halved for pixels in -1 to 1", reading=radii(lambda r: r / 2)),
    BARS(
        "the last eight adversarials are black",
        reading=later.adversarials(lambda a: np.concatenate([a[:32], 0 * a[32:]])),
    ),
    CHARTS("one buffer for two batches", reading=later.adversarials(lambda a: np.concatenate([a[20:], a[20:]]))),
    A("labels in the order of folders", of_task=partial(letters, order=np.sort), true_task=letters),
    A("a row of the labels missing, paper", MARGIN, of_task=ROW_MISSING, true_task=letters),
    B("classes by the alphabet, paper", FINE, of_task=ALPHABETICAL, true_task=SIX),
    CHARTS("last ε holds the first, paper", USUAL, reading=correct(lambda c: np.concatenate([c[:-1], c[1:2]]))),
    C("second batch not filled in, paper", USUAL, reading=correct(lambda c: np.where(np.arange(COUNT) < 20, c, c[:1]))),
    TALLEST("neighbours, paper", USUAL, reading=table(lambda t: t.assign(correct=abs(t.prediction - t.label) < 2))),
]
CORRECT = [
    *(network(name, settings) for name, network, settings, _ in NETWORKS),
    *(network(f"{name}, paper", settings) for name, network, _, settings in NETWORKS if settings),
    PLAIN("flat charts"),
    SUM("three networks"),
    BITS("ink or paper, gradient straight through", THOROUGH),
    TALLEST("logits capped at 30", model=after(lambda z: 30 * ops.tanh(z / 30))),
    C("logits × .003 + 1", model=after(lambda z: 0.003 * z + 1)),
    CHARTS("batches of 13, seed 123", {"seed": 123}, context=batches(13)),
    MOLES("radii in half floats", reading=radii(lambda r: r.astype(np.float16))),
    PLAIN("flat charts, ten ε, paper", TEN),
    SUM("three networks, one ε, paper", SINGLE),
    TALLEST("ratio of logits as loss, paper", USUAL, context=RATIO),
    TALLEST("radii sorted", reading=radii(np.sort)),  # meant as a fault; by the rule, accuracies are right
]
SIXTH = [*MODEL, *ATTACK, *READING, *(replace(case, is_sound=True) for case in CORRECT)]

if __name__ == "__main__":
    show(SIXTH)
