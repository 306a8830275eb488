"""How often do the study's 95% intervals hold the truth, and how often does McNemar's test see what is not there?

    .venv/bin/python benchmarks/coverage.py

By simulation: images of groups of one to four that are alike, two models attacked on the same images, as in one run.
Printed is the share of studies whose interval holds the true value, for as many groups as notebook 06, `quick` and
`reference` have; and the share in which the test's p value is below .05 although the models do not differ. Further, how
often verdicts would take a rare share for one below its own true value, by Student's t alone and by both tests.
"""

import argparse
import itertools
from dataclasses import astuple, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.judge.crossed import crossed_mean
from helpers.judge.pairs import Pairs
from helpers.judge.statistics import grouped_auc, grouped_mean

GROUPS = (10, 20, 70)
EFFECT, ALIKE, APART = 0.2, 0.8, 0.6  # mean difference of log radii; standard deviations between and within groups
SHIFT = 0.5  # of the scores of attacked images
RARE = (0.02, 0.05)  # true shares, such as accuracies at a large epsilon
LIKENESS = 0.8  # of an image's outcomes in several trainings: share of the variance behind them


def draw_groups(rng, count):
    """Return the group of each image, and a function that draws normal values that are alike within groups."""
    names = np.repeat(np.arange(count), rng.integers(1, 5, count))
    return names, lambda: ALIKE * rng.normal(size=count)[names] + APART * rng.normal(size=len(names))


def covered(rng, count):
    """Return {interval: whether it holds the truth} of one simulated study."""
    groups, values = draw_groups(rng, count)
    first = values()
    pairs = Pairs(0.01 * np.exp(first), 0.01 * np.exp(first + EFFECT + 0.5 * values()), groups)
    on_axis = Pairs(np.exp(first / 9), np.exp((first + 0.5 * values()) / 9), groups)  # rarely beyond the axis' ends
    mean, right = values(), values() < norm.ppf(0.8)  # accuracy .8, as the values' variance is 1
    own = values()
    lower, higher = own + values(), own + values() + SHIFT
    found = {
        "ratio of geometric means": (np.exp(EFFECT), *astuple(pairs.ratio_of_geometric_means())),
        "ratio of medians": (np.exp(EFFECT), *astuple(pairs.ratio_of_medians())),
        "area between curves": (0, *astuple(on_axis.area_between_curves([np.exp(-1), np.exp(1)]))),
        "mean of a measure": (0, *grouped_mean(mean, groups)),
        "share, such as an accuracy": (0.8, *grouped_mean(right, groups, is_share=True)),
        "area under the ROC curve": (norm.cdf(SHIFT / 2), *grouped_auc(lower, higher, groups)),
    }
    return {name: low <= truth <= high for name, (truth, _, low, high) in found.items()}


def seen(rng, count):
    """Return whether McNemar's test sees a difference between two equally robust models."""
    groups, values = draw_groups(rng, count)
    shared = values()
    first, second = (0.01 * np.exp(shared + 0.5 * values()) for _ in range(2))
    return Pairs(first, second, groups).mcnemar(0.01) < 0.05


def said_below(rng, count, share, trainings):
    """Return whether a share is found to be below its true value: by Student's t alone, and by both tests."""
    groups, values = draw_groups(rng, count)
    shared = values()
    drawn = [np.sqrt(LIKENESS) * shared + np.sqrt(1 - LIKENESS) * values() for _ in range(trainings)]
    right = np.stack(drawn, axis=1) < norm.ppf(share)
    found = crossed_mean(right.ravel(), np.repeat(groups, trainings), np.tile(np.arange(trainings), len(groups)))
    return [each.p_below(share) < 0.025 for each in (replace(found, trials=np.inf), found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated, for each number of groups")
    arguments = parser.parse_args()
    columns = {}
    for count in GROUPS:
        rng = np.random.default_rng(count)
        held = pd.DataFrame([covered(rng, count) for _ in range(arguments.studies)]).mean()
        held["McNemar's test: p below .05"] = np.mean([seen(rng, count) for _ in range(arguments.studies)])
        for share, trainings in itertools.product(RARE, (1, 3)):
            said = np.mean([said_below(rng, count, share, trainings) for _ in range(arguments.studies)], axis=0)
            name = f"{share:g} said to be less, {trainings} training{'s' * (trainings > 1)}"
            held[f"{name}: t alone"], held[f"{name}: both"] = said
        columns[f"{count} groups"] = held
        print(f"{count} groups done", flush=True)
    print(pd.DataFrame(columns).round(3).to_string())


if __name__ == "__main__":
    main()
