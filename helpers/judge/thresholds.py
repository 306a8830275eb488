"""Where a claim is supported and contradicted, and how much more evidence would decide it."""

from dataclasses import dataclass

import numpy as np
from scipy.special import (
    ndtri,
    stdtrit,
)  # quantiles of the normal distribution and of t, without the checks of scipy.stats that take most of the time

from helpers.judge.claims import Claim
from helpers.judge.crossed import Estimate
from helpers.judge.measures import MEASURES
from helpers.judge.statistics import CONFIDENCE

SUPPORTED, CONTRADICTED, EQUIVALENT = "supported", "contradicted", "equivalent"
CANNOT_TELL, NOT_TESTABLE, NOT_TRUSTED = "cannot tell", "not testable here", "attack not trusted"
VERDICTS = (SUPPORTED, EQUIVALENT, CONTRADICTED, CANNOT_TELL, NOT_TRUSTED, NOT_TESTABLE)
OPPOSITE = "the opposite holds"  # of a claim that is contradicted: why
EQUIVALENCE_LEVEL = 1 - CONFIDENCE  # of each of the two one-sided tests of equivalence (Schuirmann, 1987)
LEVEL = (1 - CONFIDENCE) / 2  # of a one-sided test: that of a 95% interval
MOST_TIMES = 100  # times as many images or trainings: more than that are not suggested


@dataclass(frozen=True)
class Thresholds:
    """Where a claim is supported and contradicted, on the scale of the estimate; infinite where it has no threshold."""

    supports_above: float = -np.inf
    contradicts_below: float = -np.inf
    supports_below: float = np.inf
    contradicts_above: float = np.inf
    within: tuple[float, float] | None = None

    @classmethod
    def of(cls, claim: Claim, *, chance: float) -> "Thresholds":
        """Return a claim's thresholds; "chance" is the accuracy of guessing."""
        scale = np.log if MEASURES[str(claim.measure)].is_ratio else float

        def scaled(threshold: float | str | None, otherwise: float) -> float:
            return otherwise if threshold is None else float(scale(chance if threshold == "chance" else threshold))

        return cls(
            supports_above=scaled(claim.supports_above, -np.inf),
            contradicts_below=scaled(claim.contradicts_below, -np.inf),
            supports_below=scaled(claim.supports_below, np.inf),
            contradicts_above=scaled(claim.contradicts_above, np.inf),
            within=claim.within and (float(scale(claim.within[0])), float(scale(claim.within[1]))),
        )

    def p_values(self, estimate: Estimate) -> tuple[float, float]:
        """Return the p values of what supports the claim and of what contradicts it."""
        if self.within:
            low, high = self.within
            inside = max(estimate.p_above(low), estimate.p_below(high))
            return inside, min(estimate.p_above(high), estimate.p_below(low))
        if np.isfinite(self.supports_above):
            return estimate.p_above(self.supports_above), estimate.p_below(self.contradicts_below)
        return estimate.p_below(self.supports_below), estimate.p_above(self.contradicts_above)

    def verdict(self, supports: float, contradicts: float) -> str:
        """Return the verdict that follows from two p values."""
        if contradicts < LEVEL:
            return CONTRADICTED
        if self.within:
            return EQUIVALENT if supports < EQUIVALENCE_LEVEL else CANNOT_TELL
        return SUPPORTED if supports < LEVEL else CANNOT_TELL

    def opposite(self, estimate: Estimate) -> float:
        """Return the p value of the claim's opposite; a claim that there is no difference has none."""
        if self.within:
            return 1.0
        is_larger = np.isfinite(self.supports_above)
        return estimate.p_below(self.supports_above) if is_larger else estimate.p_above(self.supports_below)

    def why_contradicted(self, estimate: Estimate, opposite: float) -> str:
        """Return in which way an estimate contradicts the claim, with the p value of its opposite, adjusted or not."""
        if self.within:
            return "it lies outside what the claim allows"
        if opposite < LEVEL:
            return OPPOSITE
        is_larger = np.isfinite(self.supports_above)
        effect = estimate.p_above(self.supports_above) if is_larger else estimate.p_below(self.supports_below)
        return "there is an effect, too small to matter" if effect < LEVEL else "an effect that matters is excluded"

    def gap(self, estimate: Estimate) -> float:
        """Return how near the interval's ends may be to the estimate, at most, for a verdict to be certain."""
        if self.within:
            low, high = self.within
            return min(abs(estimate.value - low), abs(estimate.value - high))
        support, contradict = (
            (self.supports_above, self.contradicts_below)
            if np.isfinite(self.supports_above)
            else (self.supports_below, self.contradicts_above)
        )
        return max(abs(support - contradict) / 2, abs(estimate.value - support), abs(estimate.value - contradict))


def needed(estimate: Estimate, gap: float, *, tests: int = 1) -> str:
    """Return in words how many images or trainings would tell: an interval adjusted for so many tests fits `gap`."""
    if estimate.groups < 2:
        return "images of one group do not tell"
    if not gap > 0:
        return "the value lies on the threshold, so no number of images would tell"
    has_seeds = estimate.seeds > 1
    ends = (estimate.value - gap, estimate.value + gap)
    least = max(*(abs(end) - end**2 for end in ends), 0) / estimate.trials  # the variance of a share, as in `Estimate`
    for factor in np.geomspace(1, MOST_TIMES, 200):
        images, trainings = int(np.ceil(estimate.images * factor / 10)) * 10, int(np.ceil(estimate.seeds * factor))
        if _half(estimate, tests, least, groups=factor) <= gap:
            return f"about {images} images would tell"
        if has_seeds and _half(estimate, tests, least, seeds=factor) <= gap:
            return f"about {trainings} trainings would tell"
    for factor in np.geomspace(1, MOST_TIMES, 200):
        images, trainings = int(np.ceil(estimate.images * factor / 10)) * 10, int(np.ceil(estimate.seeds * factor))
        if has_seeds and _half(estimate, tests, least, groups=factor, seeds=factor) <= gap:
            return f"about {images} images and {trainings} trainings would tell"
    return f"it would take more than {MOST_TIMES} times as many images"


def _half(estimate: Estimate, tests: int, least: float, *, groups: float = 1.0, seeds: float = 1.0) -> float:
    """Return half the width of the interval with so many times as many groups and seeds: of 1, that of the estimate.

    `least` is the smallest variance with as many groups as now.
    """
    parts = (estimate.group_variance, estimate.groups, groups), (estimate.seed_variance, estimate.seeds, seeds)
    by_group, by_seed = (variance / factor for variance, _, factor in parts)
    twice = max(estimate.group_variance + estimate.seed_variance - estimate.error**2, 0) / (groups * seeds)
    variance = max(by_group + by_seed - twice, by_group, by_seed)
    if variance > 0:
        freedom = variance**2 / sum((v / f) ** 2 / max(count * f - 1, 1) for v, count, f in parts)
        if estimate.seeds > 1:  # as in `crossed_mean`
            freedom = max((freedom - 1) / 2, estimate.seeds * seeds - 1)
    else:  # no two values differ: there, the error is nearly proportional to 1 / groups
        variance, freedom = (estimate.error / groups) ** 2, estimate.groups * groups - 1
    by_error = stdtrit(max(freedom, 1), 1 - LEVEL / tests) * np.sqrt(variance)
    return float(max(by_error, ndtri(1 - LEVEL / tests) * np.sqrt(least / groups)))
