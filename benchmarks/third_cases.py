"""Settings held back a third time: other pictures, networks and mistakes, again written without a look at the checks.

Small networks learn which of up to seven shapes is drawn on a 16×16 picture, or how many blobs are on it. The faults
are those of published defences that were broken, of attacks that had to be corrected, and of tables read wrongly. What
a setting is follows from the rule of `later_cases.py`, which was not changed: six that were meant otherwise have the
label that was measured, eleven are left out, and five sound ones that came to lie between were attacked longer, once.

    .venv/bin/python benchmarks/third_cases.py

shows what each setting reports beside the truth, and whether its label follows.
"""

import contextlib
from dataclasses import replace
from functools import partial
from unittest import mock

import later_cases as later
import numpy as np
from later_cases import COUNT, Later, differentiating, instead, radii, same, several, show, straight, trained, truth
from planted_cases import PROJECT, SEARCH, Function, after, before, replaced, with_radii
from planted_cases import wrong_gradient as gradient_of

from helpers.attacks import compiled, losses, pgd, predict
from helpers.attacks import radii as searches
from helpers.backend import keras, tf

PAPER = {"protocol": "paper", "epsilons": (0.012, 0.02, 0.03, 0.042), "steps": 40, "rel_stepsize": 0.075}
layers, ops = keras.layers, keras.ops


def shapes(
    case, count=COUNT, *, classes=4, sizes=None, strength=(0.15, 0.3), brightness=(0.2, 0.5), noise=0.06, grey=False
):
    """Return pictures float32 (count, 16, 16, 3) of outlines, a disc and bars, and which of them, int64."""
    rng, (rows, columns) = np.random.default_rng([16, case.seed]), np.mgrid[:16, :16]
    labels = rng.permutation(np.resize(np.repeat(np.arange(classes), sizes or [1] * classes), count))
    centres, scales = rng.uniform(6.5, 8.5, (2, count, 1, 1)), rng.uniform(4.5, 6, (count, 1, 1))
    down, across = abs(rows - centres[0]) / scales, abs(columns - centres[1]) / scales
    largest, length = np.maximum(down, across), np.hypot(down, across)
    ring, square = abs(length - 0.8) < 0.2, abs(largest - 0.8) < 0.2
    plus, cross = (np.minimum(down, across) < 0.2) & (largest < 1), (abs(down - across) < 0.25) & (largest < 1)
    bars = (down < 0.25) & (largest < 1), (across < 0.25) & (largest < 1)
    drawn = np.stack([ring, square, plus, cross, length < 0.8, *bars])[labels, np.arange(count)][..., None]
    colours, strengths = rng.uniform(*brightness, (count, 1, 1, 3)), rng.uniform(*strength, (count, 1, 1, 3))
    images = colours + strengths * drawn + rng.normal(0, noise, (count, 16, 16, 3))
    images = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1) if grey else images
    return np.clip(images, 0, 1).astype(np.float32), labels


def blobs(case, count=COUNT, *, most=4, strength=(0.3, 0.45)):
    """Return pictures float32 (count, 16, 16, 3) of up to so many blobs, and how many there are but one, int64."""
    rng = np.random.default_rng([17, case.seed])
    labels = rng.permutation(np.arange(count) % most)
    cells = rng.permuted(np.tile(np.arange(16), (count, 1)), axis=1).reshape(count, 4, 4) <= labels[:, None, None]
    blob = np.outer([0.3, 1, 1, 0.3], [0.3, 1, 1, 0.3])[None]
    colours, strengths = rng.uniform(0.2, 0.4, (count, 1, 1, 3)), rng.uniform(*strength, (count, 1, 1, 1))
    images = colours + strengths * np.kron(cells, blob)[..., None] + rng.normal(0, 0.03, (count, 16, 16, 3))
    return np.clip(images, 0, 1).astype(np.float32), labels


def guessed(case, count=COUNT):
    """Return the task with labels of which a fifth is drawn by lot, where it is learned and where it is tested."""
    images, labels = shapes(case, count)
    rng = np.random.default_rng([18, case.seed])
    return images, np.where(rng.uniform(size=count) < 0.2, rng.integers(0, 4, count), labels)


SEVEN, TWO = partial(shapes, classes=7), partial(shapes, classes=2)


def exchanged(case, count=COUNT):
    """Return the task of seven classes with two of them exchanged where it is tested."""
    images, labels = SEVEN(case, count)
    return images, np.where((count == COUNT) & (labels < 2), 1 - labels, labels)


def active(activation):
    return layers.Activation(activation) if isinstance(activation, str) else Function(activation)


def plain(x, *, width=8, norm=None, activation="relu", inside=None, pool=False, last=None):
    """Return the features of three convolutions."""
    for number in range(3):
        strides = 2 if number and not pool else 1
        x = layers.Conv2D(width * min(number + 1, 2), 3, strides=strides, padding="same")(x)
        x = active(activation)(norm()(x) if norm else x)
        x = Function(inside)(x) if inside and not number else x
        x = layers.MaxPooling2D()(x) if pool else x
    x = layers.Flatten()(x)
    return Function(last)(layers.Dense(8)(x)) if last else x


def separable(x):
    for width in (12, 24, 24):
        x = layers.SeparableConv2D(width, 5, strides=2, padding="same", activation="elu")(x)
    return layers.Flatten()(x)


def over_places(x):
    return ops.softmax(ops.reshape(x, (-1, 64, 4)), axis=1)


def attended(x):
    """Return features that are averaged by four maps of attention."""
    x = layers.Conv2D(24, 3, padding="same", activation="relu")(layers.Conv2D(16, 4, 2, "same", activation="relu")(x))
    weights = Function(over_places)(layers.Conv2D(4, 1)(x))
    return layers.Flatten()(layers.Dot(axes=1)([weights, layers.Reshape((64, 24))(x)]))


def mixer(x):
    """Return the features of patches that are mixed across places, then across channels."""
    x = layers.Reshape((16, 24))(layers.Conv2D(24, 4, strides=4)(x))
    across = layers.Dense(16)(layers.Dense(32, "gelu")(layers.Permute((2, 1))(layers.LayerNormalization()(x))))
    x = layers.Add()([x, layers.Permute((2, 1))(across)])
    x = layers.Add()([x, layers.Dense(24)(layers.Dense(48, "gelu")(layers.LayerNormalization()(x)))])
    return layers.Flatten()(x)


def branched(x):
    """Return features of two branches; there is a place for a function behind the second."""
    return layers.Concatenate()([plain(x, width=4), Function(same)(plain(x, width=6, activation="elu"))])


class Prototypes(layers.Layer):
    """Logits that are negative squared distances from a vector of each class."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def build(self, shape):
        self.vectors = self.add_weight(shape=(shape[-1], self.classes))

    def call(self, x):
        return -ops.sum((x[..., None] - self.vectors) ** 2, axis=1)


def learned(features=plain, **settings):
    return partial(trained, features=features, **settings)


DEFAULT = learned()
Third = partial(Later, of_task=shapes, of_network=DEFAULT, held_back="held back a third time")


def mirrored(case):
    """Return a network that adds the logits of the picture and of its mirror image."""
    model, inputs = trained(case, plain), keras.Input((16, 16, 3))
    return keras.Model(inputs, layers.Add()([model(inputs), model(inputs[:, :, ::-1])]))


def standardised(x):
    """Return the pictures with their mean and deviation removed."""
    mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    return (x - mean) / (ops.std(x, axis=(1, 2, 3), keepdims=True) + 0.05)


def steep(factor):
    return lambda x: ops.sigmoid(factor * (x - 0.45))


def cleaned(x, gradient=same):
    """Return the pictures with the median of a pixel's neighbourhood in place of the pixel, if it is near to that."""
    return ops.where(ops.abs(x - later.median(x)) < 0.12, gradient(later.median(x)), x)


def per_picture(x):
    """Return a random number for each of the pictures, or of their logits."""
    return keras.random.uniform((ops.shape(x)[0], *[1] * (len(x.shape) - 1)))


def resized(x):
    """Return the pictures, half of them at random made smaller and enlarged again."""
    return ops.where(per_picture(x) < 0.5, x, ops.image.resize(ops.image.resize(x, (13, 13)), (16, 16)))


def pruned(x):
    """Return activations of which small ones are dropped at random, and the others enlarged accordingly."""
    chance = ops.clip(x / (ops.mean(x, axis=(1, 2, 3), keepdims=True) + 1e-6), 1e-3, 1)
    return ops.where(keras.random.uniform(ops.shape(x)) < chance, x / chance, 0.0)


def mean_probabilities(logits):
    return sum(ops.softmax(each) for each in logits) / len(logits)


def foolbox_with(**methods):
    """Return a context in which Foolbox's attack has other methods."""
    return lambda: mock.patch.multiple(pgd.CompiledLinfPGD, **methods)


def balls(function):
    """Return a context: Foolbox's attack projects perturbations by a function of them and epsilon."""

    def project(self, moved, originals, epsilon):
        return originals + type(originals)(function((moved - originals).raw, epsilon))

    return foolbox_with(project=project)


def in_deviations(added, epsilon):
    limits = epsilon * tf.constant([0.6, 0.75, 0.9])
    return tf.clip_by_value(added, -limits, limits)


def divided_by_largest(self, gradients, *, x, bounds):
    sizes = tf.reduce_max(tf.abs(gradients.raw), axis=(1, 2, 3), keepdims=True)
    return type(gradients)(gradients.raw / (sizes + 1e-30))


RUN = pgd.CompiledLinfPGD.run


def run_in_fixed_steps(self, *args, **settings):
    self.abs_stepsize = 0.002
    return RUN(self, *args, **settings)


def run_with_late_start(self, model, images, criterion, *, epsilon):
    """Attack from the images, and add the random start at the end."""
    starts, self._starts = self._starts, np.zeros_like(self._starts)
    return PROJECT(RUN(self, model, images, criterion, epsilon=epsilon) + starts * epsilon, images, epsilon)


def differentiated(function):
    """Return a context: the attack differentiates another network, a function of the attacked one."""
    return lambda: mock.patch.object(compiled, "fold_batch_norms", function)


def first_member(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def increasing(function):
    """Return a context: the attack increases another loss in place of the cross-entropy."""
    return lambda: mock.patch.dict(losses.LOSS_FUNCTIONS, {"cross_entropy": function})


def stopped_above(share):
    """Return a context: the attack on a batch ends when more than a share of its images is fooled."""

    def stopped(right, pixels, labels):
        found, gradient, logits = right(pixels, labels)
        fooled = tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) != labels, tf.float32))
        return found, gradient * tf.cast(fooled <= share, tf.float32), logits

    return differentiating(stopped)


def of_largest_loss(right, pixels, labels):
    found, gradient, logits = right(pixels, labels)
    return found, gradient * tf.one_hot(tf.argmax(found), len(gradient))[:, None, None, None], logits


def estimated(right, pixels, labels):
    """Return a gradient that is estimated from differences along four random directions."""
    found, gradient, logits = right(pixels, labels)
    total = tf.zeros_like(gradient)
    for _ in range(4):
        way = tf.sign(tf.random.normal(gradient.shape))
        difference = right(pixels + 0.01 * way, labels)[0] - right(pixels - 0.01 * way, labels)[0]
        total += difference[:, None, None, None] * way
    return found, total, logits


@contextlib.contextmanager
def summed():
    """Follow the sum of the gradients so far, also of those of the batches before."""
    kept = {}

    def sum_of(right, pixels, labels):
        found, gradient, logits = right(pixels, labels)
        shape, size = tuple(gradient.shape), tf.reduce_sum(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
        kept[shape] = kept.get(shape, 0.0) + gradient / (size + 1e-30)
        return found, kept[shape], logits

    with differentiating(sum_of)():
        yield


def in_half_floats(x):
    return ops.cast(ops.cast(x, "float16"), "float32")


def in_8_bits(gradient):
    """Return a gradient rounded to 255 levels, up to the largest value of the batch."""
    step = tf.reduce_max(tf.abs(gradient)) / 127 + 1e-30
    return tf.round(gradient / step) * step


def strongest(gradient):
    """Return the largest tenth of the gradient's values."""
    sizes = tf.sort(tf.reshape(tf.abs(gradient), (len(gradient), -1)), axis=1)
    return tf.where(tf.abs(gradient) >= sizes[:, -77][:, None, None, None], gradient, 0.0)


def central(gradient):
    """Return the gradient of the 10×10 pixels in the middle."""
    return tf.pad(gradient[:, 3:13, 3:13], [(0, 0), (3, 3), (3, 3), (0, 0)])


def zero_where_not_finite(gradient):
    is_finite = tf.reduce_all(tf.math.is_finite(gradient), axis=(1, 2, 3), keepdims=True)
    return tf.where(is_finite, gradient, 0.0)


def to_least_likely(model, images, labels, **settings):
    return SEARCH(model, images, labels, **settings | {"targets": predict.predict_logits(model, images).argmin(axis=1)})


KEEP = searches.RadiusSearch._keep


def only_the_first():
    """Return a context in which no nearer adversarial replaces the first one."""

    def keep(self, rows, found, is_candidate):
        return KEEP(self, rows, found, is_candidate & np.isinf(self.radii[rows]))

    return mock.patch.object(searches.RadiusSearch, "_keep", keep)


def rough_as_robust(found):
    """Return an outcome in which images with rough adversarials count as robust, as these would be detected."""
    roughness = np.abs(np.diff(found.adversarials, axis=2)).mean(axis=(1, 2, 3))
    is_rough = (found.radii > 0) & (roughness > np.quantile(roughness, 0.7))
    return with_radii(found, np.where(is_rough, np.inf, found.radii))


def of_its_class(found):
    """Return an outcome in which each image has the mean radius of its class."""
    return with_radii(found, found.table.groupby("label").radius.transform("mean").to_numpy())


def correct(function):
    """Return a reading of an outcome: a function of which predictions are correct, bool (epsilons, images)."""

    def read(found):
        changed = function(found.table.correct.to_numpy().reshape(-1, COUNT))
        return replace(found, table=found.table.assign(correct=changed.ravel()))

    return read


def agreement_with_previous(found):
    """Return an outcome in which a prediction is correct if it is that of the epsilon before."""
    predictions = found.table.prediction.to_numpy().reshape(-1, COUNT)
    return correct(lambda right: np.concatenate([right[:1], predictions[1:] == predictions[:-1]]))(found)


def under_other_epsilons(found):
    """Return an outcome whose table names the epsilons of another run."""
    names = dict(zip((0, *PAPER["epsilons"]), (0, *PAPER["epsilons"][1:], 0.06), strict=True))
    return replace(found, table=found.table.assign(epsilon=found.table.epsilon.map(names)))


def broken_at_last(found):
    """Return an outcome in which images that were not broken count as broken at the largest epsilon."""
    return replace(found, radii=np.minimum(found.radii, PAPER["epsilons"][-1]))


PLACE, ATTENDED, BRANCHED = learned(inside=same), learned(attended, epochs=40), learned(branched)
ONE_BIT = learned(activation=straight(ops.sign, ops.tanh))
STEEP, CLEANED = learned(first=straight(steep(100), steep(8))), learned(first=straight(cleaned, same))
ROOT = learned(first=straight(ops.sqrt, lambda x: ops.sqrt(x + 0.01)))
CODES = learned(last=straight(lambda x: ops.tanh(20 * x), ops.tanh))
TEMPERED, CONFIDENT = (
    learned(head=lambda n: keras.Sequential([layers.Dense(n), layers.Rescaling(1 / 30)]), epochs=40),
    learned(epochs=80),
)
PAIR = partial(several, join=lambda logits: sum(logits) / 2, count=2, features=plain)
MIXTURE = partial(several, join=lambda logits: ops.log(mean_probabilities(logits) + 1e-12), count=2, features=plain)
HARDENED, ONE_STEP, NORMED = learned(epsilon=0.04), learned(epsilon=0.03, steps=1), learned(norm=later.batch_norm)
PROTOTYPES = learned(head=lambda n: keras.Sequential([layers.Dense(16, "tanh"), Prototypes(n)]))
MAXOUT = learned(
    head=lambda n: keras.Sequential([layers.Dense(3 * n), layers.Reshape((n, 3)), Function(lambda z: ops.max(z, -1))])
)
COSINES = learned(head=lambda n: keras.Sequential([layers.UnitNormalization(), layers.Dense(n), layers.Rescaling(20)]))
QUARTERS = learned(
    head=lambda n: keras.Sequential([layers.Dense(n), Function(straight(lambda z: ops.round(4 * z) / 4, same))])
)
LINEAR = learned(lambda x: layers.Flatten()(x))
DARK = partial(shapes, brightness=(0.0, 0.12), strength=(0.1, 0.25))
STRONG = partial(shapes, brightness=(0.1, 0.2), strength=(0.5, 0.7), noise=0.02)
SATURATED = partial(shapes, brightness=(0.0, 0.5), strength=(0.5, 0.9), noise=0.2)
LEVELS, BRIEF = learned(inside=straight(lambda x: ops.round(8 * x) / 8, same)), learned(epochs=3)
HALF_BALLS = balls(lambda added, epsilon: tf.clip_by_value(added, -epsilon / 2, epsilon / 2))
SORTED_LABELS = differentiating(lambda right, pixels, labels: right(pixels, tf.sort(labels)))
HALF_FLOATS, NOT_FINITE = gradient_of(in_half_floats), gradient_of(zero_where_not_finite)
TWO_SOFTMAXES = increasing(lambda labels, logits: losses.cross_entropy(labels, tf.nn.softmax(logits)))
SQUARES = increasing(
    lambda labels, logits: tf.reduce_sum((logits - tf.one_hot(labels, logits.shape[-1])) ** 2, axis=-1)
)
FROM_PREDICTION = differentiating(lambda right, x, y: right(x, tf.argmax(right(x, y)[2], axis=1)))
FIRST_MEMBER, IN_TRAINING = differentiated(first_member), differentiated(later.as_in_training)
DROPOUT = differentiated(instead(lambda x: keras.random.dropout(x, 0.8)))
SHORT_STEPS = replaced(SEARCH_STEP_LENGTHS=(0.02, 0.02), STEP_LENGTHS=(0.02, 0.02))
CORNER = foolbox_with(get_random_start=lambda self, images, epsilon: images + epsilon)
NO_START = foolbox_with(get_random_start=lambda self, images, epsilon: images)
REVERSED, ONE = instead(lambda x: ops.stop_gradient(2 * x) - x), PAPER | {"steps": 1, "rel_stepsize": 1.0}
LONG = {"steps": 40, "thorough": True}
SHORTER = PAPER | {"steps": 80, "rel_stepsize": 0.05, "loss": "margin"}

MODEL = [
    Third("activations of one bit", of_network=ONE_BIT, model=instead(ops.sign)),
    Third("cleaned by a median", of_network=CLEANED, model=instead(partial(cleaned, gradient=ops.stop_gradient))),
    Third("resized at random", model=before(resized)),
    Third(
        "dithered at random, paper",
        PAPER,
        of_task=TWO,
        model=before(lambda x: ops.floor(12 * x + keras.random.uniform(ops.shape(x))) / 12),
    ),
    Third("activations pruned at random", of_network=PLACE, model=instead(pruned)),
    Third(
        "one of two networks at random",
        of_network=PAIR,
        model=instead(lambda logits: ops.where(per_picture(logits[0]) < 0.5, *logits)),
    ),
    Third("attention without a gradient", of_network=ATTENDED, model=later.without_gradient),
    Third("attention without a gradient, paper", PAPER, of_network=ATTENDED, model=later.without_gradient),
    Third("a branch with a reversed gradient", of_network=BRANCHED, model=REVERSED),
    Third("trained at temperature 30, used at 1, paper", PAPER, of_network=TEMPERED, model=after(lambda z: 30 * z)),
    Third("percentages, long training", of_network=CONFIDENT, model=after(lambda z: 100 * ops.softmax(z))),
    Third("long training, log of clipped probabilities", of_network=CONFIDENT, model=after(later.log_of_clipped)),
    Third("mean of two networks' probabilities", of_network=MIXTURE, model=instead(mean_probabilities)),
    Third("a relu behind the logits", model=after(ops.relu)),
    Third("a relu behind the logits, paper", PAPER, of_task=SEVEN, model=after(ops.relu)),
    Third("logits clipped at 3", model=after(lambda z: ops.clip(z, -3, 3))),
    Third("codes saturated by tanh", of_network=CODES, model=instead(lambda x: ops.tanh(20 * x))),
    Third(
        "no gradient where a root has none", of_task=DARK, of_network=ROOT, model=instead(ops.sqrt), context=NOT_FINITE
    ),
]
ATTACK = [
    Third("epsilon taken for the diameter, paper", PAPER, context=HALF_BALLS),
    Third("balls in the colours' deviations, paper", PAPER, context=balls(in_deviations)),
    Third("ball forgotten", context=replaced(project=lambda m, x, e: tf.clip_by_value(m, 0.0, 1.0))),
    Third("steps along the gradient's value, paper", PAPER, context=foolbox_with(normalize=divided_by_largest)),
    Third("ten steps of .002, paper", PAPER | {"steps": 10}, context=foolbox_with(run=run_in_fixed_steps)),
    Third("random start at the end, paper", PAPER, context=foolbox_with(run=run_with_late_start)),
    Third("stopped at the batch's first fooled image, paper", PAPER, context=stopped_above(0)),
    Third("stopped when half the batch is fooled, paper", PAPER, context=stopped_above(0.5)),
    Third("labels sorted, pictures not", context=SORTED_LABELS),
    Third("labels sorted, pictures not, paper", PAPER, of_task=TWO, context=SORTED_LABELS),
    Third("gradient of the next image", context=gradient_of(lambda g: tf.roll(g, 1, axis=0))),
    Third("gradient of the largest loss of the batch", context=differentiating(of_largest_loss)),
    Third("away from the current prediction, paper", PAPER, context=FROM_PREDICTION),
    Third("gradient in half floats, paper", PAPER, of_network=CONFIDENT, context=HALF_FLOATS),
    Third("gradient in 8 bits of the batch, paper", PAPER, context=gradient_of(in_8_bits)),
    Third("gradients summed over batches, paper", PAPER, context=summed),
    Third("gradient moved by a pixel", context=gradient_of(lambda g: tf.roll(g, 1, axis=2))),
    Third("gradient of the middle", context=gradient_of(central)),
    Third("the strongest tenth of the gradient", context=gradient_of(strongest)),
    Third("gradient estimated from few differences, paper", PAPER, context=differentiating(estimated)),
    Third("softmax inside the cross-entropy, paper", PAPER, of_network=CONFIDENT, context=TWO_SOFTMAXES),
    Third("squared error of the logits, paper", PAPER, context=SQUARES),
    Third("towards the least likely class", of_task=SEVEN, context=replaced(search_nearest=to_least_likely)),
    Third("the first of two networks differentiated", of_network=PAIR, context=FIRST_MEMBER),
    Third("the first of two networks differentiated, paper", PAPER, of_network=PAIR, context=FIRST_MEMBER),
    Third("batch norms as in training while differentiating", of_network=NORMED, context=IN_TRAINING),
    Third("dropout while differentiating, paper", PAPER, of_network=PLACE, context=DROPOUT),
    Third("steps of a fiftieth of the radius", context=SHORT_STEPS),
    Third("radius grows while fooled", context=replaced(RADIUS_CHANGES=(-0.3, -0.001))),
    Third("the first adversarial of five steps is kept", {"steps": 5}, context=only_the_first),
    Third("three steps, ended at .1", {"steps": 3, "enough": 0.1}),
    Third("trained on adversarials, margin, paper", SHORTER, of_network=HARDENED),
    Third("one step of epsilon, trained on such, paper", ONE, of_network=ONE_STEP),
]
READING = [
    Third("radii in whole 255ths, rounded up", of_task=blobs, reading=radii(lambda r: np.ceil(255 * r) / 255)),
    Third("radii of a network trained on adversarials", reading=radii(lambda r: truth(Third("", of_network=HARDENED)))),
    Third("mean radius of the class", reading=of_its_class),
    Third("rough adversarials as robust", reading=rough_as_robust),
    Third("adversarials saved with colours reversed", reading=later.adversarials(lambda a: a[..., ::-1])),
    Third("two of seven classes exchanged", of_task=exchanged, true_task=SEVEN),
    Third("one epsilon early, paper", PAPER, reading=correct(lambda c: np.concatenate([c[1:], c[-1:]]))),
    Third("success rates for accuracies, paper", PAPER, reading=correct(lambda c: np.concatenate([c[:1], ~c[1:]]))),
    Third("table read along the wrong axis, paper", PAPER, reading=correct(lambda c: c.reshape(COUNT, -1).T)),
    Third("agreement with the epsilon before, paper", PAPER, reading=agreement_with_previous),
    Third("epsilons of another run, paper", PAPER, reading=under_other_epsilons),
    Third("unbroken counted at the largest epsilon, paper", PAPER, reading=broken_at_last),
]
CORRECT = [
    Third("two classes", of_task=TWO),
    *(Third(f"four classes, network {seed}", LONG, seed=seed) for seed in (2, 3)),
    *(Third(f"seven classes, network {seed}", seed=seed, of_task=SEVEN) for seed in (0, 4)),
    *(Third(f"count of blobs, network {seed}", seed=seed, of_task=blobs) for seed in (0, 6)),
    Third("two classes, paper", PAPER, of_task=TWO),
    Third("60 steps", {"steps": 60, "thorough": True}),
    Third("other starts", LONG | {"seed": 5, "first": 1000}),
    Third("all starts at the brightest corner, paper", PAPER, of_task=TWO, context=CORNER),
    Third("no random start, paper", PAPER, of_task=TWO, context=NO_START),
    Third("gradient times a millionth", context=gradient_of(lambda g: 1e-6 * g)),
    Third("momentum of a half", LONG, context=replaced(MOMENTUM=0.5)),
    Third("logits × 1,000", model=after(lambda z: 1000 * z)),
    Third("logits / 1,000", model=after(lambda z: z / 1000)),
    Third("logits less their largest", model=after(lambda z: z - ops.max(z, axis=-1, keepdims=True))),
    Third("logits of a network trained at temperature 30", of_network=TEMPERED),
    Third("the same × 30", of_network=TEMPERED, model=after(lambda z: 30 * z)),
    Third("long training", LONG, of_network=CONFIDENT),
    Third("hardly any training", of_network=BRIEF),
    Third("hardly any training, paper", PAPER, of_network=BRIEF),
    Third("smoothed labels", of_network=learned(smoothing=0.3)),
    Third("a fifth of the labels drawn by lot", of_task=guessed),
    Third("grey pictures", of_task=partial(shapes, grey=True)),
    Third("dark pictures", of_task=DARK),
    Third("pixels at 0 and 1", of_task=SATURATED),
    Third("strong shapes, large radii", of_task=STRONG),
    Third("flat areas", of_task=partial(shapes, noise=0.0)),
    Third("faint shapes, small radii", of_task=partial(shapes, strength=(0.06, 0.12))),
    Third("one picture in thirteen of the last class", of_task=partial(shapes, sizes=(4, 4, 4, 1))),
    Third("separable convolutions", of_network=learned(separable)),
    Third("attention", of_network=ATTENDED),
    Third("patches mixed", of_network=learned(mixer)),
    Third("two branches", LONG, of_network=BRANCHED),
    Third("distances from prototypes", of_network=PROTOTYPES),
    Third("largest of three units", of_network=MAXOUT),
    Third("cosines", LONG, of_network=COSINES),
    Third("linear", of_network=LINEAR),
    Third("linear, paper", PAPER, of_network=LINEAR, of_task=TWO),
    Third("group norms", of_network=learned(norm=partial(layers.GroupNormalization, 4))),
    Third("batch norms", LONG, of_network=NORMED),
    Third("wide", of_network=learned(width=24)),
    Third("maximum pooling", LONG, of_network=learned(pool=True)),
    Third("tanh units", of_network=learned(activation="tanh")),
    Third("trained on adversarials", of_network=HARDENED),
    Third("trained on adversarials of one step", of_network=ONE_STEP),
    Third("mean of two networks' logits", of_network=PAIR),
    Third("logarithm of two networks' mean probabilities", of_network=MIXTURE),
    Third("pixels clipped to .25 to .6", of_network=learned(first=lambda x: ops.clip(x, 0.25, 0.6))),
    Third("pixels standardised in each picture", of_network=learned(first=standardised)),
    Third("pixels in half floats", of_network=learned(first=in_half_floats)),
    Third("mean of the picture and its mirror image", of_network=mirrored),
    Third("activations in levels, straight-through gradient", LONG, of_network=LEVELS),
    Third("pixels through steep sigmoids", of_network=STEEP, model=instead(steep(100))),
    Third("pixels through steep sigmoids, paper", PAPER, of_network=STEEP, model=instead(steep(100))),
    Third("gradient in half floats, logits / 1,000,000", model=after(lambda z: z / 1e6), context=HALF_FLOATS),
    Third("momentum that never fades", context=replaced(MOMENTUM=1.0)),
    Third("logits in quarters, straight-through gradient", of_network=QUARTERS),
    Third("radii to five decimals", reading=radii(lambda r: np.round(r, 5))),
]
THIRD = [*MODEL, *ATTACK, *READING, *(replace(case, is_sound=True) for case in CORRECT)]

if __name__ == "__main__":
    show(THIRD)
