"""Where a phantom with its signs of disease differs from the same phantom without them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from helpers.config import Config
from helpers.datasets.phantom import draw_pair, read_plan

VISIBLE = 5  # grey levels of 255: smaller differences are rounding


def draw_sign_differences(config: Config, names: Sequence[str]) -> np.ndarray | None:
    """Draw phantoms of a task with and without their signs, and return where the two pictures differ.

    Args:
        config: Of the task. If its source is not "phantom", the result is None.
        names: What the manifest calls the images.

    Returns:
        bool (n, image_size, image_size); False everywhere for a picture without signs.
    """
    if config.source != "phantom":
        return None
    plan = read_plan(config)
    pairs = (draw_pair(config, name, plan=plan) for name in names)
    return np.array([_difference(sick.image, healthy.image, config.image_size) for sick, healthy in pairs])


def _difference(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    differs = np.abs(one.astype(int) - other.astype(int)).max(axis=-1) > VISIBLE
    picture = Image.fromarray(differs.astype(np.uint8) * 255)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX)) > 0
