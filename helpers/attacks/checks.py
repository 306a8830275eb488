"""Checks of the attack: no robust accuracy is shown without what they say.

Each looks for one known way in which an attack fails while the model looks robust (Carlini et al., "On
Evaluating Adversarial Robustness", 2019). Passing them all does not prove a number: robust accuracy
under one attack is an upper bound, whatever the verdict.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from helpers.attacks.pgd import CompiledModel, Settings, cross_entropy, random_starts
from helpers.attacks.search import search_smallest_epsilons
from helpers.attacks.strong import Budget, attack_survivors
from helpers.attacks.sweep import Sweep, are_probabilities, predict, predict_logits, sweep
from helpers.backend import keras, tf

LARGE_EPSILON = 0.1  # a radius at which any picture can be turned into nearly any other of its kind
LARGE_EPSILON_IMAGES = 32  # attacked there when the sweep did not go so far
ZERO_GRADIENT_SHARE = 0.5  # of an image's pixels
LONGER_IMAGES = 16  # attacked again with twice the steps
QUERIES, QUERIED_IMAGES = 100, 4  # of the black box
NOISE = 1  # takes the random noise apart from the random starts, which use the same seed


@dataclass(frozen=True)
class Check:
    """One check: it passes when value <= threshold; `otherwise` is the verdict if it does not."""

    name: str
    value: float
    threshold: float
    otherwise: str
    meaning: str

    @property
    def passed(self) -> bool:
        return bool(self.value <= self.threshold)  # NaN does not pass


@dataclass(frozen=True)
class Checks:
    """The outcome of all checks of one sweep."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """Return "broken" if the attack cannot have worked, "doubtful" if a check casts doubt, else "trusted"."""
        failed = {check.otherwise for check in self.checks if not check.passed}
        return next((verdict for verdict in ("broken", "doubtful") if verdict in failed), "trusted")

    @property
    def table(self) -> pd.DataFrame:
        """One row a check: name, passed, value, threshold, otherwise, meaning."""
        table = pd.DataFrame([asdict(check) for check in self.checks])
        table.insert(1, "passed", [check.passed for check in self.checks])
        return table


def check_attack(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    swept: Sweep,
    *,
    seed: int = 0,
    batch_size: int = 32,
) -> Checks:
    """Ask whether a sweep's robust accuracies can be believed.

    Args:
        model, images, labels: What the sweep attacked.
        swept: What it found.
        seed: The random noise derives from it.
        batch_size: Images at once, if the model is not compiled yet.
    """
    compiled = CompiledModel.of(model, batch_size=batch_size, loss="cross_entropy")
    clean = swept.table.query("epsilon == 0").correct.to_numpy()
    accuracy = swept.table.groupby("epsilon").correct.mean()
    majority = np.bincount(labels).max() / len(labels)
    outputs = predict_logits(compiled, images)
    return Checks(
        (
            Check(
                "outputs are logits",
                float(are_probabilities(outputs)),
                0,
                "broken",
                "1 if the model returns probabilities: cross-entropy on them hides gradients from the attack",
            ),
            Check(
                "deterministic",
                float(np.abs(outputs - predict_logits(compiled, images)).max()),
                1e-3,
                "broken",
                "largest difference between two forward passes: a random one misleads single gradients",
            ),
            Check(
                "adversarials confirmed",
                swept.unconfirmed,
                0,
                "doubtful",
                "number of images that were broken, but not when classified a second time: they count as held",
            ),
            Check(
                "gradients alive",
                _dead_gradients(compiled, images[clean], labels[clean]),
                0.01,
                "broken",
                "share of rightly classified images whose gradient is zero or not finite on over "
                f"{ZERO_GRADIENT_SHARE:.0%} of their pixels: the attack cannot move there (saturated or masked)",
            ),
            Check(
                "loss above 0",
                float(np.mean(cross_entropy(labels[clean], outputs[clean]).numpy() == 0)) if clean.any() else 0.0,
                0.05,
                "doubtful",
                "share of rightly classified images whose cross-entropy is 0 in float32: the logits are so large that "
                "part of its gradient, or all, is lost; attack with the margin loss",
            ),
            Check(
                "epsilon in units of pixels",
                _unused_radius(images, swept),
                0.25,
                "broken",
                "unused share of the radius, median over the adversarials: 1/2 if epsilon was read on [-1, 1], nearly "
                "1 if on 0..255",
            ),
            Check(
                "longer attack finds no more",
                _fall_by_longer_attack(compiled, images, labels, swept, seed=seed),
                0.05,
                "doubtful",
                "by how much robust accuracy falls at some epsilon if each image is attacked again from another start "
                f"with twice the steps, estimated on up to {LONGER_IMAGES} of those that held anywhere",
            ),
            Check(
                "black box is weaker",
                _broken_by_black_box(compiled, images, labels, swept, seed=seed),
                0,
                "doubtful",
                f"number of images, of up to {QUERIED_IMAGES}, that Square broke in {QUERIES} queries, without "
                "gradients, where the attack did not",
            ),
            Check(
                "large epsilon breaks all",
                _accuracy_at_large_epsilon(compiled, images, labels, swept, seed=seed),
                float(majority),
                "doubtful",
                f"accuracy at the largest epsilon, at least {LARGE_EPSILON:g}: above the majority-class share, the "
                "attack is too weak",
            ),
            Check(
                "accuracy never rises",
                float(max(accuracy.diff().max(), 0)),
                0,
                "doubtful",
                "largest rise of accuracy from one epsilon to the next: a larger ball holds every smaller one",
            ),
            Check(
                "noise is weaker",
                _broken_by_noise(compiled, images, labels, swept, seed=seed),
                0,
                "doubtful",
                "number of (image, epsilon) pairs that random noise broke and the attack did not",
            ),
        )
    )


def _dead_gradients(compiled: CompiledModel, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images whose gradient is mostly zero, or not finite."""
    dead = []
    for start in range(0, len(images), compiled.batch_size):
        rows = np.arange(start, start + compiled.batch_size).clip(max=len(images) - 1)
        pixels, nowhere = tf.constant(images[rows]), tf.zeros(len(rows))
        _, _, gradient = compiled.pgd_step(pixels, pixels, tf.constant(labels[rows]), nowhere, tf.constant(0.0))
        gradient = gradient.numpy().reshape(compiled.batch_size, -1)
        lost = ~np.isfinite(gradient) | (gradient == 0)
        dead.append((lost.mean(axis=1) > ZERO_GRADIENT_SHARE)[: len(images) - start])
    return float(np.concatenate(dead).mean()) if dead else float("nan")


def _unused_radius(images: np.ndarray, swept: Sweep) -> float:
    """Return 1 minus the adversarials' L∞ distance as a share of their epsilon, median; 0 if there are none."""
    broken = (swept.minimal_epsilon > 0) & np.isfinite(swept.minimal_epsilon)
    if not broken.any():
        return 0.0
    distances = np.abs(swept.adversarials[broken] - images[broken]).reshape(broken.sum(), -1).max(axis=1)
    return float(1 - np.median(distances / swept.minimal_epsilon[broken]))


def _held(swept: Sweep) -> pd.Series:
    """Return the largest epsilon that each image survived, by image; those that survived none are left out."""
    return swept.table.query("epsilon > 0 and correct").groupby("image").epsilon.max()


def _fall_by_longer_attack(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, swept: Sweep, *, seed: int
) -> float:
    """Attack images again where they held last, with twice the steps; return the largest fall of robust accuracy."""
    epsilons, held = np.array(sorted(set(swept.table.epsilon) - {0.0})), _held(swept)
    chosen = held.iloc[np.linspace(0, len(held) - 1, min(LONGER_IMAGES, len(held))).astype(int)]
    if chosen.empty:
        return 0.0
    levels = np.zeros(len(images), int)
    levels[chosen.index] = np.searchsorted(epsilons, chosen.to_numpy()) + 1
    settings = Settings(epsilons=epsilons, steps=2 * swept.steps, rel_stepsize=swept.rel_stepsize, seed=seed)
    longer = levels.copy()
    for end in search_smallest_epsilons(compiled, images, labels, levels, settings, restart=1):
        longer[end.image] = end.level
    places = np.arange(len(epsilons))[:, None]
    standing, left = ((found[chosen.index] > places).mean(axis=1) for found in (levels, longer))
    return float((standing - left).max()) * len(held) / len(images)


def _broken_by_black_box(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, swept: Sweep, *, seed: int
) -> float:
    """Count the images that Square breaks at the epsilon at which most of them held last."""
    held = _held(swept)
    if held.empty:
        return 0.0
    epsilon = float(held.mode().iloc[-1])
    rows = held.index[held == epsilon][:QUERIED_IMAGES].to_numpy()
    settings = {"epsilon": epsilon, "attacks": ["square"], "budget": Budget(queries=QUERIES, seed=seed)}
    found = attack_survivors(compiled, images[rows], labels[rows], **settings)
    return float(found.broken.sum())


def _accuracy_at_large_epsilon(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, swept: Sweep, *, seed: int
) -> float:
    """Return the accuracy at the sweep's largest epsilon; if it is a small one, repeat the attack at a large one."""
    accuracy = swept.table.groupby("epsilon").correct.mean()
    if accuracy.index[-1] < LARGE_EPSILON:
        rows = np.linspace(0, len(images) - 1, min(LARGE_EPSILON_IMAGES, len(images))).astype(int)
        settings = {"steps": swept.steps, "rel_stepsize": swept.rel_stepsize, "seed": seed, "probabilities": True}
        swept = sweep(compiled, images[rows], labels[rows], epsilons=[LARGE_EPSILON], **settings)
        accuracy = swept.table.groupby("epsilon").correct.mean()
    return float(accuracy.iloc[-1])


def _broken_by_noise(
    compiled: CompiledModel, images: np.ndarray, labels: np.ndarray, swept: Sweep, *, seed: int
) -> float:
    """Count the (image, epsilon) pairs that survived the sweep but not uniform noise of the same radius."""
    broken = 0
    for epsilon, rows in swept.table.query("epsilon > 0 and correct").groupby("epsilon"):
        standing = rows.image.to_numpy()
        noise = random_starts(images.shape[1:], images=standing, epsilon=epsilon, seed=seed + NOISE)
        noisy = np.clip(images[standing] + epsilon * noise, 0, 1)
        broken += int((predict(compiled, noisy) != labels[standing]).sum())
    return float(broken)
