"""Do adversarials of one model also fool another?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import RunFolder
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import STEP_LENGTHS, decayed, finite, project, random_starts
from helpers.backend import keras, tf
from helpers.networks.build import load_model

TRANSFER_STEPS = 10  # of the attack at a fixed epsilon; in benchmarks, 20 transferred no better
NEAREST = "nearest"  # what the attack is called where each image's nearest adversarial is shown
NOISE = "random noise"  # the control: corners of the ball that no model chose


def transfer(folders: Mapping[str, RunFolder], *, epsilon: float | None = None, seed: int = 0) -> pd.DataFrame:
    """Classify every model's adversarials with every model.

    Args:
        folders: {name: run folder with model and adversarials, all of one task}.
        epsilon: None: each image's nearest adversarial is shown. An L∞ radius on pixels in [0, 1]: each image is
            attacked in this ball, with PGD on the margin whose steps become shorter and which does not stop at the
            first success. Such adversarials are farther on the wrong side, and transfer better. Each model is also
            shown its own images with `NOISE` of this radius.
        seed: Of the noise.

    Returns:
        One row per pair of models, and one per model for the noise: attack, adversarials of, shown to, images, fooled.
        `images` is the number of images that the attack on the first model broke and that the second model classifies
        right without perturbation; of the noise, all kept images count that the model classifies right. `fooled` is
        the share of them that the second model misclassifies with the perturbation, NaN if there are none. Images are
        scaled bilinearly if the two models have different input sizes.

    Raises:
        StudyError: a folder has no model or no adversarials.
    """
    models = {name: load_model(folder.path) for name, folder in folders.items()}
    attack = NEAREST if epsilon is None else f"ε = {255 * epsilon:.3g}/255"
    rows = []
    for source, folder in folders.items():
        kept = Adversarials.load(folder.adversarials)
        adversarials, is_broken = kept.adversarials, kept.is_broken
        if epsilon is not None:
            adversarials = _attack(models[source], kept, epsilon)
            is_broken = (kept.radii > 0) & (_predict(models[source], adversarials) != kept.labels)
        images, adversarials, labels = kept.images[is_broken], adversarials[is_broken], kept.labels[is_broken]
        for target, model in models.items():
            rows.append((attack, source, target, *_count_fooled(model, images, adversarials, labels)))
    if epsilon is not None:
        for name, model in models.items():
            kept = Adversarials.load(folders[name].adversarials)
            noisy = _with_noise(kept.images, epsilon, seed)
            rows.append((attack, NOISE, name, *_count_fooled(model, kept.images, noisy, kept.labels)))
    return pd.DataFrame(rows, columns=["attack", "adversarials of", "shown to", "images", "fooled"])


def _with_noise(images: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Return images at random corners of their balls, float32 of the images' shape, in [0, 1]."""
    numbers = np.arange(len(images))
    corners = np.sign(random_starts(images.shape[1:], images=numbers, epsilon=epsilon, seed=seed))
    return np.clip(images + np.float32(epsilon) * corners, 0, 1)


def _count_fooled(model: keras.Model, images: np.ndarray, changed: np.ndarray, labels: np.ndarray) -> tuple[int, float]:
    """Return how many images a model classifies right, and the share of them that it misclassifies when changed."""
    is_right = _predict(model, images) == labels
    is_misclassified = _predict(model, changed) != labels
    return int(is_right.sum()), float(is_misclassified[is_right].mean()) if is_right.any() else np.nan


def _attack(model: keras.Model, kept: Adversarials, epsilon: float) -> np.ndarray:
    """Return the last iterates of PGD on the margin, float32 of the images' shape, inside their balls."""
    compiled = CompiledModel(model, batch_size=len(kept.images))
    originals, labels = tf.constant(kept.images), tf.constant(kept.labels)
    iterates = originals
    for step in range(TRANSFER_STEPS):
        _, gradient, _ = compiled.differentiate(iterates, labels)
        iterates = project(
            iterates + epsilon * decayed(STEP_LENGTHS, step, TRANSFER_STEPS) * tf.sign(finite(gradient)),
            originals,
            epsilon,
        )
    return iterates.numpy()


def _predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,), of images (n, height, width, 3) of any size."""
    if not len(images):
        return np.zeros(0, np.int64)
    scaled = tf.image.resize(images, model.input_shape[1:3]).numpy()  # unchanged if the size is the model's own
    return model.predict(scaled, verbose=0).argmax(axis=1)
