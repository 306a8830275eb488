"""The claims file is whole, and a row that is wrong is named."""

import pytest
import yaml

from helpers import StudyError
from helpers.judge.claims import CLAIMS, read_claims

GOOD = {
    "id": "a",
    "section": "4.1",
    "says": "x",
    "cells": ["skin_lesion/resnet50"],
    "measure": "ratio of radii",
    "other_arm": "none",
    "supports_above": 1,
    "contradicts_below": 1.15,
}
# What changes the measure of that claim
EXPLAINED = {
    "measure": "explanation against control",
    "quantity": "rank correlation",
    "control": "noise",
    "epsilon": 0.1,
    "other_arm": None,
    "supports_above": 0.1,
    "contradicts_below": 0.2,
}
BETWEEN = EXPLAINED | {"measure": "explanation between epsilons", "control": None, "other_epsilon": 0.2}
DETECTED = EXPLAINED | {"measure": "detection", "quantity": "deep", "control": "clean"}


def test_every_part_of_the_paper_has_claims_and_there_is_one_primary_endpoint_over_six_cells():
    claims = read_claims()
    assert len(claims) >= 30
    assert {"abstract", "4.1", "4.2", "5.1.1", "5.1.2", "5.2", "ours"} <= {claim.section for claim in claims}
    (primary,) = (claim for claim in claims if claim.primary)
    assert len(primary.cells) == 6
    assert (primary.measure, primary.arm, primary.other_arm) == ("ratio of radii", "soft", "none")


def test_thresholds_leave_no_claim_that_is_supported_and_contradicted_by_the_same_certain_number():
    for claim in read_claims():
        if claim.supports_above not in (None, "chance"):
            assert claim.contradicts_below >= claim.supports_above or claim.contradicts_below == "chance", claim.id
        if claim.supports_below not in (None, "chance"):
            assert claim.contradicts_above <= claim.supports_below, claim.id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": "ratio of radi"}, "claim a: measure: .*Did you mean 'ratio of radii'"),
        ({"cells": ["skin/resnet50"]}, "claim a: .*expected task/backbone.*skin"),
        ({"cells": []}, "claim a: expected a measure and cells"),
        ({"arm": "sofd"}, "claim a: arm: .*Did you mean 'soft'"),
        ({"other_arm": None}, "claim a: measure 'ratio of radii' needs other_arm"),
        ({"contradicts_below": None}, "claim a: expected one of supports_above"),
        ({"within": [0.8, 1.2]}, "claim a: expected one of supports_above"),
        ({"supports_below": 1}, "claim a: expected one of supports_above"),
        ({"at_least": 2}, "claim a: at_least: expected 1 to 1"),
        (
            {"supports_above": None, "contradicts_below": None, "within": [1.2, 0.8]},
            "claim a: within: expected the lower end first",
        ),
        ({"thresold": 1}, "claim a: thresold: Extra inputs"),
        ({"cells": 2 * GOOD["cells"]}, "claim a: cells: expected each once"),
        ({"supports_above": -1}, "claim a: measure 'ratio of radii' is a ratio: expected thresholds above 0, got -1"),
        ({"supports_above": "chance"}, "claim a: supports_above: only measure accuracy has a chance level"),
        ({"supports_above": 1.5, "contradicts_below": 0.5}, "contradicts_below: expected at least supports_above, 1.5"),
        (
            {"supports_above": None, "contradicts_below": None, "supports_below": 0.5, "contradicts_above": 1.5},
            "claim a: supports_below: expected at least contradicts_above, 1.5; got 0.5",
        ),
        ({"other_tasks": ["skin"]}, "claim a: other_tasks.0: .*skin"),
        ({"condition": "atack"}, "claim a: condition: Input should be 'clean', 'attack'"),
        ({"control": "nothing"}, "claim a: control: Input should be 'clean', 'attack'"),
        ({"outcome": "fell"}, "claim a: outcome: Input should be 'held', 'broken'"),
        (
            {"measure": "explanation", "quantity": "rank correlation", "other_arm": None},
            "claim a: epsilon: measure 'explanation' needs one, or condition: clean",
        ),
        (EXPLAINED | {"quantity": "rank corelation"}, "claim a: quantity: .*mean 'rank correlation'"),
        ({"measure": "likeness of maps", "quantity": "deep"}, "claim a: quantity: .*got 'deep'"),
        (DETECTED | {"quantity": "SSIM"}, "quantity: .*pixels, deep"),
        ({"quantity": "SSIM"}, "claim a: quantity: measure 'ratio of radii' takes none, got 'SSIM'"),
        (DETECTED | {"control": "other image"}, "claim a: control: expected one of clean, noise; got 'other image'"),
        ({"other_arm": "soft"}, "claim a: other_arm: 'soft' would be compared with itself"),
        (
            {"measure": "ratio of radii between tasks", "other_tasks": ["skin_lesion"], "other_arm": None},
            r"claim a: other_tasks: \('skin_lesion',\) would be compared with itself",
        ),
        (EXPLAINED | {"control": "attack"}, "claim a: control: 'attack' would be compared with itself"),
        (BETWEEN | {"other_epsilon": 0.1}, "claim a: other_epsilon: 0.1 would be compared with itself"),
        (BETWEEN | {"condition": "clean"}, "claim a: other_epsilon: 0.2 would be compared with itself"),
        ({"condition": "clean"}, "claim a: condition: measure 'ratio of radii' takes none, got 'clean'"),
        ({"epsilon": 0.1}, "claim a: epsilon: measure 'ratio of radii' takes none, got 0.1"),
        ({"measure": "accuracy", "epsilon": 0.1}, "claim a: other_arm: measure 'accuracy' takes none, got 'none'"),
        (
            {"measure": "accuracy", "epsilon": 0.1, "supports_above": 1, "contradicts_below": 5, "other_arm": None},
            "claim a: measure 'accuracy' lies in 0 to 1: got a threshold outside",
        ),
        ({"not_testable": "why"}, "claim a: not_testable: expected no measure beside it, got 'ratio of radii'"),
    ],
)
def test_a_wrong_claim_is_named_with_what_is_wrong(tmp_path, change, message):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([GOOD | change]))
    with pytest.raises(StudyError, match=message):
        read_claims(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b", "expected a YAML list of claims, got dict"),
        ("[]", "expected a YAML list of claims, got none"),
        ("- [", "expected a YAML list of claims"),
        ("- 3", "number 1"),
    ],
)
def test_a_file_that_is_no_list_of_claims_is_refused(tmp_path, text, message):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(StudyError, match=message):
        read_claims(path)


def test_two_claims_of_the_same_name_are_refused(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([GOOD, GOOD]))
    with pytest.raises(StudyError, match="claim a: expected another id"):
        read_claims(path)


def test_two_primary_endpoints_are_refused(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([GOOD | {"id": name, "primary": True} for name in "ab"]))
    with pytest.raises(StudyError, match="expected one primary endpoint, got a, b"):
        read_claims(path)


def test_the_file_belongs_to_the_results():
    assert CLAIMS.parent.name == "results"
