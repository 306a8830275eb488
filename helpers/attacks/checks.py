"""Checks of the attack: no robust accuracy is shown without their verdict.

Each check looks for one known way in which an attack fails and the model only looks robust (Carlini et al., "On
Evaluating Adversarial Robustness", 2019, arXiv 1902.06705). Passing all of them does not prove a number: the robust
accuracy under one attack is always an upper bound.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from helpers.attacks import attack_checks, gradient_checks, model_checks, outcome_checks
from helpers.attacks.attacked import Attacked
from helpers.attacks.check import Check
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.evidence import Evidence
from helpers.attacks.validity import check_inputs
from helpers.backend import keras
from helpers.errors import StudyError
from helpers.progress import progress

CHECKS = (
    attack_checks.planted_adversarials_are_found,
    attack_checks.other_attacks_find_no_more,
    attack_checks.another_search_finds_no_more,
    attack_checks.accuracy_holds_against_a_search,
    attack_checks.large_epsilon_breaks_all,
    attack_checks.noise_finds_no_more,
    gradient_checks.gradients_are_alive,
    gradient_checks.gradients_are_right,
    model_checks.outputs_are_logits,
    model_checks.is_deterministic,
    model_checks.predictions_vary,
    outcome_checks.radii_are_distances,
    outcome_checks.radii_end_at_the_boundary,
    outcome_checks.adversarials_are_confirmed,
    outcome_checks.radius_is_used,
    outcome_checks.accuracy_never_rises,
)


@dataclass(frozen=True)
class Checks:
    """The results of all checks of one attack that apply to it."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """Return "broken" if the attack cannot have worked, "doubtful" if it may not have, else "trusted"."""
        failed = {check.otherwise for check in self.checks if not check.passed}
        for verdict in ("broken", "doubtful"):
            if verdict in failed:
                return verdict
        return "trusted"

    @property
    def want_more_steps(self) -> bool:
        """Whether the verdict is "doubtful", and a longer attack may change that."""
        return self.verdict == "doubtful" and any(c.more_steps_may_help for c in self.checks if not c.passed)

    @property
    def table(self) -> pd.DataFrame:
        """One row per check, with the attributes of `Check`."""
        return pd.DataFrame([asdict(check) for check in self.checks])


def check_attack(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    attacked: Attacked,
    *,
    seed: int = 0,
    batch_size: int = 32,
) -> Checks:
    """Check whether the robust accuracies of an attack can be trusted.

    Args:
        model: The attacked model.
        images: The attacked images, float32 (n, height, width, 3), in [0, 1], in random order: checks that take long
            look at the first of them.
        labels: Their class indices, int64 (n,).
        attacked: What the attack found.
        seed: Random noise and random starts derive from it.
        batch_size: Images per batch, for a model that is not compiled yet.

    Raises:
        StudyError: images or labels are not those of the attack.
    """
    compiled = CompiledModel.from_model(model, batch_size=batch_size, loss=attacked.settings["loss"])
    check_inputs(compiled.model, images, labels, [1.0])
    if len(images) != len(attacked.radii):
        raise StudyError(f"images: expected the {len(attacked.radii)} that were attacked, got {len(images)}.")
    evidence = Evidence(compiled, images, labels, attacked, seed)
    checks = progress(CHECKS, description=f"checking the attack on {compiled.model.name}")
    results = [check(evidence) for check in checks]
    return Checks(tuple(result for result in results if result is not None))
