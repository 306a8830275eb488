"""The attacks of `helpers.attacks.strong`, by name, and the budget that they share.

Each takes a compiled model, images float32 (n, height, width, 3) in [0, 1], labels int64 (n,), an L∞ radius on pixels
in [0, 1] and a budget, and returns the perturbed images.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import foolbox
import numpy as np

from helpers.attacks.art_attacks import auto_pgd, square
from helpers.attacks.balls import attack_balls
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import random_starts
from helpers.backend import tf

HOP_EVALUATIONS = 50  # forward passes of HopSkipJump's first gradient estimate
HOP_STEP_QUERIES = 150  # forward passes of one of its steps, roughly


@dataclass(frozen=True)
class Budget:
    """How much an attack may spend on one image.

    Attributes:
        steps: Gradient steps in total; an attack with restarts divides them among its restarts.
        restarts: Number of random starts.
        queries: Forward passes of an attack that uses no gradient.
        seed: Everything random derives from it.
        batch_size: Images per batch.
    """

    steps: int = 100
    restarts: int = 5
    queries: int = 1000
    seed: int = 0
    batch_size: int = 32

    @property
    def steps_per_restart(self) -> int:
        return max(1, self.steps // self.restarts)


AttackRun = Callable[[CompiledModel, np.ndarray, np.ndarray, float, Budget], np.ndarray]


def _noise(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: Budget
) -> np.ndarray:
    """Add uniform noise: the control, to which every attack is compared."""
    noise = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=epsilon, seed=budget.seed)
    return np.clip(images + np.float32(epsilon) * noise, 0, 1)


def _pgd(compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: Budget) -> np.ndarray:
    """Attack with PGD whose steps become shorter, from several random starts, until one fools the model."""
    perturbed, is_fooled = images.copy(), np.zeros(len(images), bool)
    for number in range(budget.restarts):
        rows = np.flatnonzero(~is_fooled)
        starts = random_starts(images.shape[1:], images=rows, epsilon=epsilon, seed=budget.seed, restart=1 + number)
        perturbed[rows], is_fooled[rows] = _attack(compiled, images[rows], labels[rows], epsilon, budget, starts)
    return perturbed


def _targeted(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: Budget
) -> np.ndarray:
    """Attack with the same PGD, once towards each wrong class: all of an image's classes at once."""
    rows, targets = compiled.wrong_classes(labels)
    numbers = rows * compiled.model.output_shape[-1] + targets  # each has a start of its own
    starts = random_starts(images.shape[1:], images=numbers, epsilon=epsilon, seed=budget.seed)
    found, fools = _attack(compiled, images[rows], labels[rows], epsilon, budget, starts, targets)
    perturbed = images.copy()
    for is_fooled in (False, True):  # who fools the model comes last, and stays
        perturbed[rows[fools == is_fooled]] = found[fools == is_fooled]
    return perturbed


def _attack(compiled, images, labels, epsilon, budget, starts, targets=None) -> tuple[np.ndarray, np.ndarray]:
    """Run the PGD of `attack_balls` in balls of one size; return the perturbed images, and whether they fool."""
    epsilons, steps = np.full(len(images), epsilon, np.float32), budget.steps_per_restart
    settings = {"epsilons": epsilons, "starts": starts, "steps": steps, "targets": targets}
    found, is_fooled, _ = attack_balls(compiled, images, labels, **settings)
    return found, is_fooled


def _auto_pgd_with(loss: str) -> AttackRun:
    """Return AutoPGD with a loss."""

    def run(compiled, images, labels, epsilon, budget):
        return auto_pgd(
            compiled,
            images,
            labels,
            loss=loss,
            epsilon=epsilon,
            steps=budget.steps_per_restart,
            restarts=budget.restarts,
            batch_size=budget.batch_size,
        )

    return run


def _square(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: Budget
) -> np.ndarray:
    return square(
        compiled,
        images,
        labels,
        loss="margin",
        epsilon=epsilon,
        queries=budget.queries,
        batch_size=budget.batch_size,
    )


def _hop_skip_jump(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: Budget
) -> np.ndarray:
    """Start from noise that the model misclassifies, and move towards the image; return only what enters the ball."""
    attack = foolbox.attacks.HopSkipJumpAttack(
        steps=max(1, budget.queries // HOP_STEP_QUERIES),
        initial_gradient_eval_steps=HOP_EVALUATIONS,
        constraint="linf",
    )
    perturbed = images.copy()
    for row in range(len(images)):
        image = tf.constant(images[row : row + 1])
        criterion = foolbox.criteria.Misclassification(tf.constant(labels[row : row + 1]))
        try:
            with warnings.catch_warnings(action="ignore"):  # Foolbox also warns when it raises the error below
                found = attack.run(compiled.for_foolbox, image, criterion).numpy()[0]
        except ValueError:  # the model classifies all noise right, so there is no start
            continue
        if np.abs(found - images[row]).max() <= epsilon:
            perturbed[row] = found
    return perturbed


@dataclass(frozen=True)
class Attack:
    """An attack, and the smallest number of classes that it works with."""

    run: AttackRun
    smallest_class_count: int = 2


ATTACKS = {
    "noise": Attack(_noise),
    "pgd": Attack(_pgd),
    "targeted": Attack(_targeted),
    "auto_pgd": Attack(_auto_pgd_with("cross_entropy")),
    "auto_pgd_margin": Attack(_auto_pgd_with("margin")),
    "auto_pgd_dlr": Attack(_auto_pgd_with("logits_ratio"), smallest_class_count=3),
    "square": Attack(_square),
    "hop_skip_jump": Attack(_hop_skip_jump),
}
