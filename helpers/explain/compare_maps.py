"""Do two models of a task look at the same parts of the same unperturbed images?"""

import numpy as np
import pandas as pd

from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.errors import StudyError
from helpers.explain import controls
from helpers.explain.measure_table import MAP_PAIR_MEASURES, tabulate


def compare_maps(one: RunFolder, other: RunFolder) -> pd.DataFrame:
    """Return how alike two models' clean maps for the true class are, on the images that both were explained on.

    Returns:
        A table as `tabulate` makes it. Condition "other model" compares the maps of the same image. The control, "other
        model, other image", compares those of images of different groups: what any two pictures of a task share. It is
        missing if all images are of one group.

    Raises:
        StudyError: they share no two images, or their maps differ in size.
    """
    first, second = ExplanationArrays.load(one.maps), ExplanationArrays.load(other.maps)
    names, in_first, in_second = np.intersect1d(first.names, second.names, return_indices=True)
    maps, others = first.maps["true"][0][in_first], second.maps["true"][0][in_second]
    if len(names) < 2 or maps.shape[1:] != others.shape[1:]:
        raise StudyError(
            f"{one.maps} and {other.maps}: expected maps of the same size of at least two images in common; got sizes "
            f"{maps.shape[1:]} and {others.shape[1:]}, {len(names)} images. Explain both with the same sample, layer."
        )
    groups, comparisons = first.groups[in_first], {"other model": others}
    elsewhere = controls.others(groups)
    if len(elsewhere):
        comparisons["other model, other image"] = others[elsewhere]
    tables = [
        tabulate(
            MAP_PAIR_MEASURES,
            list(zip(maps, compared, strict=True)),
            names=names,
            groups=groups,
            outcomes=[""] * len(names),
            condition=condition,
            target="true",
        )
        for condition, compared in comparisons.items()
    ]
    return pd.concat(tables, ignore_index=True)
