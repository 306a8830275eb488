"""From the manifest to batches of pixels, streamed: memory does not grow with the dataset."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.backend import tf

AUTOTUNE = tf.data.AUTOTUNE
CACHE_BYTES = 2**30  # decoded training images are cached in memory up to this size, and otherwise decoded each time
SHIFT, ZOOM = 0.1, 0.1  # of `affine`: shares of the picture


def decode(content: tf.Tensor | bytes) -> tf.Tensor:
    """Decode the bytes of a JPEG or PNG file into uint8 (height, width, 3); of 16 bits, the upper 8 are kept."""
    # Despite its name, decode_jpeg reads PNG, too. Unlike decode_image, it can decode as exactly as Pillow.
    return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")


def decode_16_bits(content: bytes) -> tf.Tensor:
    """Decode the bytes of a PNG file into uint16 (height, width, channels)."""
    return tf.io.decode_png(content, dtype=tf.uint16)


def read_image(path: tf.Tensor, *, size: int) -> tf.Tensor:
    """Decode an image file into float32 pixels in [0, 1], (size, size, 3), resized to a square.

    To shrink a picture, its pixels are averaged over the area of each new pixel. To enlarge one, they are interpolated.
    """
    pixels = decode(tf.io.read_file(path))
    resized = tf.cond(
        tf.reduce_all(tf.shape(pixels)[:2] > size),
        lambda: tf.image.resize(pixels, (size, size), method="area"),
        lambda: tf.image.resize(pixels, (size, size), antialias=True),  # the kernel widens along a side that shrinks
    )
    return tf.minimum(resized * (1 / 255), 1.0)


def augment(pixels: tf.Tensor, seed: tf.Tensor, *, how: str) -> tf.Tensor:
    """Change a training picture (size, size, 3) at random without changing its class.

    Args:
        pixels: The picture.
        seed: Integer; same seed, same change.
        how: "none"; "mirror" (left-right); "flips" (mirrored or not, rotated by a multiple of 90°: eight ways);
            "affine" (rotated by any angle, shifted and zoomed by up to a tenth, mirrored or not, with the edge repeated
            outwards, as in Datta et al., 2021).
    """
    if how == "none":
        return pixels
    pixels = tf.image.stateless_random_flip_left_right(pixels, (seed, 1))
    if how == "flips":
        return tf.image.rot90(pixels, tf.random.stateless_uniform((), (seed, 0), maxval=4, dtype=tf.int32))
    return _transform(pixels, seed) if how == "affine" else pixels


def _transform(pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return a picture rotated, shifted and zoomed about its centre, with bilinear interpolation."""
    size = pixels.shape[0]
    draws = tf.random.stateless_uniform((4,), (seed, 2), -1.0, 1.0)
    angle, shift, zoom = np.pi * draws[0], SHIFT * size * draws[1:3], 1 + ZOOM * draws[3]
    turn = tf.stack([[tf.cos(angle), -tf.sin(angle)], [tf.sin(angle), tf.cos(angle)]]) / zoom
    centre = tf.constant([(size - 1) / 2] * 2)
    # The operation maps positions in its output to positions in its input.
    offset = centre - tf.linalg.matvec(turn, centre + shift)
    row = [turn[0, 0], turn[0, 1], offset[0], turn[1, 0], turn[1, 1], offset[1], 0.0, 0.0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels[None],
        transforms=tf.stack(row)[None],
        output_shape=(size, size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )[0]


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
    augmentation: str = "none",
    seed: int = 0,
    skip: int = 0,
) -> tf.data.Dataset:
    """Stream a manifest's rows as (pixels, label) batches.

    Args:
        manifest: Columns image and label.
        data_dir: What the image paths are relative to.
        classes: The label names, in the order of the logits.
        image_size: Side of the square pictures in pixels.
        batch_size: Images a batch.
        training: Repeat endlessly, in a new random order each round; otherwise one round in the manifest's order.
        augmentation: How to change pictures at random, see `augment`.
        seed: Order and augmentation derive from it.
        skip: Training only: how many batches to skip, as if they had been seen before.

    Returns:
        Batches of float32 pixels in [0, 1], (batch, image_size, image_size, 3), and int64 labels (batch,).
    """
    dataset = tf.data.Dataset.from_tensor_slices(paths_and_labels(manifest, data_dir=data_dir, classes=classes))
    is_cached = training and len(manifest) * image_size**2 * 3 * tf.float32.size <= CACHE_BYTES

    def shuffled(dataset: tf.data.Dataset) -> tf.data.Dataset:
        endless = dataset.shuffle(len(manifest), seed=seed, reshuffle_each_iteration=True).repeat()
        return endless.skip(skip * batch_size)

    if training and not is_cached:  # shuffling names needs little memory, shuffling pictures does not
        dataset = shuffled(dataset)
    dataset = dataset.map(
        lambda path, label: (read_image(path, size=image_size), label),
        num_parallel_calls=os.cpu_count(),  # AUTOTUNE takes seconds to find this out
    )
    if is_cached:
        dataset = shuffled(dataset.cache())
    if augmentation != "none":
        seeds = tf.data.Dataset.random(seed=seed).skip(skip * batch_size)
        dataset = tf.data.Dataset.zip(dataset, seeds).map(
            lambda sample, draw: (augment(sample[0], draw, how=augmentation), sample[1]), num_parallel_calls=AUTOTUNE
        )
    return dataset.batch(batch_size).prefetch(AUTOTUNE)


def load_arrays(
    manifest: pd.DataFrame, *, data_dir: Path, classes: Sequence[str], image_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read rows into memory: pixels float32 (n, image_size, image_size, 3) in [0, 1], labels int64 (n,)."""
    dataset = make_dataset(manifest, data_dir=data_dir, classes=classes, image_size=image_size, batch_size=64)
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)
