"""Settings held back a fourth time: textures, slopes and dashes, again written without a look at the checks.

Small networks learn which of up to seven textures is shown, which way a picture gets brighter, or where a line of one
pixel's height lies. What a setting is follows from the rule of `later_cases.py`, which was not changed: five meant as
sound are faults (one is there attacked longer, too, and sound), 15 between are left out, with two that learned nothing,
three are on other networks than at first, and nine sound ones that came to lie between were attacked longer, once.

    .venv/bin/python benchmarks/fourth_cases.py

shows what each setting reports beside the truth, and whether its label follows.
"""

from dataclasses import replace
from functools import partial
from unittest import mock

import later_cases as later
import numpy as np
from later_cases import COUNT, Later, differentiating, instead, radii, same, several, show, straight, trained
from planted_cases import Function, after, before, replaced
from planted_cases import wrong_gradient as gradient_of
from third_cases import active, balls, correct, differentiated, foolbox_with, increasing, per_picture

from helpers.attacks import attack as attacks
from helpers.attacks import losses, predict
from helpers.attacks.compiled import CompiledModel
from helpers.backend import keras, tf

PAPER = {"protocol": "paper", "epsilons": (0.01, 0.02, 0.035, 0.06), "steps": 40, "rel_stepsize": 0.075}
layers, ops = keras.layers, keras.ops


def textures(
    case, count=COUNT, *, classes=4, sizes=None, strength=(0.15, 0.3), noise=0.06, frame=0, levels=0, wrong=0.0, moved=0
):
    """Return pictures float32 (count, 14, 14, 3) of checks, lines and dots, and which of them, int64."""
    rng, place = np.random.default_rng([14, case.seed]), np.mgrid[:14, :14]
    labels = rng.permutation(np.resize(np.repeat(np.arange(classes), sizes or [1] * classes), count))
    down, across = place[:, None] + rng.integers(0, 4, (2, count, 1, 1))
    lines, checks = (down // 2 % 2, across // 2 % 2), (down + across) % 2
    dots, aslant = (down % 3 < 1) & (across % 3 < 1), ((down + across) % 4 < 2, (down - across) % 4 < 2)
    drawn = np.stack([checks, *lines, dots, *aslant, lines[0] ^ lines[1]])[labels, np.arange(count)][..., None] - 0.5
    colours, strengths = rng.uniform(0.35, 0.65, (count, 1, 1, 3)), rng.uniform(*strength, (count, 1, 1, 3))
    inside = (np.abs(place - 6.5).max(axis=0) < 7 - frame)[..., None]
    images = colours + inside * (strengths * drawn + rng.normal(0, noise, (count, 14, 14, 3)))
    images = np.round(images * (levels - 1)) / (levels - 1) if levels else images
    if count == COUNT:  # where it is tested
        labels = np.roll((labels + (np.arange(count) < wrong * count)) % classes, moved)
    return np.clip(images, 0, 1).astype(np.float32), labels


def slopes(case, count=COUNT, *, ways=3, gain=1.0, noise=0.08, strength=(0.15, 0.25)):
    """Return pictures float32 (count, 14, 14, 3) that get brighter one way, and which way, int64."""
    rng, (rows, columns) = np.random.default_rng([15, case.seed]), np.mgrid[:14, :14] / 6.5 - 1
    labels = rng.permutation(np.arange(count) % ways)
    angles = (2 * np.pi * labels / ways + rng.uniform(-0.3, 0.3, count))[:, None, None]
    ramps = (rows * np.sin(angles) + columns * np.cos(angles))[..., None] * rng.uniform(*strength, (count, 1, 1, 3))
    images = 0.5 + gain * (rng.uniform(-0.15, 0.15, (count, 1, 1, 3)) + ramps + rng.normal(0, noise, ramps.shape))
    return np.clip(images, 0, 1).astype(np.float32), labels


def dashes(case, count=COUNT, *, places=3):
    """Return plain pictures float32 (count, 14, 14, 3), and in which part of each a line one pixel high is, int64."""
    rng, columns = np.random.default_rng([16, case.seed]), np.arange(14)
    labels = rng.permutation(np.arange(count) % places)
    rows, first = labels * (14 // places) + rng.integers(0, 14 // places, count), rng.integers(0, 6, count)
    is_line = (columns[:, None] == rows[:, None, None]) & (abs(columns - first[:, None, None] - 4) < 4.5)
    images = rng.uniform(0.2, 0.5, (count, 1, 1, 3)) + rng.uniform(0.25, 0.45, (count, 1, 1, 1)) * is_line[..., None]
    return images.astype(np.float32), labels


def conv(x, *, activation="gelu", norm=None, end=layers.Flatten, between=None, dilation=1, inside=None, **more):
    """Return the features of two convolutions."""
    for width in (10, 20):
        strides = 1 if between or dilation > 1 else 2
        x = layers.Conv2D(width, 3, strides=strides, padding="same", dilation_rate=dilation, **more)(x)
        x = active(activation)(norm()(x) if norm else x)
        x = Function(inside)(x) if inside and width == 10 else x
        x = between()(x) if between else x
    return end()(x)


def depthwise(x):
    x = layers.Conv2D(12, 2, strides=2, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu6")(x)
    return layers.GlobalAveragePooling2D()(layers.Conv2D(24, 1, activation="relu6")(x))


def connected(x):
    """Return features of which each layer sees all before."""
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    for _ in range(2):
        new = layers.Conv2D(8, 3, padding="same")(layers.LeakyReLU(negative_slope=0.2)(x))
        x = layers.Concatenate()([x, new])
    return layers.Flatten()(layers.AveragePooling2D(2)(x))


def transformed(x):
    """Return features of patches that attend to one another."""
    x = layers.Reshape((49, 16))(layers.Conv2D(16, 2, strides=2)(x))
    normed = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(normed, normed)])
    x = layers.Add()([x, layers.Dense(16)(layers.Dense(32, "gelu")(layers.LayerNormalization()(x)))])
    return layers.Flatten()(x)


def enlarged(x):
    x = layers.Conv2D(12, 4, strides=2, activation="elu")(x)
    x = layers.Conv2D(8, 3, strides=2, activation="elu")(layers.UpSampling2D(2, interpolation="bilinear")(x))
    return layers.Flatten()(x)


def dense(x):
    return layers.Dense(32, "softplus")(layers.Dense(64, "softplus")(layers.Flatten()(x)))


def per_image(x):
    """Return the pictures stretched so that the smallest pixel of each is 0, and the largest 1."""
    low, high = (end(x, axis=(1, 2, 3), keepdims=True) for end in (ops.min, ops.max))
    return (x - low) / (high - low + 0.01)


def in_doubles(x):
    return ops.cast(ops.log1p(ops.exp(ops.cast(x, "float64"))), "float32")


def smooth(x):
    return ops.average_pool(x, 3, 1, "same")


def palette(x):
    """Return the pictures with the nearest of four values at each pixel."""
    return ops.floor(ops.clip(x, 0, 0.999) * 4) / 4 + 0.125


def purified(x):
    """Return the pictures after three rounds of smoothing and rounding."""
    for _ in range(3):
        x = ops.round(12 * (0.7 * x + 0.3 * smooth(x))) / 12
    return x


def of_noisy_copies(model):
    """Return a model that adds the logits of three noisy copies."""
    inputs = keras.Input(model.input_shape[1:])
    noisy = [Function(lambda x: x + keras.random.normal(ops.shape(x), stddev=0.05))(inputs) for _ in range(3)]
    return keras.Model(inputs, layers.Add()([model(each) for each in noisy]))


def first_predictions():
    """Return a context: a cache of predictions knows an image by its number alone."""
    cache = []
    cached = mock.Mock(side_effect=lambda *given: cache.append(predict.predict(*given)) or cache[0])
    return mock.patch.object(attacks, "predict", cached)


def batches(size):
    """Return a context: models are attacked in batches of another size."""
    init = CompiledModel.__init__
    return lambda: mock.patch.object(CompiledModel, "__init__", lambda *a, **b: init(*a, **b | {"batch_size": size}))


def table(function):
    """Return a reading of an outcome: a function of its table."""
    return lambda found: replace(found, table=function(found.table))


learned = partial(partial, trained, features=conv)
DEFAULT = learned()
Fourth = partial(Later, of_task=textures, of_network=DEFAULT, held_back="held back a fourth time")


ROWS, CHECKS = np.arange(14, dtype=np.float32)[:, None, None], np.indices((14, 14, 1)).sum(axis=0) % 2
EVEN = dict(zip((0, *PAPER["epsilons"]), np.linspace(0, PAPER["epsilons"][-1], 5), strict=True))
CORNERS = foolbox_with(get_random_start=lambda self, x, epsilon: x + epsilon * tf.sign(self._starts))
MOMENTUM, LONG = replaced(MOMENTUM=0.85, SOFTNESS=(0.5, 0.01)), {"steps": 40, "thorough": True}
MARGIN, WIDE = PAPER | {"loss": "margin"}, PAPER | {"epsilons": (0.02, 0.04, 0.07, 0.12)}
SHORTER = MARGIN | {"steps": 100, "rel_stepsize": 0.03}
MANY = MARGIN | {"epsilons": (0.02, 0.05, 0.08, 0.11, 0.14, 0.17, 0.2)}
SMALL, LONG_STEPS = MARGIN | {"epsilons": (0.002, 0.004, 0.008, 0.015)}, MARGIN | {"steps": 20, "rel_stepsize": 0.15}
QUIET, FRAME = {"classes": 2, "strength": (0.04, 0.07), "noise": 0.02}, {"classes": 2, "frame": 4, "levels": 9}
TWO, SEVEN, FAINT, FRAMED = (partial(textures, **more) for more in ({"classes": 2}, {"classes": 7}, QUIET, FRAME))
UP, SATURATED, CONFUSED = partial(slopes, ways=2), partial(slopes, ways=2, gain=4.0), partial(textures, wrong=0.3)
FEW = partial(textures, classes=2, sizes=(7, 1), levels=256)
SWISH, MISH = learned(activation="swish"), learned(activation="mish")
ELU, CONNECTED = learned(activation="elu", norm=later.batch_norm), learned(features=connected)
DROPOUT = learned(norm=layers.LayerNormalization, end=lambda: keras.Sequential([layers.Dropout(0.4), layers.Flatten()]))
HARDENED, DENSE, ATTENTION = learned(epsilon=0.04), learned(features=dense, epochs=30), learned(features=transformed)
PALETTE, PURIFIED = learned(first=straight(palette, same)), learned(first=straight(purified, smooth))
GREY = learned(features=depthwise, first=lambda x: ops.sum(x * np.float32([0.299, 0.587, 0.114]), -1, keepdims=True))
COLOURS, DOUBLES = learned(first=lambda x: x[..., ::-1]), learned(first=lambda x: x**2.2, inside=in_doubles)
SHRUNK = learned(first=partial(ops.image.resize, size=(10, 10)), activation="leaky_relu", between=layers.MaxPooling2D)
CLIPPED = learned(features=enlarged, first=lambda x: ops.clip(x, 0.1, 0.9))
STRETCHED = learned(first=per_image, norm=partial(layers.GroupNormalization, 2))
DILATED, MIXED = learned(dilation=2, end=layers.GlobalMaxPooling2D), learned(dtype="mixed_float16")
PAIR = partial(several, join=lambda logits: sum(logits) / 2, count=2, features=conv)
FROM_ONE = differentiating(lambda right, x, y: right(x, tf.minimum(y + 1, 3)))
SORTED = table(lambda t: t.assign(correct=t.prediction == np.tile(np.sort(t.label[:COUNT]), len(t) // COUNT)))
IN_MEAN = balls(lambda d, e: d * tf.minimum(1.0, e / (3 * tf.reduce_mean(abs(d), (1, 2, 3), keepdims=True) + 1e-9)))
UNCERTAIN = increasing(lambda y, z: -tf.reduce_sum(tf.nn.softmax(z) * tf.nn.log_softmax(z), -1))
TO_NEXT = increasing(lambda y, z: -losses.cross_entropy((y + 1) % 7, z))
CLIPPED_LOSS = increasing(lambda y, z: tf.minimum(losses.cross_entropy(y, z), 0.2))
WITHOUT_0 = increasing(lambda y, z: tf.where(y == 0, 0.0, losses.cross_entropy(y, z)))
IN_HALVES = later.adversarials(lambda a: a.astype(np.float16).astype(np.float32))
MISCOLOURED = instead(straight(lambda x: x[..., ::-1], same))
EVERY_SECOND_ROW = before(lambda x: ops.where(ROWS % 2 == 0, x, ops.stop_gradient(x)))
RANKS = after(lambda z: ops.cast(ops.argsort(ops.argsort(z, axis=-1), axis=-1), "float32"))
COVERED = before(lambda x: ops.where(abs(ROWS - 2 - 9 * per_picture(x)) < 2, 0.5, x))
IN_PAIRS = table(lambda t: t.assign(correct=t.prediction // 2 == t.label // 2))
BY_IMAGE = table(lambda t: t.sort_values(["image", "epsilon"], ignore_index=True))
SPACED = table(lambda t: t.assign(epsilon=t.epsilon.map(EVEN)))

MODEL = [
    Fourth("nearest of four values", of_network=PALETTE, model=instead(palette)),
    Fourth("nearest of four values, paper", PAPER, of_network=PALETTE, model=instead(palette)),
    Fourth("purified in three rounds", of_network=PURIFIED, model=instead(purified)),
    Fourth("gradient of reversed colours, paper", PAPER, of_network=COLOURS, model=MISCOLOURED),
    Fourth("no gradient in every second row", model=EVERY_SECOND_ROW),
    Fourth("ranks of the logits", model=RANKS),
    Fourth("logits to the fifth power, paper", PAPER, model=after(lambda z: z**5)),
    Fourth("gamma at random", model=before(lambda x: x ** (0.8 + 0.4 * per_picture(x)))),
    Fourth("four grey rows at random, paper", PAPER, model=COVERED),
    Fourth("three noisy copies", model=of_noisy_copies),
]
ATTACK = [
    Fourth("down the loss, paper", MARGIN, context=gradient_of(lambda g: -g)),
    Fourth("entropy as loss, paper", PAPER, context=UNCERTAIN),
    Fourth("loss clipped at .2, paper", PAPER, context=CLIPPED_LOSS),
    Fourth("random start only, paper", PAPER | {"rel_stepsize": 1e-6}),
    Fourth("gradient of every second pixel, paper", PAPER, context=gradient_of(lambda g: g * CHECKS)),
    Fourth("gradient below .1 as zero, paper", PAPER, context=gradient_of(lambda g: tf.where(abs(g) < 0.1, 0.0, g))),
    Fourth("gradient smoothed", context=gradient_of(lambda g: tf.nn.avg_pool2d(g, 5, 1, "SAME"))),
    Fourth("weights not loaded while differentiating, paper", PAPER, context=differentiated(keras.models.clone_model)),
    Fourth("class 0 not attacked, paper", PAPER, of_network=GREY, of_task=TWO, seed=5, context=WITHOUT_0),
    Fourth("towards one wrong class, paper", PAPER, of_task=SEVEN, context=TO_NEXT),
    Fourth("labels counted from one, paper", PAPER, context=FROM_ONE),
    Fourth("labels counted from one", context=FROM_ONE),
    Fourth("predictions from a cache, paper", PAPER, context=first_predictions),
    Fourth("ball of mean changes, paper", PAPER, context=IN_MEAN),
    Fourth("three steps, paper", PAPER | {"steps": 3}),
    Fourth("gamma 2.2, doubles inside", of_network=DOUBLES, of_task=TWO, seed=13),
    Fourth("clipped, enlarged inside, cross-entropy, paper", PAPER, of_network=CLIPPED, of_task=TWO, seed=14),
    Fourth("dilated, global maximum", of_network=DILATED, of_task=TWO, seed=15),
    Fourth("dilated, global maximum, paper", MARGIN, of_network=DILATED, of_task=TWO, seed=15),
    Fourth("7 of 8 in one class, 8 bits, cross-entropy, paper", PAPER, of_task=FEW, seed=17),
]
READING = [
    Fourth("wrong images counted as right, paper", PAPER, of_task=CONFUSED, reading=correct(lambda c: c | ~c[:1])),
    Fourth("classes counted in pairs, paper", PAPER, reading=IN_PAIRS),
    Fourth("epsilons taken for even ones, paper", PAPER, reading=SPACED),
    Fourth("sorted labels, paper", PAPER, reading=SORTED),
    Fourth("radii floored to hundredths", reading=radii(lambda r: np.floor(100 * r) / 100)),
    Fourth("largest radius so far", reading=radii(np.maximum.accumulate)),
    Fourth("the more robust half, twice", reading=radii(lambda r: np.repeat(np.sort(r)[COUNT // 2 :], 2))),
    Fourth("adversarials in half floats", reading=IN_HALVES),
    Fourth("adversarials smoothed", reading=later.adversarials(lambda a: smooth(a).numpy())),
    Fourth("labels of neighbours, paper", PAPER, of_task=partial(textures, moved=1), true_task=textures),
]
CORRECT = [
    Fourth("gelu", LONG),
    Fourth("swish", of_network=SWISH, of_task=TWO),
    Fourth("mish, dashes", of_network=MISH, of_task=dashes),
    Fourth("elu, batch norm, slopes, paper", WIDE, of_network=ELU, of_task=slopes),
    Fourth("logits / 50, paper", PAPER, of_task=TWO, model=after(lambda z: z / 50)),
    Fourth("logits × 40, margin, paper", MARGIN, of_task=TWO, model=after(lambda z: 40 * z)),
    Fourth("logits − 9", {"steps": 60, "thorough": True}, of_task=TWO, model=after(lambda z: z - 9)),
    Fourth("batches of 40, other seed", LONG | {"seed": 77}, context=batches(40)),
    Fourth("zero among the epsilons, paper", MARGIN | {"epsilons": (0.0, 0.015, 0.03)}),
    Fourth("longer momentum", {"steps": 60, "thorough": True}, of_task=TWO, context=MOMENTUM),
    Fourth("starts in the corners, paper", MARGIN, of_task=TWO, context=CORNERS),
    Fourth("gradient × 1,000, paper", MARGIN, of_task=TWO, context=gradient_of(lambda g: 1000 * g)),
    Fourth("radii in float32", of_network=ATTENTION, of_task=UP, seed=1, reading=radii(np.float32)),
    Fourth("radii to four decimals", of_task=SATURATED, seed=3, reading=radii(lambda r: np.round(r, 4))),
    Fourth("attention of patches", of_network=ATTENTION, of_task=UP, seed=1),
    Fourth("attention of patches, paper", MARGIN, of_network=ATTENTION, of_task=UP, seed=1),
    Fourth("trained on adversarials", of_network=HARDENED, of_task=TWO, seed=2),
    Fourth("trained on adversarials, paper", WIDE, of_network=HARDENED, of_task=TWO, seed=2),
    Fourth("areas at 0 and 1", of_task=SATURATED, seed=3),
    Fourth("areas at 0 and 1, paper", WIDE, of_task=SATURATED, seed=3),
    Fourth("fragile", of_task=FAINT, seed=4),
    Fourth("fragile, paper", SMALL, of_task=FAINT, seed=4),
    Fourth("depthwise, grey inside", LONG, of_network=GREY, of_task=TWO, seed=5),
    Fourth("mixed precision", of_network=MIXED, of_task=TWO, seed=6),
    Fourth("leaky relu, shrunk inside", of_network=SHRUNK, of_task=UP, seed=7),
    Fourth("leaky relu, shrunk inside, paper", MARGIN, of_network=SHRUNK, of_task=UP, seed=7),
    Fourth("softplus, dense", of_network=DENSE, of_task=UP, seed=8),
    Fourth("softplus, dense, paper", WIDE, of_network=DENSE, of_task=UP, seed=8),
    Fourth("layer norm, dropout off", of_network=DROPOUT, of_task=TWO, seed=9),
    Fourth("densely connected", of_network=CONNECTED, of_task=UP, seed=10),
    Fourth("densely connected, paper", PAPER, of_network=CONNECTED, of_task=UP, seed=10),
    Fourth("constant frame, nine levels", LONG, of_task=FRAMED, seed=11),
    Fourth("stretched, group norm", of_network=STRETCHED, of_task=TWO, seed=12),
    Fourth("gamma 2.2, doubles inside, longer", LONG, of_network=DOUBLES, of_task=TWO, seed=13),
    Fourth("clipped, enlarged inside", LONG, of_network=CLIPPED, of_task=TWO, seed=14),
    Fourth("two networks", LONG, of_network=PAIR, of_task=UP, seed=16),
    Fourth("two networks, paper", MARGIN, of_network=PAIR, of_task=UP, seed=16),
    Fourth("7 of 8 in one class, 8 bits", LONG, of_task=FEW, seed=17),
    Fourth("three in ten wrong", of_task=CONFUSED),
    Fourth("seven classes", of_task=SEVEN),
    Fourth("seven classes, paper", MARGIN, of_task=SEVEN),
    Fourth("batches of 7, paper", MARGIN, of_network=ATTENTION, of_task=UP, seed=1, context=batches(7)),
    Fourth("20 long steps, paper", LONG_STEPS, of_network=ATTENTION, of_task=UP, seed=1),
    Fourth("rows by image, paper", WIDE, of_network=DENSE, of_task=UP, seed=8, reading=BY_IMAGE),
    Fourth("100 short steps, paper", SHORTER, of_network=SHRUNK, of_task=UP, seed=7),
    Fourth("seven epsilons, paper", MANY, of_network=DENSE, of_task=UP, seed=8),
    Fourth("logits / 9 + 4, paper", WIDE, of_network=DENSE, of_task=UP, seed=8, model=after(lambda z: z / 9 + 4)),
]
FOURTH = [*MODEL, *ATTACK, *READING, *(replace(case, is_sound=True) for case in CORRECT)]

if __name__ == "__main__":
    show(FOURTH)
