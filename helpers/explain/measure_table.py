"""All measures by name, and the table of their values: a row per image, condition and measure."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.explain import map_measures, perturbation_measures

PERTURBATION_MEASURES = {  # inputs: the perturbation, the dataset's mask, where the sign is, the object's outline
    "energy in the mask": lambda change, mask, sign, shape: perturbation_measures.energy_in_mask(change, mask),
    "energy on the sign": lambda change, mask, sign, shape: perturbation_measures.energy_in_mask(change, sign),
    "ring against centre": lambda change, mask, sign, shape: perturbation_measures.ring_against_centre(change, shape),
    "agreement with the shape": lambda change, mask, sign, shape: perturbation_measures.shape_agreement(change, shape),
    "contrast": lambda change, *_: perturbation_measures.contrast(change),
    "dark splotches": lambda change, *_: perturbation_measures.splotch_count(change),
    "size of a splotch": lambda change, *_: perturbation_measures.splotch_area(change),
    "high frequencies": lambda change, *_: perturbation_measures.high_frequencies(change),
}
MAP_MEASURES = {  # inputs: the activation map, the dataset's mask, where the sign is
    "all zero": lambda values, *_: map_measures.all_zero(values),
    "entropy": lambda values, *_: map_measures.entropy(values),
    "Gini": lambda values, *_: map_measures.gini(values),
    "regions": lambda values, *_: map_measures.regions(values),
    "map in the mask": lambda values, mask, sign: map_measures.share_in_mask(values, mask),
    "peak in the mask": lambda values, mask, sign: map_measures.peak_in_mask(values, mask),
    "map on the sign": lambda values, mask, sign: map_measures.share_in_mask(values, sign),
}
MAP_PAIR_MEASURES = {  # inputs: two activation maps
    "rank correlation": map_measures.rank_correlation,
    "inverted": map_measures.inverted,
    "overlap of the top 20%": map_measures.overlap_of_top,
    "SSIM": map_measures.ssim,
}
MEANINGS = {  # as notebook 06 lists them: of a perturbation, of two maps, of one map
    "energy in the mask": "mean square in the dataset's mask / (that + mean square outside): ½ if the mask is ignored",
    "energy on the sign": "the same, for the pixels that the sign of disease changes: known for phantoms only",
    "ring against centre": "above ½ if a band around the outline is changed more than the centre",
    "agreement with the shape": "1 if, smoothed, every pixel inside changes more than every one outside; ½ by chance",
    "contrast": "standard deviation of the changes' sizes / their mean; of noise the same, by construction",
    "dark splotches": "number of regions, each at least .1% of the picture, darkened by over ¼ of the largest change",
    "size of a splotch": "their mean size, as a share of the picture",
    "high frequencies": "share of the power at .25 cycles a pixel or more: .8 for white noise",
    "rank correlation": "Spearman's, of the two maps' values: 1 for the same order, below 0 for inverted ones",
    "inverted": "share of images whose two maps have a rank correlation below 0",
    "overlap of the top 20%": "intersection over union of the highest fifth of the cells: 1 for equal maps",
    "SSIM": "structural similarity: 1 for equal maps",
    "all zero": "share of maps in which nothing speaks for the class",
    "entropy": "1: even, no focus; 0: all in one cell",
    "Gini": "0: even, no focus; near 1: all in one cell",
    "regions": "number of connected regions of at least half of the map's maximum",
    "map in the mask": "mean in the mask / (that + mean outside): ½ if the map ignores the mask",
    "peak in the mask": "share of images whose highest place is in the mask; by chance the mask's share of the picture",
    "map on the sign": "as map in the mask, for the pixels that the sign of disease changes",
}
SHARES = ("all zero", "peak in the mask", "inverted")  # their values are 0 or 1
COLUMNS = ("image", "group", "condition", "epsilon", "target", "outcome", "measure", "value", "reason")


def tabulate(
    functions: Mapping[str, Callable[..., float]],
    arguments: Sequence[tuple],
    *,
    names: Sequence[str] | np.ndarray,
    groups: Sequence[str] | np.ndarray,
    outcomes: Sequence[str] | np.ndarray,
    condition: str,
    epsilon: float = 0.0,
    target: str = "",
) -> pd.DataFrame:
    """Return a table with `COLUMNS`: every function of every image's arguments, or the reason why it has no value.

    An outcome is "held", "broken" or "wrong before": already misclassified without the change.
    """
    rows = []
    for name, group, outcome, inputs in zip(names, groups, outcomes, arguments, strict=True):
        for measure, function in functions.items():
            try:
                value, reason = function(*inputs), ""
            except map_measures.UndefinedError as undefined:
                value, reason = np.nan, str(undefined)
            rows.append((name, group, condition, epsilon, target, outcome, measure, value, reason))
    return pd.DataFrame(rows, columns=list(COLUMNS))
