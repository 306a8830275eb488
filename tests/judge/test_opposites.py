"""Where attention is surely bad, of several tests."""

import numpy as np
import pytest
from planted_results import planted_results

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import Claim, read_claims
from helpers.judge.measures import MEASURES
from helpers.judge.opposites import opposite_cells
from helpers.paths import ROOT

ABOUT = {"section": "ours", "says": "attention helps", "arm": "soft", "other_arm": "none"}
HELPS = Claim(
    id="helps",
    **ABOUT,
    cells=["skin_lesion/resnet50", "retinopathy/resnet50"],
    measure="ratio of radii",
    supports_above=1,
    contradicts_below=1.15,
)


@pytest.mark.parametrize(("effect", "expected"), [(0.5, [("skin_lesion", "resnet50")]), (1.0, []), (2.0, [])])
def test_a_large_loss_is_named_and_neither_a_gain_nor_a_cell_that_was_not_measured(effect, expected):
    results = planted_results(effect=effect, images=100, seeds=3, rng=np.random.default_rng(0))
    assert opposite_cells(results, HELPS) == expected


def test_the_p_values_are_adjusted_for_the_number_of_cells():
    """By hand, after Holm: the smallest of n p values is compared with .025 / n, the next one with .025 / (n - 1), …"""
    results = StudyResults.load(ROOT / "results" / "reference")
    (claim,) = [claim for claim in read_claims() if claim.id == "robustness"]
    p_values = {}
    for cell in claim.cells:
        task, backbone = cell.split("/")
        p_values[task, backbone] = MEASURES["ratio of radii"].estimate(results, claim, task, backbone).p_below(0)
    expected = set()
    for rank, cell in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[cell] >= 0.025 / (len(p_values) - rank):
            break
        expected.add(cell)
    assert set(opposite_cells(results, claim)) == expected
    assert len(expected) < sum(p_value < 0.025 for p_value in p_values.values())
