"""Two models attacked on the same images: how much their radii differ, and at which epsilon one holds more of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, bootstrap
from scipy.stats.mstats import hdmedian

from helpers.errors import StudyError
from helpers.judge.crossed import crossed_mean
from helpers.judge.statistics import CONFIDENCE, grouped_mean, image_radii

LARGEST_RADIUS = 1.0  # of pixels in [0, 1]: an infinite radius counts as this
RESAMPLES = 2000  # of a bootstrap


@dataclass(frozen=True)
class Compared:
    """A number that compares two models, with its 95% interval over groups; NaN for a single group."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Pairs:
    """The radii of the same images under two models.

    Attributes:
        first, second: float64 (n,), radii; 0 if misclassified clean.
        groups: Of the images (lesions, patients), (n,).
    """

    first: np.ndarray
    second: np.ndarray
    groups: np.ndarray

    @classmethod
    def from_tables(cls, first: pd.DataFrame, second: pd.DataFrame) -> "Pairs":
        """Pair two tables of robustness.

        Raises:
            StudyError: they are not of the same images.
        """
        one, other = image_radii(first), image_radii(second)
        if set(one.index) != set(other.index):
            only = sorted(set(one.index) ^ set(other.index))
            raise StudyError(
                f"robustness: expected two models attacked on the same images; {len(only)} images are in one table "
                f"only, such as {only[0]}. Attack both with the same attack_images and data_seed."
            )
        groups = first.drop_duplicates("image").set_index("image").group
        return cls(one.to_numpy(), other[one.index].to_numpy(), groups[one.index].to_numpy())

    @property
    def both_right(self) -> np.ndarray:
        """Which images both models classify right clean, bool (n,): a radius says nothing of the others."""
        return (self.first > 0) & (self.second > 0)

    def ratio_of_geometric_means(self) -> Compared:
        """Return the second model's geometric mean radius over the first's, on images that both classify right.

        The interval is that of `crossed_mean`, as in the verdicts.
        """
        kept = self.both_right
        logs = np.log(_capped(self.second[kept]) / _capped(self.first[kept]))
        estimate = crossed_mean(logs, self.groups[kept], np.zeros(len(logs)))
        return Compared(*(float(np.exp(number)) for number in (estimate.value, *estimate.interval())))

    def ratio_of_medians(self, *, seed: int = 0) -> Compared:
        """Return the second model's median radius over the first's, on images that both classify right.

        Medians are Harrell and Davis' (1982) of the radii's logarithms: means of all values in their order, in which
        those in the middle have the most weight. The percentile bootstrap's interval of a plain median is too wide.
        """
        kept = self.both_right
        first, second = np.log(_capped(self.first[kept])), np.log(_capped(self.second[kept]))
        names, positions = np.unique(self.groups[kept], return_inverse=True)
        value = float(np.exp(hdmedian(second) - hdmedian(first))) if len(first) else np.nan
        if len(names) < 2:
            return Compared(value, np.nan, np.nan)
        members = [np.flatnonzero(positions == number) for number in range(len(names))]

        def ratio(drawn: np.ndarray) -> float:
            rows = np.concatenate([members[number] for number in drawn])
            return float(np.exp(hdmedian(second[rows]) - hdmedian(first[rows])))

        interval = bootstrap(
            (np.arange(len(names)),),
            ratio,
            vectorized=False,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=seed,
        ).confidence_interval
        return Compared(value, float(interval.low), float(interval.high))

    def area_between_curves(self, epsilons: Sequence[float]) -> Compared:
        """Return how much higher the second model's robust accuracy is, on average over a logarithmic axis of epsilon.

        All images count, those that are misclassified clean, too.

        Args:
            epsilons: The axis reaches from the smallest above 0 to the largest.
        """
        low, high = np.log(min(epsilon for epsilon in epsilons if epsilon > 0)), np.log(max(epsilons))
        first, second = (
            (np.log(np.clip(radii, np.exp(low), np.exp(high))) - low) / (high - low)
            for radii in (self.first, self.second)
        )
        return Compared(*grouped_mean(second - first, self.groups))

    def mcnemar(self, epsilon: float) -> float:
        """Return the exact p value of McNemar's test that both models hold equally many images at an epsilon.

        Images of one group may depend on each other, so each group has one vote: for the model that holds more of its
        images. For groups of one image this is McNemar's test.
        """
        leads = (self.first > epsilon).astype(int) - (self.second > epsilon)
        votes = pd.Series(leads).groupby(self.groups).sum()
        first, differing = int((votes > 0).sum()), int((votes != 0).sum())
        return float(binomtest(first, differing).pvalue) if differing else 1.0


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Return p values adjusted for testing all of them (Holm, 1979), in the given order."""
    values = np.asarray(list(p_values), float)
    order = np.argsort(values)
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _capped(radii: np.ndarray) -> np.ndarray:
    return np.minimum(radii, LARGEST_RADIUS)
