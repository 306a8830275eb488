"""From the manifest to batches of pixels, streamed: memory does not grow with the dataset."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.backend import tf

AUTOTUNE = tf.data.AUTOTUNE


def read_image(path: tf.Tensor, *, size: int) -> tf.Tensor:
    """Decode an image file into float32 pixels in [0, 1], (size, size, 3), squeezed to a square."""
    # Despite its name this reads PNG, too, and unlike decode_image it can be told to be as exact as Pillow.
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
    pixels = tf.image.resize(tf.image.convert_image_dtype(pixels, tf.float32), (size, size), antialias=True)
    return tf.clip_by_value(pixels, 0.0, 1.0)


def augment(pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Flip and turn by a multiple of 90°, each of the eight ways equally likely."""
    turns, flip = tf.random.stateless_uniform((), (seed, 0), maxval=4, dtype=tf.int32), (seed, 1)
    return tf.image.rot90(tf.image.stateless_random_flip_left_right(pixels, flip), turns)


def paths_and_labels(manifest: pd.DataFrame, *, data_dir: Path, classes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the file names and the class indices (int64) of a manifest's rows."""
    return [str(data_dir / name) for name in manifest.image], pd.Index(classes).get_indexer(manifest.label).astype(
        "int64"
    )


def make_dataset(
    manifest: pd.DataFrame,
    *,
    data_dir: Path,
    classes: Sequence[str],
    image_size: int,
    batch_size: int,
    training: bool = False,
    augmented: bool = False,
    seed: int = 0,
) -> tf.data.Dataset:
    """Stream a manifest's rows as (pixels, label) batches.

    Args:
        manifest: Columns image and label.
        data_dir: What the image paths are relative to.
        classes: The label names, in the order of the logits.
        image_size: Side of the square pictures in pixels.
        batch_size: Images a batch.
        training: Shuffle anew in each round and go round for ever; else one round in the manifest's order.
        augmented: Flip and turn at random.
        seed: Order and augmentation derive from it.

    Returns:
        Batches of float32 pixels in [0, 1], (batch, image_size, image_size, 3), and int64 labels (batch,).
    """
    dataset = tf.data.Dataset.from_tensor_slices(paths_and_labels(manifest, data_dir=data_dir, classes=classes))
    if training:
        dataset = dataset.shuffle(len(manifest), seed=seed, reshuffle_each_iteration=True).repeat()
    dataset = dataset.map(lambda path, label: (read_image(path, size=image_size), label), num_parallel_calls=AUTOTUNE)
    if augmented:
        dice = tf.data.Dataset.random(seed=seed)
        dataset = tf.data.Dataset.zip(dataset, dice).map(
            lambda sample, die: (augment(sample[0], die), sample[1]), num_parallel_calls=AUTOTUNE
        )
    return dataset.batch(batch_size).prefetch(AUTOTUNE)


def load_arrays(
    manifest: pd.DataFrame, *, data_dir: Path, classes: Sequence[str], image_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read rows into memory: pixels float32 (n, image_size, image_size, 3) in [0, 1], labels int64 (n,)."""
    dataset = make_dataset(manifest, data_dir=data_dir, classes=classes, image_size=image_size, batch_size=64)
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)
