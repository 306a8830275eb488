"""A mean over images and trainings: its interval when images share groups, and models share images and seeds.

Several trainings (seeds) are attacked on the same images. So two values depend on each other if they share an image's
group (a lesion, a patient) or a seed. Intervals that count only images say nothing of the next training.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from helpers.judge.statistics import CONFIDENCE, cluster_variance, effective_groups

SMALLEST_SHARE = 1e-12  # of a variance: below it, rounding


@dataclass(frozen=True)
class Estimate:
    """A mean, how sure it is, and where its uncertainty comes from.

    Attributes:
        value: The mean.
        error: Its standard error.
        freedom: Degrees of freedom of the error.
        groups: Number of groups (lesions, patients).
        seeds: Number of trainings; of one alone, the error counts images only.
        images: Number of different images.
        group_variance: Variance of the mean that comes from groups; another number of groups divides it accordingly.
        seed_variance: The same of seeds; 0 if there is one.
        trials: Of a share, or a difference of two: the number of effective groups, times up to the number of trainings
            if an image's values differ between them; at most the number of values. Infinite for other means.
    """

    value: float
    error: float
    freedom: float
    groups: int
    seeds: int
    images: int
    group_variance: float
    seed_variance: float
    trials: float = np.inf

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return (low, high): the thresholds that `p_above` and `p_below` do not exclude; NaN for a single group."""
        if self.groups < 2:
            return np.nan, np.nan
        half = student.ppf((1 + confidence) / 2, self.freedom) * self.error
        ends = [self.value - half, self.value + half]
        if np.isfinite(self.trials):
            ends += _score_ends(self.value, norm.ppf((1 + confidence) / 2) ** 2 / self.trials)
        return float(min(ends)), float(max(ends))

    def p_above(self, threshold: float) -> float:
        """Return the one-sided p value of the true mean being at most `threshold`, by Student's t.

        Of a share, the larger one of two: where few values differ, they seem to vary less than they do. If a share were
        the threshold t, the variance of its values would be t (1 - t); that of a difference of two shares would be
        |t| - t² at least. The second p value is that of this variance (the score test, whose interval is Wilson's).
        """
        if self.groups < 2:
            return 1.0
        excess = self.value - threshold
        by_error = student.sf(excess / self.error, self.freedom) if self.error else excess <= 0
        largest = -self.value / (1 + 2 * self.value) if self.value > 0 else threshold  # where it is largest, below 0
        return float(max(by_error, *(self._p_by_least(t) for t in (threshold, min(threshold, largest)))))

    def _p_by_least(self, threshold: float) -> float:
        """Return the p value by the smallest variance of a share that is the threshold; 0 where that is 0."""
        least = np.sqrt(max(abs(threshold) - threshold**2, 0) / self.trials)
        return float(norm.sf((self.value - threshold) / least)) if least else 0.0

    def p_below(self, threshold: float) -> float:
        """Return the one-sided p value of the true mean being at least `threshold`."""
        return replace(self, value=-self.value).p_above(-threshold)


def crossed_mean(
    values: np.ndarray, groups: np.ndarray, seeds: np.ndarray, *, images: np.ndarray | None = None
) -> Estimate:
    """Return the `Estimate` of a mean over images and seeds.

    The variance adds what clusters of groups and clusters of seeds contribute, less what they count twice (Cameron,
    Gelbach, Miller: "Robust Inference with Multiway Clustering", 2011), each with the correction for few clusters; it
    is never below the larger of the two. The degrees of freedom are Satterthwaite's; with several seeds half as many,
    at least the number of seeds less one. Three seeds often seem to differ less than they do, and intervals with all
    degrees of freedom would hold the truth in 92% of studies instead of 95%. Values that are all equal still have an
    error: the one that a share of 0 would have. Values that are all -1, 0 or 1 are taken for those of a share, or of a
    difference of two.

    Args:
        values: float (n,), one for each image and seed; not all combinations need to be there.
        groups: Of each value: lesion or patient.
        seeds: Of each value: the training.
        images: Of each value; None: a value's number. Only counted.
    """
    values = np.asarray(values, float)
    if not np.isfinite(values).all():
        raise ValueError("values: expected finite numbers")
    count = len(values)
    named = np.arange(count) if images is None else np.asarray(images)
    if not count:
        return Estimate(np.nan, np.nan, np.nan, 0, 0, 0, np.nan, np.nan)
    mean = float(values.mean())
    by_group, group_count = cluster_variance(values - mean, groups)
    by_seed, seed_count = cluster_variance(values - mean, seeds)
    both = pd.factorize(np.asarray(groups))[0] * seed_count + pd.factorize(np.asarray(seeds))[0]
    twice = cluster_variance(values - mean, both)[0] if seed_count > 1 else 0.0
    variance = max(by_group + by_seed - twice, by_group, by_seed)
    freedom, effective = float(max(group_count - 1, 1)), effective_groups(groups)
    if variance > SMALLEST_SHARE * max(mean**2, SMALLEST_SHARE):
        parts = [(by_group, group_count), (by_seed, seed_count)]
        freedom = variance**2 / sum(part**2 / (number - 1) for part, number in parts if number > 1 and part > 0)
        freedom = float(max((freedom - 1) / 2, seed_count - 1) if seed_count > 1 else freedom)
    else:  # no two values differ: as if the next group did, with the probability that is still 5%
        variance = ((1 - (1 - CONFIDENCE) ** (1 / effective)) / 2) ** 2
    error, trials = float(np.sqrt(variance)), np.inf
    if np.isin(values, (-1, 0, 1)).all():
        trials = min(effective * _independent_trainings(values - mean, groups, both, seed_count), count)
    images_seen = len(pd.unique(named))
    return Estimate(mean, error, freedom, group_count, seed_count, images_seen, by_group, by_seed, trials)


def _independent_trainings(residuals: np.ndarray, groups: np.ndarray, cells: np.ndarray, seeds: int) -> float:
    """Return how many independent trainings these count for: 1 if the values of each group are alike in all of them.

    One more group counts, whose values are alike: otherwise a single value that differs would make trainings look
    independent.
    """
    members = (pd.factorize(np.asarray(clusters))[0] for clusters in (groups, cells))
    by_group, by_cell = (float((np.bincount(each, residuals) ** 2).sum()) for each in members)
    return float(np.clip(seeds * (by_cell + seeds) / (by_group + seeds**2), 1, seeds))


def _score_ends(value: float, factor: float) -> list[float]:
    """Return the thresholds t at which (value - t)² is `factor` times |t| - t², the smallest variance there."""
    ends = []
    for sign in (1, -1):  # of t
        centre = value + sign * factor / 2
        if (root := centre**2 - (1 + factor) * value**2) >= 0:
            found = ((centre + side * np.sqrt(root)) / (1 + factor) for side in (1, -1))
            ends += [float(end) for end in found if sign * end >= 0]
    return ends


def average(estimates: list[Estimate]) -> Estimate:
    """Return the mean of independent estimates."""
    count = len(estimates)
    return _combined(estimates, sum(each.value for each in estimates) / count, 1 / count**2)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two independent estimates."""
    return _combined([one, other], one.value - other.value, 1.0)


def _combined(estimates: list[Estimate], value: float, factor: float) -> Estimate:
    """Return an estimate whose variance is the sum of others', times a factor."""
    variances = np.array([each.error**2 for each in estimates])
    total = variances.sum()
    freedom = total**2 / (variances**2 / [each.freedom for each in estimates]).sum() if total else np.inf
    return Estimate(
        value=float(value),
        error=float(np.sqrt(factor * total)),
        freedom=float(freedom),
        groups=min(each.groups for each in estimates),
        seeds=min(each.seeds for each in estimates),
        images=min(each.images for each in estimates),
        group_variance=float(factor * sum(each.group_variance for each in estimates)),
        seed_variance=float(factor * sum(each.seed_variance for each in estimates)),
    )
