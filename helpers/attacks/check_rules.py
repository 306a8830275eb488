"""The checks of an attack: what each one computes, when it passes, and what follows if it does not."""

from collections.abc import Callable
from dataclasses import dataclass

from helpers.attacks import check_values
from helpers.attacks import check_values_by_attack as by_attack
from helpers.attacks.evidence import Evidence


@dataclass(frozen=True)
class CheckRule:
    """One check. It passes if the computed value is at most the threshold.

    Attributes:
        name: Shown in tables.
        compute: Evidence to value.
        threshold: A number, or a function of the evidence.
        otherwise: The verdict if the check does not pass: "broken" or "doubtful".
        meaning: What the value is, and what a large one means.
    """

    name: str
    compute: Callable[[Evidence], float]
    threshold: float | Callable[[Evidence], float]
    otherwise: str
    meaning: str


RULES = (
    CheckRule(
        name="outputs are logits",
        compute=check_values.returns_probabilities,
        threshold=0.0,
        otherwise="broken",
        meaning="1 if the model returns probabilities: cross-entropy on them hides gradients from the attack",
    ),
    CheckRule(
        name="deterministic",
        compute=check_values.difference_between_passes,
        threshold=1e-3,
        otherwise="broken",
        meaning="largest difference between the logits of two forward passes: if they are random, so is each gradient",
    ),
    CheckRule(
        name="adversarials confirmed",
        compute=check_values.unconfirmed_count,
        threshold=0.0,
        otherwise="doubtful",
        meaning="number of images that the attack broke, but that were classified right when classified again: they "
        "count as not broken",
    ),
    CheckRule(
        name="gradients alive",
        compute=check_values.dead_gradient_share,
        threshold=0.01,
        otherwise="broken",
        meaning="share of rightly classified images whose gradient is zero or not finite on over "
        f"{check_values.DEAD_PIXEL_SHARE:.0%} of their pixels: the attack cannot move there (saturated or masked)",
    ),
    CheckRule(
        name="loss above 0",
        compute=check_values.zero_loss_share,
        threshold=0.05,
        otherwise="doubtful",
        meaning="share of rightly classified images whose cross-entropy is 0 in float32: the logits are so large that "
        "part of its gradient, or all, is lost; attack with the margin loss",
    ),
    CheckRule(
        name="epsilon in units of pixels",
        compute=check_values.unused_radius_share,
        threshold=0.25,
        otherwise="broken",
        meaning="unused share of the radius, median over the adversarials: 1/2 if epsilon was read on [-1, 1], nearly "
        "1 if on 0..255",
    ),
    CheckRule(
        name="longer attack finds no more",
        compute=by_attack.fall_by_longer_attack,
        threshold=0.05,
        otherwise="doubtful",
        meaning="largest fall of robust accuracy at any epsilon if each image is attacked again from another start "
        f"with twice the steps, estimated on up to {by_attack.LONGER_IMAGES} of the images that were not broken "
        "at every epsilon",
    ),
    CheckRule(
        name="black box is weaker",
        compute=by_attack.broken_by_black_box,
        threshold=0.0,
        otherwise="doubtful",
        meaning=f"number of images, of up to {by_attack.BLACK_BOX_IMAGES}, that Square broke in "
        f"{by_attack.BLACK_BOX_QUERIES} queries, without gradients, and the attack did not",
    ),
    CheckRule(
        name="large epsilon breaks all",
        compute=by_attack.accuracy_at_large_epsilon,
        threshold=check_values.majority_share,
        otherwise="doubtful",
        meaning=f"accuracy at the largest epsilon, at least {by_attack.LARGE_EPSILON:g}: if it is above the "
        "share of the largest class, the attack is too weak",
    ),
    CheckRule(
        name="accuracy never rises",
        compute=check_values.largest_accuracy_rise,
        threshold=0.0,
        otherwise="doubtful",
        meaning="largest rise of accuracy from one epsilon to the next: a larger ball contains every smaller one",
    ),
    CheckRule(
        name="noise is weaker",
        compute=by_attack.broken_by_noise,
        threshold=0.0,
        otherwise="doubtful",
        meaning="number of (image, epsilon) pairs that random noise broke and the attack did not",
    ),
)
