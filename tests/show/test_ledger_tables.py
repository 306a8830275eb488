"""The ledger of claims as tables to read."""

from collections import defaultdict

import numpy as np
import pytest
from planted_results import planted_results

from helpers.judge.claims import Claim, read_claims
from helpers.judge.comparison import Comparison
from helpers.judge.ledger import judge
from helpers.show.ledger_tables import claims_without_numbers, figure_behind, measured_claims, what_is_measured

CELLS = ["skin_lesion/resnet50", "retinopathy/resnet50"]
ABOUT = {"section": "1", "cells": CELLS, "measure": "ratio of radii", "supports_above": 1, "contradicts_below": 1.15}
HELPS = Claim(id="helps", says="attention helps", gives="a lot", reading="larger radii", other_arm="none", **ABOUT)
PLACEBO = Claim(id="placebo", says="so does the placebo", other_arm="placebo", **ABOUT)


def test_each_claim_stands_in_one_of_the_two_tables():
    results = planted_results(effect=1.0, images=40, seeds=2, rng=np.random.default_rng(0))
    ledger = judge(results, [HELPS, PLACEBO])
    (row,) = measured_claims(ledger, [HELPS, PLACEBO]).to_dict("records")
    decided = ledger[ledger.value.notna()].iloc[0]
    assert row == {
        "section": "1",
        "the paper says": "attention helps (larger radii)",
        "it gives": "a lot",
        "of": "skin lesions, ResNet-50",
        "measured": "ratio of radii, soft / none",
        "ours": f"{decided.value:.3g} ({decided.low:.3g} to {decided.high:.3g})",
        "from": f"planted, {decided.images} images, 2 trainings",
        "verdict": decided.verdict,
        "why": decided.why,
        "figure": "",
    }
    (other,) = claims_without_numbers(ledger).to_dict("records")
    assert other["the paper says"] == "so does the placebo"
    assert other["why"] == "in profile planted: no results of placebo for skin_lesion, resnet50"


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("robustness", "ratio of radii, soft / none"),
        ("no-sacrifice", "difference of clean accuracies, soft − none"),
    ],
)
def test_what_a_claim_measures_is_said_in_words(claim, expected):
    assert what_is_measured(next(each for each in read_claims() if each.id == claim)) == expected


def test_no_two_measures_of_claims_have_the_same_words():
    """But for the network and the task, which have a column of their own."""
    asked = defaultdict(set)
    for claim in read_claims():
        if claim.measure:
            fields = Comparison.model_fields.keys()
            asked[what_is_measured(claim)].add((claim.measure, *(str(getattr(claim, name)) for name in fields)))
    assert {words: len(of) for words, of in asked.items() if len(of) > 1} == {}


@pytest.mark.parametrize(
    ("name", "profile", "expected"),
    [
        ("robustness", "reference", "accuracy_against_epsilon"),
        ("resnet50-shape", "reference", "perturbation_shapes"),
        ("robustness", "nowhere", ""),
        ("parameters", "reference", ""),
    ],
)
def test_a_claim_names_the_figure_that_shows_what_it_is_about_if_there_is_one(name, profile, expected):
    (claim,) = (claim for claim in read_claims() if claim.id == name)
    task, backbone = claim.cells[0].split("/")
    assert figure_behind(claim, profile, task, backbone) == expected


def test_a_claim_about_maps_names_the_picture_of_maps():
    (claim, *_) = (claim for claim in read_claims() if claim.quantity == "entropy")
    assert figure_behind(claim, "reference", *claim.cells[0].split("/")) == "grad_cam"
