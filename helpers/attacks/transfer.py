"""Do adversarials of one model also fool another?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import RunFolder
from helpers.backend import keras, tf
from helpers.networks.build import load_model


def transfer(folders: Mapping[str, RunFolder]) -> pd.DataFrame:
    """Classify every model's adversarials, each image's nearest, with every model.

    Args:
        folders: {name: run folder with model and adversarials, all of one task}.

    Returns:
        One row per pair of models: adversarials of, shown to, images, fooled. `images` is the number of images that the
        attack on the first model broke and that the second model classifies right without perturbation; `fooled` is the
        share of them that the second model misclassifies with the perturbation, NaN if there are none. Images are
        scaled bilinearly if the two models have different input sizes.

    Raises:
        StudyError: a folder has no model or no adversarials.
    """
    models = {name: load_model(folder.path) for name, folder in folders.items()}
    rows = []
    for source, folder in folders.items():
        found = Adversarials.load(folder.adversarials)
        images = found.images[found.is_broken]
        adversarials = found.adversarials[found.is_broken]
        labels = found.labels[found.is_broken]
        for target, model in models.items():
            is_right = _predict(model, images) == labels
            is_misclassified = _predict(model, adversarials) != labels
            fooled = float(is_misclassified[is_right].mean()) if is_right.any() else np.nan
            rows.append({"adversarials of": source, "shown to": target, "images": is_right.sum(), "fooled": fooled})
    return pd.DataFrame(rows)


def _predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,), of images (n, height, width, 3) of any size."""
    if not len(images):
        return np.zeros(0, np.int64)
    scaled = tf.image.resize(images, model.input_shape[1:3]).numpy()  # unchanged if the size is the model's own
    return model.predict(scaled, verbose=0).argmax(axis=1)
