"""How long a phantom takes to draw, what can be learned from it, and whether that is the drawn sign.

For each kind of phantom: milliseconds an image on one core; the balanced accuracy on new phantoms of a classifier on
mean colour, of a linear one on pixels, and of a small convolutional network; and that network's sensitivity
before and after the signs are taken out of the very same pictures.

    .venv/bin/python benchmarks/learn_from_phantoms.py
"""

import argparse
import functools
import time

import numpy as np
from loky import ProcessPoolExecutor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import phantom
from helpers.backend import keras
from helpers.phantoms import KINDS

SIZE = 64  # pixels
AMBIGUITY = {"dermatoscopy": 0.3, "fundus": 0.15, "chest_xray": 0.3}
WITHOUT = {  # what is taken out: {name: signs that stay}
    "dermatoscopy": {"all signs": ()},
    "fundus": {"all signs": ()},
    "chest_xray": {"all signs": (), "the pleural line": ("gap",), "the gap": ("pleural_line",)},
}
HEALTHY = {"fundus": "0", "chest_xray": "none"}


def milliseconds(kind, size, count=20):
    """Return the median time of one image, drawn one after the other."""
    names, times = KINDS[kind].LABELS, []
    for seed in range(count):
        start = time.perf_counter()
        phantom(kind, names[seed % len(names)], seed, size)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def draw(kind, first, count, **settings):
    """Return `count` phantoms, pixels in [0, 1], and their labels (indices), the classes in turn."""
    names = KINDS[kind].LABELS
    labels = np.arange(count) % len(names)
    draw_one = functools.partial(phantom, kind, size=SIZE, ambiguity=AMBIGUITY[kind], **settings)
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(draw_one, [names[x] for x in labels], range(first, first + count))
        return np.array([each.image for each in drawn], np.float32) / 255, labels


def linear(train, test, features, strength):
    """Return the balanced accuracy of a logistic regression."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
    model.fit(features(train[0]), train[1])
    return balanced_accuracy_score(test[1], model.predict(features(test[0])))


def small_network(classes):
    """Return four blocks of convolution, max-pooling, batch norm and ReLU, and a dense head."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.RandomFlip("horizontal", seed=0)])
    for filters in (32, 64, 128, 128):
        network.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        network.add(layers.MaxPooling2D())  # before the rest, which has four times less to do then
        network.add(layers.BatchNormalization(momentum=0.9))
        network.add(layers.ReLU())
    network.add(layers.GlobalMaxPooling2D())
    network.add(layers.Dropout(0.3))
    network.add(layers.Dense(classes))
    return network


def learn(kind, *, train=600, test=300, epochs=35):
    """Return {what was measured: balanced accuracy or sensitivity} for one kind of phantom."""
    classes = KINDS[kind].LABELS
    shown, unseen = draw(kind, 0, train), draw(kind, 10**6, test)
    measured = {
        "chance": 1 / len(classes),
        "mean colour": linear(shown, unseen, lambda x: x.mean((1, 2)), 1.0),
        "linear on pixels": linear(shown, unseen, lambda x: x.reshape(len(x), -1), 0.001),
    }
    network, steps = small_network(len(classes)), epochs * -(-train // 32)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=steps // 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss)
    network.fit(*shown, batch_size=32, epochs=epochs, verbose=0)
    predicted = network.predict(unseen[0], verbose=0).argmax(axis=1)
    measured["small network"] = balanced_accuracy_score(unseen[1], predicted)
    measured["sensitivity without nothing"] = sensitivity(kind, unseen[1], predicted)
    for name, kept in WITHOUT[kind].items():
        pictures = draw(kind, 10**6, test, signs=kept)[0]
        found = network.predict(pictures, verbose=0).argmax(axis=1)
        measured[f"sensitivity without {name}"] = sensitivity(kind, unseen[1], found)
    return measured


def sensitivity(kind, labels, found):
    """Return the share of diseased pictures that are called diseased; of lesions, the mean recall of the classes."""
    if kind not in HEALTHY:
        return recall_score(labels, found, average="macro")
    healthy = KINDS[kind].LABELS.index(HEALTHY[kind])
    return float((found != healthy)[labels != healthy].mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        print(f"{kind}: {', '.join(f'{milliseconds(kind, size):.0f} ms at {size} px' for size in (64, 224))}")
        for name, value in learn(kind).items():
            print(f"  {name:<37} {value:.2f}")


if __name__ == "__main__":
    main()
