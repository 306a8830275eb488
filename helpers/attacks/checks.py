"""Checks of the attack: no robust accuracy is shown without their verdict.

Each check looks for one known way in which an attack fails and the model only looks robust (Carlini et al., "On
Evaluating Adversarial Robustness", 2019, arXiv 1902.06705). Passing all of them does not prove a number: the robust
accuracy under one attack is always an upper bound.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from helpers.attacks.check_rules import RULES
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.evidence import Evidence
from helpers.attacks.predict import predict_logits
from helpers.attacks.sweep import Sweep
from helpers.backend import keras


@dataclass(frozen=True)
class Check:
    """The result of one check. It passes if value <= threshold; `otherwise` is the verdict if it does not pass."""

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
    """The results of all checks of one sweep."""

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
    def table(self) -> pd.DataFrame:
        """One row per check: name, passed, value, threshold, otherwise, meaning."""
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
    """Check whether a sweep's robust accuracies can be trusted.

    Args:
        model: The attacked model.
        images: The attacked images, float32 (n, height, width, 3), in [0, 1].
        labels: Their class indices, int64 (n,).
        swept: The result of the sweep.
        seed: Random noise and random starts derive from it.
        batch_size: Images per batch, for a model that is not compiled yet.
    """
    compiled = CompiledModel.from_model(model, batch_size=batch_size, loss="cross_entropy")
    evidence = Evidence(compiled, images, labels, swept, logits=predict_logits(compiled, images), seed=seed)
    checks = []
    for rule in RULES:
        threshold = rule.threshold(evidence) if callable(rule.threshold) else rule.threshold
        checks.append(Check(rule.name, rule.compute(evidence), threshold, rule.otherwise, rule.meaning))
    return Checks(tuple(checks))
