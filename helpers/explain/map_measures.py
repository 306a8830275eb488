"""Numbers for activation maps: how alike two are, how focused one is, and how much of it is where it should be.

A map is float (H, W), at least 0. No measure changes when a map is multiplied by a number above 0, nor when maps and
mask are mirrored together. What cannot be measured raises `UndefinedError` with the reason.
"""

import math

import numpy as np
from scipy import ndimage, stats

TOP = 0.2  # share of the positions that count as a map's focus


class UndefinedError(ValueError):
    """A measure has no value here; the message says why."""


def all_zero(values: np.ndarray) -> float:
    """Return 1 if nothing in a map supports its class, else 0. Such a map has no value of any other measure."""
    return float(not values.max() > 0)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's correlation of two maps, -1 (inverted) to 1 (the same order)."""
    _check_not_constant(one, other)
    return float(stats.spearmanr(one.ravel(), other.ravel()).statistic)


def inverted(one: np.ndarray, other: np.ndarray) -> float:
    """Return 1 if one map is low where the other is high (their rank correlation is below 0), else 0."""
    return float(rank_correlation(one, other) < 0)


def overlap_of_top(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of the two maps' top 20% of positions, 0 to 1."""
    _check_not_constant(one, other)
    a, b = _top(one), _top(other)
    return float((a & b).sum() / (a | b).sum())


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Return the structural similarity of two maps, each scaled to a largest value of 1; 1 if they are the same.

    Source: Wang, Bovik, Sheikh, Simoncelli: "Image Quality Assessment", 2004, with one window over the whole map: the
    last feature map has few positions.
    """
    _check_not_constant(one, other)
    one, other = one / one.max(), other / other.max()
    (variance, covariance), (_, other_variance) = np.cov(one.ravel(), other.ravel(), bias=True)
    means, c1, c2 = (one.mean(), other.mean()), 0.01**2, 0.03**2
    luminance = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
    return float(luminance * (2 * covariance + c2) / (variance + other_variance + c2))


def entropy(values: np.ndarray) -> float:
    """Return the entropy of a map taken as a distribution, as a share of the largest possible.

    1 is an even map, 0 has all on one position.
    """
    _check_not_zero(values)
    return float(stats.entropy(values.ravel()) / math.log(values.size)) if values.size > 1 else 1.0


def gini(values: np.ndarray) -> float:
    """Return the Gini coefficient of a map: 0 is even, 1 - 1/n is all on one of n positions."""
    _check_not_zero(values)
    ranked, n = np.sort(values.ravel()), values.size
    return float(2 * (np.arange(1, n + 1) * ranked).sum() / (n * ranked.sum()) - (n + 1) / n)


def regions(values: np.ndarray) -> float:
    """Return how many separate regions reach half of the map's largest value; corners touch."""
    _check_not_zero(values)
    return float(ndimage.label(values >= values.max() / 2, structure=np.ones((3, 3)))[1])


def share_in_mask(values: np.ndarray, mask: np.ndarray | None) -> float:
    """Return inside / (inside + outside) of a mask, where each is a mean value; 1/2 if the map ignores the mask.

    Args:
        values: At least 0, (H, W); interpolated to the mask's size.
        mask: bool (height, width), or None if there is none.
    """
    _check_not_zero(values)
    inside, outside = (values_at(values, mask, where) for where in (True, False))
    return float(inside.mean() / (inside.mean() + outside.mean()))


def peak_in_mask(values: np.ndarray, mask: np.ndarray | None) -> float:
    """Return 1 if the map's highest position, interpolated, is in the mask, else 0 (the "pointing game").

    Source: Zhang, Lin, Brandt, Shen, Sclaroff: "Top-down Neural Attention by Excitation Backprop", 2016, arXiv
    1608.00507. By chance, it is 1 as often as the mask is large. Several highest positions count in equal parts.
    """
    _check_not_constant(values)
    mask = check_mask(mask)
    large = enlarged(values, mask.shape)
    return float(mask[large >= large.max() * (1 - 1e-6)].mean())


def values_at(values: np.ndarray, mask: np.ndarray | None, where: bool) -> np.ndarray:
    """Return the values inside (True) or outside a mask, to whose size they are interpolated."""
    mask = check_mask(mask)
    return enlarged(values, mask.shape)[mask == where]


def enlarged(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a map interpolated to a larger grid, the outermost values continued to the edge."""
    if values.shape == tuple(shape):
        return values
    factors = [new / old for new, old in zip(shape, values.shape, strict=True)]
    return ndimage.zoom(values.astype(float), factors, order=1, mode="nearest", grid_mode=True)


def _top(values: np.ndarray) -> np.ndarray:
    """Return which positions are among the top share, bool, including ties with the last of them."""
    count = math.ceil(TOP * values.size)
    return values >= np.sort(values, axis=None)[-count]


def _check_not_constant(*maps: np.ndarray) -> None:
    if any(np.ptp(values) == 0 for values in maps):
        raise UndefinedError("a map is constant")


def _check_not_zero(values: np.ndarray) -> None:
    if not values.max() > 0:
        raise UndefinedError("the map is zero everywhere")


def check_mask(mask: np.ndarray | None) -> np.ndarray:
    """Return a mask that has an inside and an outside.

    Raises:
        UndefinedError: there is no mask, or it covers nothing or all.
    """
    if mask is None:
        raise UndefinedError("needs a mask")
    if mask.all() or not mask.any():
        raise UndefinedError("the mask covers all" if mask.all() else "the mask is empty")
    return mask
