"""Checks that attack again: a model with a planted adversarial, by other means, in a large ball, with noise."""

from dataclasses import replace

import numpy as np

from helpers.attacks.attack import attack
from helpers.attacks.check import check
from helpers.attacks.evidence import HELD_SHARE, LARGE_EPSILON, Evidence
from helpers.attacks.other_attacks import Budget
from helpers.attacks.pgd import random_starts
from helpers.attacks.planted import plant_adversarials
from helpers.attacks.predict import are_probabilities, predict
from helpers.attacks.radii import CLASS_STEPS, LONGER, RadiusSearch
from helpers.attacks.strong import attack_survivors

PLANTED_IMAGES = 20  # one batch of profile quick
HARD_IMAGES = 5  # that other attacks try
OTHERS_MAY_BREAK = 1 / HARD_IMAGES  # under protocol "paper": one of five, which says little of accuracy; of fewer, none
EASIER_IMAGES = 5  # that are searched again beside these: a radius that is too large need not be among the largest
SEARCHED_IMAGES = 40  # under protocol "paper", whose attack takes far longer than a search
SEARCH_MAY_BREAK = 0.04  # of these: one of 40, or of 25; none, if there are fewer
OTHER_ATTACKS = ("auto_pgd", "targeted", "square")
OTHER_BUDGET = Budget(steps=20, restarts=1, queries=100)
LARGE_EPSILON_IMAGES = 20  # attacked at LARGE_EPSILON under protocol "paper", whose grid ends below it
CLASS_STEPS_OF_CHECK = 2 * CLASS_STEPS
OTHER_START_SEED_OFFSET = 1  # keeps the start of another search apart from those of the attack
CHECK_NOISE_SEED_OFFSET = 1  # keeps the random noise apart from the attack's random starts, which use the seed itself


@check(
    "planted adversarials found",
    f"share of planted adversarials that the attack finds, of up to {PLANTED_IMAGES}: the last layer learns to call "
    "a corner of each ball another class than the rest of it, so an adversarial is known to be there (Zimmermann et "
    "al., 2022). An attack that misses it has not shown anything: mend it",
    otherwise="broken",
    at_least=0.8,
)
def planted_adversarials_are_found(evidence: Evidence) -> tuple[int, int] | None:
    """Count the planted adversarials that the attack finds; nothing without a last layer to train."""
    held = evidence.held[evidence.held > 0]
    epsilon = float(np.median(held)) if len(held) else LARGE_EPSILON
    images = evidence.images[:PLANTED_IMAGES]
    planted = plant_adversarials(evidence.compiled.model, images, epsilon=epsilon, seed=evidence.seed)
    while planted and not planted.is_planted.any() and len(images) > 1:  # few features serve fewer images
        images = images[: len(images) // 2]
        planted = plant_adversarials(evidence.compiled.model, images, epsilon=epsilon, seed=evidence.seed)
    if planted is None:
        return None
    images, labels = images[planted.is_planted], np.zeros(planted.is_planted.sum(), np.int64)
    if not len(images):
        return 0, 0
    enough = epsilon * (1 + 1e-6)  # float rounding may put an adversarial at the edge of its ball just outside
    settings = dict(evidence.attacked.settings) | {"epsilons": [epsilon], "batch_size": evidence.compiled.batch_size}
    found = attack(planted.model, images, labels, enough=enough, **settings)
    return int((found.radii <= enough).sum()), len(images)


@check(
    "other attacks find no more",
    f"share of the {HARD_IMAGES} images that held out longest which another attack breaks at {HELD_SHARE:.0%} of the "
    "smallest of their radii; under protocol paper, at the largest epsilon where all held, and one of five may break. "
    "The others are Auto-PGD on the cross-entropy, PGD towards each class, and Square, which sees no gradient, in "
    f"{OTHER_BUDGET.queries} queries. Take more steps",
    otherwise="doubtful",
    at_most=0,
    at_most_on_grid=OTHERS_MAY_BREAK,
    more_steps_may_help=True,
)
def other_attacks_find_no_more(evidence: Evidence) -> tuple[int, int] | None:
    """Count the hardest images that another attack breaks within the distance at which they are said to hold.

    Nothing is counted if the model returns probabilities: another check says so, and Auto-PGD refuses them.
    """
    held, rows = evidence.held, evidence.hardest(HARD_IMAGES)
    if not len(rows) or are_probabilities(evidence.logits):
        return None
    found = attack_survivors(
        evidence.compiled,
        evidence.images[rows],
        evidence.labels[rows],
        epsilon=float(held[rows].min()),  # ART knows one epsilon a call
        attacks=OTHER_ATTACKS,
        budget=replace(OTHER_BUDGET, seed=evidence.seed, batch_size=evidence.compiled.batch_size),
    )
    return int(found.groupby("image").broken.any().sum()), len(rows)


@check(
    "another search finds no more",
    f"share of images whose radius falls below {HELD_SHARE:.0%} of what it was when they are searched again, from "
    f"another start in {LONGER} times as many steps, and towards each class: of the {HARD_IMAGES} images that held out "
    f"longest, and {EASIER_IMAGES} others. The attack stopped too early: take more steps",
    otherwise="doubtful",
    at_most=0,
    more_steps_may_help=True,
)
def another_search_finds_no_more(evidence: Evidence) -> tuple[int, int] | None:
    """Count the images whose own radius was too large; nothing under protocol "paper", which has none."""
    rows = evidence.hardest(HARD_IMAGES, EASIER_IMAGES)
    if not evidence.is_minimal or not len(rows):
        return None
    again = RadiusSearch(
        evidence.compiled,
        evidence.images[rows],
        evidence.labels[rows],
        np.ones(len(rows), bool),
        steps=max(evidence.attacked.settings["steps"], OTHER_BUDGET.steps),  # a weak attack is questioned as well
        seed=evidence.seed + OTHER_START_SEED_OFFSET,
    )
    again.search_from_afar(np.arange(len(rows)))
    again.search_towards_classes(np.arange(len(rows)), CLASS_STEPS_OF_CHECK)
    return int((again.radii < evidence.held[rows]).sum()), len(rows)


@check(
    "accuracy holds against a search",
    f"share of up to {SEARCHED_IMAGES} attacked images that are right under the attack although a search for radii on "
    "the margin breaks them, the largest over the epsilons: robust accuracy is too high by at least as much. Take "
    "more steps, or attack on the margin",
    otherwise="doubtful",
    at_most=SEARCH_MAY_BREAK,
    more_steps_may_help=True,
)
def accuracy_holds_against_a_search(evidence: Evidence) -> tuple[int, int] | None:
    """Count the images that the attack left and a search breaks, at the worst epsilon; nothing without epsilons."""
    if evidence.is_minimal:
        return None
    images, labels = evidence.images[:SEARCHED_IMAGES], evidence.labels[:SEARCHED_IMAGES]
    other_seed = evidence.seed + OTHER_START_SEED_OFFSET
    searched = attack(evidence.compiled, images, labels, seed=other_seed, probabilities=True)
    left = evidence.attacked.table.query("correct and image < @SEARCHED_IMAGES")
    broken = left[searched.radii[left.image] <= left.epsilon]
    return int(broken.groupby("epsilon").image.nunique().max()) if len(broken) else 0, len(images)


@check(
    "noise finds no more",
    "number of images that random noise breaks where they are said to hold, uniform or at the corners of the ball. The "
    "attack is weaker than chance: mend it",
    otherwise="doubtful",
    at_most=0,
)
def noise_finds_no_more(evidence: Evidence) -> float:
    """Count the images that noise breaks within the distance at which they are said to hold."""
    rows = np.flatnonzero(evidence.held > 0)
    images, radii = evidence.images[rows], evidence.held[rows].astype(np.float32)
    noise = random_starts(
        images.shape[1:], images=rows, epsilon=LARGE_EPSILON, seed=evidence.seed + CHECK_NOISE_SEED_OFFSET
    )
    is_broken = np.zeros(len(rows), bool)
    for directions in (noise, np.sign(noise)):
        noisy = np.clip(images + radii[:, None, None, None] * directions, 0, 1)
        is_broken |= predict(evidence.compiled, noisy) != evidence.labels[rows]
    return is_broken.sum()


@check(
    "large epsilon breaks all",
    f"accuracy at epsilon = {LARGE_EPSILON:g}, where all images can be made the same grey, so that images of one "
    "class at most can hold: above 0, the attack failed, or the model hardly looks at the image. Take more steps, "
    "another loss, or look at the gradients",
    otherwise="doubtful",
    at_most=0,
    more_steps_may_help=True,
)
def large_epsilon_breaks_all(evidence: Evidence) -> tuple[int, int]:
    """Count the images that hold in a ball in which all images can be made the same."""
    radii = evidence.attacked.radii
    if not evidence.is_minimal:
        images, labels = (part[:LARGE_EPSILON_IMAGES] for part in (evidence.images, evidence.labels))
        settings = dict(evidence.attacked.settings) | {"epsilons": [LARGE_EPSILON], "probabilities": True}
        radii = attack(evidence.compiled, images, labels, **settings).radii
    return int((radii > LARGE_EPSILON).sum()), len(radii)
