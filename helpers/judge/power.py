"""Power: which verdicts a study of some size would reach, if attention changed radii by a known factor."""

import numpy as np
import pandas as pd

from helpers.judge.claims import Claim
from helpers.judge.crossed import crossed_mean
from helpers.judge.thresholds import Thresholds

SIMULATIONS = 200  # studies


def verdict_shares(
    claim: Claim,
    *,
    effect: float,
    images: int,
    seeds: int,
    image_spread: float,
    seed_spread: float,
    rounds: int = SIMULATIONS,
) -> pd.Series:
    """Return the share of each verdict on one cell of a claim about a ratio of radii, over simulated studies.

    It adjusts for the number of the claim's cells, as if this one were the first to be decided. Unlike `judge`, it
    gives a verdict on however few trainings.

    Args:
        claim: With the thresholds and the cells.
        effect: The true ratio.
        images: That both models classify right, each in a group of its own.
        seeds: Trainings.
        image_spread: Standard deviation of the log ratio between images, in one training. Half of its variance is the
            image's in all trainings, half is new in each.
        seed_spread: Of the mean log ratio between trainings.
    """
    rng, thresholds = np.random.default_rng(0), Thresholds.of(claim, chance=0.5)
    image, seed = np.repeat(np.arange(images), seeds), np.tile(np.arange(seeds), images)
    tests = np.array([len(claim.cells) if claim.some_cells_support else 1, len(claim.cells)])
    verdicts, half = [], image_spread / np.sqrt(2)
    for _ in range(rounds):
        of_image, of_both = rng.normal(0, half, images), rng.normal(0, half, len(image))
        of_seed = rng.normal(0, seed_spread, seeds)
        found = crossed_mean(np.log(effect) + of_image[image] + of_both + of_seed[seed], image, seed)
        verdicts.append(thresholds.verdict(*(np.array(thresholds.p_values(found)) * tests)))
    return pd.Series(verdicts).value_counts(normalize=True)
