"""How fast the study trains, side by side with a plain Keras `fit` of the same backbone on arrays in memory.

Both see the same pictures at the same size and batch, and take the steps of AdamW, the plain side by Keras' own. The
study's side has its whole way to go: decoding, augmentation, progress, the checkpoint after the epoch. Then the peak
memory of two steps at 299 pixels, batch 16.

    .venv/bin/python benchmarks/compare_training_with_keras.py
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from memory import peak_megabytes

from helpers import build_model, read_config
from helpers.artifacts.checkpoint import Checkpoint
from helpers.backbones import BACKBONES
from helpers.backend import keras
from helpers.datasets.ham10000 import read_ham10000
from helpers.datasets.phantom import write_phantoms
from helpers.datasets.pipeline import load_arrays, make_dataset
from helpers.training.epochs import fit
from helpers.training.fused import with_fused_layers
from helpers.training.optimize import compile_model


def studys_way(config, folder, table, *, steps):
    """Return a function that trains one epoch of `steps` steps as the study does."""
    settings = {"backbone": config.backbone, "image_size": config.image_size, "classes": len(config.classes)}
    model = with_fused_layers(build_model(attention="none", **settings))
    compile_model(model, config, steps=100)
    images = {"data_dir": folder, "classes": config.classes, "image_size": config.image_size}
    images |= {"batch_size": config.batch_size, "training": True, "augmentation": "flips"}

    def run():
        checkpoint = Checkpoint(folder / "checkpoint.npz", {})
        checkpoint.remove()
        fit(model, lambda seen: make_dataset(table, **images), checkpoint, steps=steps, epochs=1, seed=0)

    return run


def plain_way(config, folder, table, *, steps):
    """Return a function that trains one epoch of `steps` steps on arrays in memory."""
    size = config.image_size
    application = BACKBONES[config.backbone].application
    model = application(
        weights=None, classes=len(config.classes), classifier_activation=None, input_shape=(size, size, 3)
    )
    optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    images, labels = load_arrays(table, data_dir=folder, classes=config.classes, image_size=size)
    return lambda: model.fit(
        images, labels, batch_size=config.batch_size, epochs=1, steps_per_epoch=steps, shuffle=True, verbose=0
    )


def compare(config, folder, *, steps, rounds):
    """Print images/s of both ways, in turns, and the median of their ratio."""
    table = read_ham10000(folder)
    ways = [way(config, folder, table, steps=steps) for way in (studys_way, plain_way)]
    rates = []
    for number in range(rounds + 1):  # the first traces the graphs
        times = []
        for way in ways:
            start = time.perf_counter()
            way()
            times.append(time.perf_counter() - start)
        if number:
            rates.append([steps * config.batch_size / seconds for seconds in times])
    study, plain = np.median(rates, axis=0)
    ratios = np.divide(*np.transpose(rates))
    print(
        f"{config.backbone} at {config.image_size} px, batch {config.batch_size}: {study:.1f} images/s, plain Keras "
        f"{plain:.1f}; ratio {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
    )


def put_peak(backbone, folder, queue):
    config = read_config(profile="smoke", backbone=backbone, image_size=299, batch_size=16)
    studys_way(config, folder, read_ham10000(folder), steps=2)()
    queue.put(peak_megabytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = write_phantoms(Path(folder), task="skin_lesion", count=400, size=128, seed=0, ambiguity=0.3)
        for backbone in BACKBONES:
            config = read_config(profile="quick", backbone=backbone)
            compare(config, folder, **vars(arguments))
        context = multiprocessing.get_context("spawn")
        for backbone in BACKBONES:
            queue = context.Queue()
            process = context.Process(target=put_peak, args=(backbone, folder, queue))
            process.start()
            print(f"{backbone} at 299 px, batch 16: peak memory {queue.get():,.0f} MB")
            process.join()


if __name__ == "__main__":
    main()
