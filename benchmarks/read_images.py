"""How fast images are read, and whether memory or time grow with the dataset.

Decoding and resizing to 224 px by the pipeline, side by side with a plain loop over Pillow on the same files; peak
memory of one round through 2,000 and through 20,000 images (links to the same few files); and the time to read a table
of ChestX-ray14's full length.

    .venv/bin/python benchmarks/read_images.py
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from memory import peak_megabytes
from PIL import Image

from helpers.datasets.phantom import write_phantoms
from helpers.tasks import FINDINGS, SKIN_LESIONS

SIZE, DRAWN = 224, 64
FULL_LENGTH = 112_120  # rows of Data_Entry_2017.csv


def rows(folder, count):
    """Return a manifest of `count` rows over the drawn files, linked under names of their own."""
    files = sorted((folder / "HAM10000_images").iterdir())
    (folder / "links").mkdir(exist_ok=True)
    names = [f"links/{number:06d}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        if not (folder / name).exists():
            os.link(files[number % len(files)], folder / name)
    return pd.DataFrame({"image": names, "label": np.resize(SKIN_LESIONS, count), "split": "train"})


def by_pipeline(folder, table, training=False):
    """Read all images once through the pipeline."""
    from helpers.datasets.pipeline import make_dataset

    settings = {"data_dir": folder, "classes": SKIN_LESIONS, "image_size": SIZE, "batch_size": 32, "training": training}
    for batch, _ in make_dataset(table, **settings).take(len(table) // 32):
        batch.shape  # noqa: B018


def by_pillow(folder, table):
    """Read all images once in a loop."""
    for name in table.image:
        pixels = Image.open(folder / name).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX)
        np.asarray(pixels, np.float32) / 255


def put_peak(folder, count, queue):
    by_pipeline(folder, rows(folder, count), training=True)
    queue.put(peak_megabytes())


def measured_peak(folder, count):
    """Return the peak memory of one training round, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=put_peak, args=(folder, count, queue))
    process.start()
    megabytes = queue.get()
    process.join()
    return megabytes


def time_full_table(folder):
    """Return the seconds that reading 112,120 rows takes, with a file for each (all links to one)."""
    from helpers.datasets.chestxray14 import read_chestxray14

    (folder / "images").mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "one.png")
    names = [f"{number // 4:08d}_{number % 4:03d}.png" for number in range(FULL_LENGTH)]
    for number, name in enumerate(names):
        if number % 20_000 == 0:  # a file has a limited number of links
            original = folder / "images" / name
            original.write_bytes((folder / "one.png").read_bytes())
        else:
            os.link(original, folder / "images" / name)
    labels = np.array(["No Finding", *FINDINGS])[np.random.default_rng(0).integers(0, 15, FULL_LENGTH)]
    table = pd.DataFrame({"Image Index": names, "Finding Labels": labels, "Patient ID": [n[:8] for n in names]})
    table.to_csv(folder / "Data_Entry_2017.csv", index=False)
    start = time.perf_counter()
    read_chestxray14(folder)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_phantoms(folder, task="skin_lesion", count=DRAWN, size=450, seed=0, ambiguity=0.3)
        table = rows(folder, arguments.images)
        by_pipeline(folder, table)  # imports, first trace
        ratios, rates = [], []
        for _ in range(arguments.rounds):
            seconds = []
            for read in (by_pillow, by_pipeline):
                start = time.perf_counter()
                read(folder, table)
                seconds.append(time.perf_counter() - start)
            ratios.append(seconds[0] / seconds[1])
            rates.append([arguments.images / second for second in seconds])
        pillow, ours = np.median(rates, axis=0)
        print(f"450 px JPEG to {SIZE} px: Pillow in a loop {pillow:.0f} images/s, pipeline {ours:.0f} images/s")
        print(f"ratio: {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {arguments.rounds} rounds)")
        small, large = (measured_peak(folder, count) for count in (2_000, 20_000))
        print(f"peak memory: {small:.0f} MB with 2,000 images, {large:.0f} MB with 20,000: ratio {large / small:.2f}")
        print(f"a table of {FULL_LENGTH:,} rows with its files: read in {time_full_table(folder / 'chest'):.1f} s")


if __name__ == "__main__":
    main()
