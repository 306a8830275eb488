"""Do two models of a task look at the same places of the same unperturbed images?"""

import numpy as np
import pandas as pd

from helpers.config import StudyError
from helpers.explain.table import OF_TWO_MAPS, tabulate
from helpers.paths import RunFolder


def compare_maps(one: RunFolder, other: RunFolder) -> pd.DataFrame:
    """Return how alike two models' clean maps for the true class are, on the images that both were explained on.

    Returns:
        A table as `tabulate` makes it. Condition "other model" compares the maps of the same image. The control, "other
        model, other image", compares those of different images: what any two pictures of a task share.

    Raises:
        StudyError: they share no two images, or their maps differ in size.
    """
    with np.load(one.maps) as first, np.load(other.maps) as second:
        (names, mine, theirs), groups = (
            np.intersect1d(first["names"], second["names"], return_indices=True),
            first["groups"],
        )
        maps, others = first["maps_true"][0][mine], second["maps_true"][0][theirs]
    if len(names) < 2 or maps.shape[1:] != others.shape[1:]:
        raise StudyError(
            f"{one.maps} and {other.maps}: expected maps of the same size of at least two images in common; got sizes "
            f"{maps.shape[1:]} and {others.shape[1:]}, {len(names)} images. Explain both with the same sample, layer."
        )
    about = {"names": names, "groups": groups[mine], "broken": np.zeros(len(names), bool), "target": "true"}
    pairs = {"other model": others, "other model, other image": np.roll(others, 1, axis=0)}
    return pd.concat(
        [
            tabulate(OF_TWO_MAPS, list(zip(maps, theirs, strict=True)), **about, condition=name)
            for name, theirs in pairs.items()
        ],
        ignore_index=True,
    )
