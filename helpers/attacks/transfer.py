"""Whether one model's adversarials fool another."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.backend import tf
from helpers.networks.backbones import load_model
from helpers.paths import RunFolder


def transfer(folders: Mapping[str, RunFolder]) -> pd.DataFrame:
    """Show every model the adversarials that each other model's attack left, found at its own smallest epsilons.

    Args:
        folders: {name: run folder with model and adversarials, all of one task}.

    Returns:
        One row a pair: adversarials of, shown to, images, fooled. `images` are those that were broken under the one
        and are classified right, unperturbed, by the other; `fooled` is the share that the other gets wrong perturbed.
        Pictures are scaled bilinearly where the models' sizes differ.
    """
    models, rows = {name: load_model(folder.path) for name, folder in folders.items()}, []
    for source, folder in folders.items():
        with np.load(folder.adversarials) as kept:
            broken = (kept["minimal_epsilon"] > 0) & np.isfinite(kept["minimal_epsilon"])
            pictures, labels = [kept[name][broken] for name in ("images", "adversarials")], kept["labels"][broken]
        for target, model in models.items():
            clean, attacked = (_predict(model, pixels) == labels for pixels in pictures)
            fooled = float((~attacked[clean]).mean()) if clean.any() else np.nan
            rows.append({"adversarials of": source, "shown to": target, "images": clean.sum(), "fooled": fooled})
    return pd.DataFrame(rows)


def _predict(model, pixels: np.ndarray) -> np.ndarray:
    if not len(pixels):
        return np.zeros(0, np.int64)
    scaled = tf.image.resize(pixels, model.input_shape[1:3]).numpy()  # as it is where the size is the same
    return model.predict(scaled, verbose=0).argmax(axis=1)
