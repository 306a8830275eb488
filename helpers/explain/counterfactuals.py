"""Where a phantom with its signs of disease differs from the same phantom without them."""

import numpy as np
import pandas as pd
from PIL import Image

from helpers.config import Config
from helpers.phantoms import phantom
from helpers.phantoms.dataset import LAYOUTS

VISIBLE = 5  # grey levels of 255: smaller differences are rounding


def draw_sign_differences(config: Config, names: list[str]) -> np.ndarray | None:
    """Draw phantoms of a task with and without their signs, and return where the two pictures differ.

    Args:
        config: Of the task; its source must be "phantom", else the answer is None.
        names: What the manifest calls the images.

    Returns:
        bool (n, image_size, image_size); nowhere true of a picture without signs.
    """
    if config.source != "phantom":
        return None
    layout = LAYOUTS[config.task]
    plan = layout.plan(config.phantoms, np.random.default_rng([config.data_seed, 0])).set_index("_image")
    settings = {"size": config.phantom_size, "ambiguity": config.ambiguity, "spurious": config.spurious}
    return np.array([_difference(layout.kind, row, config, settings) for _, row in plan.loc[names].iterrows()])


def _difference(kind: str, row: pd.Series, config: Config, settings: dict[str, float]) -> np.ndarray:
    seed = config.data_seed + 1_000_003 * row["_subject"]  # as `write_phantoms` draws them
    pair = [phantom(kind, row["_label"], seed, view=row["_view"], signs=signs, **settings) for signs in (None, ())]
    with_signs, without = (drawn.image.astype(int) for drawn in pair)
    differs = Image.fromarray((np.abs(with_signs - without).max(axis=-1) > VISIBLE).astype(np.uint8) * 255)
    return np.asarray(differs.resize((config.image_size, config.image_size), Image.Resampling.BOX)) > 0
