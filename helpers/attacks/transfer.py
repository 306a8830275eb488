"""Do adversarials of one model also fool another?"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import RunFolder
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import STEP_LENGTHS, decayed, finite, project, random_starts
from helpers.attacks.predict import predict
from helpers.backend import tf
from helpers.networks.build import load_model

TRANSFER_STEPS = 10  # of the attack at a fixed epsilon: 20 transferred no better (benchmarks)
NEAREST = "nearest"  # what the attack is called where each image's nearest adversarial is shown
NOISE = "random noise"  # the control: corners of the ball that no model chose


def transfer(
    folders: Mapping[str, RunFolder], *, epsilons: Sequence[float | None] = (None,), seed: int = 0
) -> pd.DataFrame:
    """Classify every model's adversarials with every model.

    Args:
        folders: {name: run folder with model and adversarials, all of one task}.
        epsilons: None: each image's nearest adversarial is shown. An L∞ radius on pixels in [0, 1]: each image is
            attacked in this ball, with PGD on the margin whose steps become shorter and which does not stop at the
            first success. Such adversarials are farther on the wrong side, and transfer better. Each model is also
            shown its own images with `NOISE` of this radius.
        seed: Of the noise.

    Returns:
        For each of `epsilons`, one row per pair of models, and one per model for the noise: attack, adversarials of,
        shown to, images, fooled. `images` is the number of images that the attack on the first model broke and that the
        second model classifies right without perturbation; of the noise, all kept images count that the model
        classifies right. `fooled` is the share of them that the second model misclassifies with the perturbation, NaN
        if there are none. Images are scaled bilinearly if the two models have different input sizes.

    Raises:
        StudyError: a folder has no model or no adversarials.
    """
    all_kept = {name: Adversarials.load(folder.adversarials) for name, folder in folders.items()}
    models = {
        name: CompiledModel(load_model(folder.path), batch_size=len(all_kept[name].images))
        for name, folder in folders.items()
    }
    is_right = {
        (source, target): _predict(model, kept.images) == kept.labels
        for source, kept in all_kept.items()
        for target, model in models.items()
    }
    rows = []
    for epsilon in epsilons:
        attack = NEAREST if epsilon is None else f"ε = {255 * epsilon:.3g}/255"
        for source, kept in all_kept.items():
            adversarials, is_broken = kept.adversarials, kept.is_broken
            if epsilon is not None:
                adversarials = _attack(models[source], kept, epsilon)
                is_broken = (kept.radii > 0) & (_predict(models[source], adversarials) != kept.labels)
            for target, model in models.items():
                shown = is_broken & is_right[source, target]
                rows.append((attack, source, target, *_count_fooled(model, adversarials[shown], kept.labels[shown])))
        if epsilon is None:
            continue
        for name, kept in all_kept.items():
            noisy, shown = _with_noise(kept.images, epsilon, seed), is_right[name, name]
            rows.append((attack, NOISE, name, *_count_fooled(models[name], noisy[shown], kept.labels[shown])))
    return pd.DataFrame(rows, columns=["attack", "adversarials of", "shown to", "images", "fooled"])


def _with_noise(images: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Return images at random corners of their balls, float32 of the images' shape, in [0, 1]."""
    numbers = np.arange(len(images))
    corners = np.sign(random_starts(images.shape[1:], images=numbers, epsilon=epsilon, seed=seed))
    return np.clip(images + np.float32(epsilon) * corners, 0, 1)


def _count_fooled(model: CompiledModel, changed: np.ndarray, labels: np.ndarray) -> tuple[int, float]:
    """Return how many changed images there are, and the share of them that a model misclassifies."""
    return len(changed), float((_predict(model, changed) != labels).mean()) if len(changed) else np.nan


def _attack(compiled: CompiledModel, kept: Adversarials, epsilon: float) -> np.ndarray:
    """Return the last iterates of PGD on the margin, float32 of the images' shape, inside their balls."""
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


def _predict(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,), of images (n, height, width, 3) of any size."""
    size = compiled.model.input_shape[1:3]  # if it is that of the images, they stay as they are
    return predict(compiled, tf.image.resize(images, size).numpy() if len(images) else images)
