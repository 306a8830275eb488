"""Time the study's two protocols against Foolbox's stock LinfPGD: same model, images, epsilons, starts.

    .venv/bin/python benchmarks/compare_sweep_with_foolbox.py

All run in turn in one process; printed are the ratios, and the share of (image, epsilon) pairs on whose outcome they
agree. Protocol minimal takes its own steps. The stock attack's only change is where its random starts come from.
"""

import argparse
import functools
import time

import foolbox
import numpy as np

from helpers import attack, build_model, phantom
from helpers.attacks.pgd import random_starts
from helpers.backend import keras, tf
from helpers.profiles import read_config
from helpers.tasks import SKIN_LESIONS


def starts_of(shape, rows, epsilon):
    """Return the study's own random starts of the images `rows`."""
    return random_starts(shape, images=rows, epsilon=epsilon, seed=0)


class StockPGD(foolbox.attacks.LinfPGD):
    """Foolbox's LinfPGD from given random starts."""

    def __init__(self, starts, **settings):
        super().__init__(**settings)
        self.starts = starts

    def get_random_start(self, x0, epsilon):
        return x0 + tf.constant(self.starts(epsilon)) * epsilon


def run_stock(model, images, labels, *, epsilons, steps, batch_size):
    """Return which images stock Foolbox leaves classified right, bool (epsilons, images)."""
    wrapped = foolbox.TensorFlowModel(model, bounds=(0, 1), device="/CPU:0")
    correct = []
    for start in range(0, len(images), batch_size):
        rows = np.arange(start, min(start + batch_size, len(images)))
        attack = StockPGD(functools.partial(starts_of, images.shape[1:], rows), steps=steps)
        _, _, success = attack(wrapped, tf.constant(images[rows]), tf.constant(labels[rows]), epsilons=epsilons)
        correct.append(~success.numpy())
    return np.concatenate(correct, axis=1)


def run_ours(protocol, model, images, labels, *, epsilons, steps, batch_size):
    """Return the same from a protocol of the study."""
    if protocol == "minimal":
        found = attack(model, images, labels, batch_size=batch_size)
        return found.radii > np.array(epsilons)[:, None]
    settings = {"epsilons": epsilons, "steps": steps, "batch_size": batch_size, "protocol": protocol}
    table = attack(model, images, labels, **settings).table
    return table[table.epsilon > 0].pivot(index="epsilon", columns="image", values="correct").to_numpy()


def train_briefly(image_size, *, attention, count=256):
    """Return a network that has learned a little, so that its decisions are not those of random weights."""
    model = build_model(backbone="resnet50", attention=attention, image_size=image_size, classes=len(SKIN_LESIONS))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    images, labels = draw(count, image_size)
    model.compile(keras.optimizers.AdamW(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, batch_size=16, epochs=3, verbose=0)
    return model


def draw(count, image_size, first=0):
    """Return `count` phantoms as float32 pixels in [0, 1], and their labels."""
    drawn = [
        phantom("dermatoscopy", SKIN_LESIONS[i % 7], first + i, image_size, ambiguity=0.0).image for i in range(count)
    ]
    return np.asarray(drawn, np.float32) / 255, np.arange(count, dtype=np.int64) % 7


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--attention", default="none")
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epsilons", type=float, nargs="+", default=read_config(profile="quick").epsilons[::2])
    arguments = parser.parse_args()
    model = train_briefly(arguments.image_size, attention=arguments.attention)
    images, labels = draw(arguments.images, arguments.image_size, first=100_000)
    settings = {"epsilons": list(arguments.epsilons), "steps": arguments.steps, "batch_size": arguments.batch_size}
    runs = {
        "stock": lambda **s: run_stock(model, images, labels, **s),
        "paper": lambda **s: run_ours("paper", model, images, labels, **s),
        "minimal": lambda **s: run_ours("minimal", model, images, labels, **s),
    }
    for run in runs.values():
        run(**{**settings, "steps": 1, "epsilons": [0.01]})  # warm up
    seconds, correct = {name: [] for name in runs}, {}
    for _ in range(arguments.repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            correct[name] = run(**settings)
            seconds[name].append(time.perf_counter() - began)
    print(
        f"ResNet-50 ({arguments.attention}) at {arguments.image_size} px, {len(images)} phantoms, "
        f"{len(settings['epsilons'])} epsilons, {arguments.steps} steps, median of {arguments.repeats} runs in turn"
    )
    for name in ("paper", "minimal"):
        ratios = np.array(seconds["stock"]) / np.array(seconds[name])
        print(
            f"  protocol {name}: {np.median(ratios):.2f} times as fast as stock Foolbox "
            f"(from {ratios.min():.2f} to {ratios.max():.2f})"
        )
    print(f"  accuracy of the stock attack by epsilon: {correct['stock'].mean(axis=1).round(3).tolist()}")
    agreement = np.mean(correct["paper"] == correct["stock"])
    print(f"  stock and paper agree on {agreement:.2%} of {correct['stock'].size} (image, epsilon) pairs")
    missed = (correct["minimal"] & ~correct["stock"]).sum()
    print(
        f"  pairs that stock breaks and minimal does not: {missed}; the other way round: "
        f"{(correct['stock'] & ~correct['minimal']).sum()}"
    )


if __name__ == "__main__":
    main()
