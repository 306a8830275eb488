"""Checks that look at the model's outputs."""

import numpy as np

from helpers.attacks.check import check
from helpers.attacks.evidence import Evidence
from helpers.attacks.predict import are_probabilities, predict_logits


@check(
    "outputs are logits",
    "1 if the model returns probabilities: they hide gradients from the attack. Attack the model without its softmax",
    otherwise="broken",
    at_most=0,
)
def outputs_are_logits(evidence: Evidence) -> float:
    """Return 1 if the model returns probabilities, else 0."""
    return are_probabilities(evidence.logits)


@check(
    "deterministic",
    "largest difference between the logits of two forward passes: if they are random, so is each gradient. Switch "
    "random layers off, or attack their mean",
    otherwise="broken",
    at_most=1e-3,
)
def is_deterministic(evidence: Evidence) -> float:
    """Return the largest difference between the logits of two forward passes."""
    return np.abs(evidence.logits - predict_logits(evidence.compiled, evidence.images)).max()


@check(
    "predictions vary",
    "share of the most frequent prediction: a model that always says the same keeps its share of right answers at any "
    "epsilon. Train it better; if the images are of one class, choose others",
    otherwise="doubtful",
    at_most=0.98,
)
def predictions_vary(evidence: Evidence) -> float:
    """Return the share of the most frequent prediction among the unperturbed images."""
    return np.bincount(evidence.logits.argmax(axis=1)).max() / len(evidence.images)
