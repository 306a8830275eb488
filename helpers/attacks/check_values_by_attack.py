"""Values that checks of an attack compute by attacking again: longer, by queries, at a large epsilon, by noise."""

import numpy as np

from helpers.attacks.evidence import Evidence
from helpers.attacks.other_attacks import Budget
from helpers.attacks.pgd import Settings, random_starts
from helpers.attacks.predict import predict
from helpers.attacks.search import search_smallest_epsilons
from helpers.attacks.strong import attack_survivors
from helpers.attacks.sweep import sweep

LARGE_EPSILON = 0.1  # a radius at which nearly every image can be broken
LARGE_EPSILON_IMAGES = 32  # images attacked at LARGE_EPSILON if the sweep's grid ends below it
LONGER_IMAGES = 16  # images attacked again with twice the steps
BLACK_BOX_QUERIES = 100  # per image
BLACK_BOX_IMAGES = 4
CHECK_NOISE_SEED_OFFSET = 1  # keeps the random noise apart from the attack's random starts, which use the seed itself


def fall_by_longer_attack(evidence: Evidence) -> float:
    """Attack images again where they were not broken, with twice the steps; return robust accuracy's largest fall."""
    swept = evidence.swept
    held = evidence.largest_held_epsilon
    sample = held.iloc[np.linspace(0, len(held) - 1, min(LONGER_IMAGES, len(held))).astype(int)]
    if sample.empty:
        return 0.0
    epsilons = np.array(sorted(set(swept.table.epsilon) - {0.0}))
    broken_levels = np.zeros(len(evidence.images), int)  # a level is the index of an epsilon in the grid
    broken_levels[sample.index] = np.searchsorted(epsilons, sample.to_numpy()) + 1
    settings = Settings(epsilons=epsilons, steps=2 * swept.steps, rel_stepsize=swept.rel_stepsize, seed=evidence.seed)
    longer_levels = broken_levels.copy()
    for search in search_smallest_epsilons(
        evidence.compiled, evidence.images, evidence.labels, broken_levels, settings, restart=1
    ):
        longer_levels[search.image] = search.broken_level
    levels = np.arange(len(epsilons))[:, None]
    held_before = (broken_levels[sample.index] > levels).mean(axis=1)
    held_after = (longer_levels[sample.index] > levels).mean(axis=1)
    return float((held_before - held_after).max()) * len(held) / len(evidence.images)


def broken_by_black_box(evidence: Evidence) -> float:
    """Count the images that Square breaks at the most frequent of the largest epsilons that did not break them."""
    held = evidence.largest_held_epsilon
    if held.empty:
        return 0.0
    epsilon = float(held.mode().iloc[-1])
    rows = held.index[held == epsilon][:BLACK_BOX_IMAGES].to_numpy()
    found = attack_survivors(
        evidence.compiled,
        evidence.images[rows],
        evidence.labels[rows],
        epsilon=epsilon,
        attacks=["square"],
        budget=Budget(queries=BLACK_BOX_QUERIES, seed=evidence.seed),
    )
    return float(found.broken.sum())


def accuracy_at_large_epsilon(evidence: Evidence) -> float:
    """Return the accuracy at the sweep's largest epsilon; if that is a small one, attack again at a large one."""
    accuracy = evidence.accuracy
    if accuracy.index[-1] >= LARGE_EPSILON:
        return float(accuracy.iloc[-1])
    count = len(evidence.images)
    rows = np.linspace(0, count - 1, min(LARGE_EPSILON_IMAGES, count)).astype(int)
    swept = sweep(
        evidence.compiled,
        evidence.images[rows],
        evidence.labels[rows],
        epsilons=[LARGE_EPSILON],
        steps=evidence.swept.steps,
        rel_stepsize=evidence.swept.rel_stepsize,
        seed=evidence.seed,
        probabilities=True,
    )
    return float(swept.table.query("epsilon > 0").correct.mean())


def broken_by_noise(evidence: Evidence) -> float:
    """Count the (image, epsilon) pairs that the sweep did not break, but uniform noise of the same radius did."""
    images, labels = evidence.images, evidence.labels
    broken = 0
    for epsilon, pairs in evidence.held_pairs.groupby("epsilon"):
        rows = pairs.image.to_numpy()
        noise = random_starts(
            images.shape[1:], images=rows, epsilon=epsilon, seed=evidence.seed + CHECK_NOISE_SEED_OFFSET
        )
        noisy = np.clip(images[rows] + epsilon * noise, 0, 1)
        broken += int((predict(evidence.compiled, noisy) != labels[rows]).sum())
    return float(broken)
