"""What the simulated studies find, where the truth leaves no doubt."""

from helpers.judge.claims import read_claims
from helpers.judge.power import verdict_shares
from helpers.judge.thresholds import CONTRADICTED, SUPPORTED

(CLAIM,) = [claim for claim in read_claims() if claim.id == "skin-resnet50-robustness"]
SIZE = {"images": 60, "seeds": 3, "image_spread": 0.2, "seed_spread": 0.02}


def test_large_studies_of_large_effects_are_right():
    assert verdict_shares(CLAIM, effect=2.0, rounds=20, **SIZE).to_dict() == {SUPPORTED: 1}
    assert verdict_shares(CLAIM, effect=0.5, rounds=20, **SIZE).to_dict() == {CONTRADICTED: 1}


def test_a_claim_of_several_cells_is_adjusted_for_their_number_as_its_verdicts_are():
    """In a study of few images, a test at a sixth of the level decides less often."""
    alone, size = CLAIM.cells[:1], SIZE | {"images": 20, "image_spread": 0.5}
    (claim,) = (claim for claim in read_claims() if claim.primary)
    one = claim.model_copy(update={"cells": alone, "at_least": None})
    for effect, verdict in ((1.3, SUPPORTED), (0.95, CONTRADICTED)):
        of_six, of_one = (verdict_shares(each, effect=effect, **size).get(verdict, 0) for each in (claim, one))
        assert 0 < of_six < of_one - 0.1
    all_needed = claim.model_copy(update={"at_least": None})
    assert (
        verdict_shares(all_needed, effect=1.3, **size)[SUPPORTED] == verdict_shares(one, effect=1.3, **size)[SUPPORTED]
    )


def test_shares_are_of_the_studies_that_were_asked_for():
    shares = verdict_shares(CLAIM, effect=1.1, rounds=7, **SIZE | {"image_spread": 1.0})
    assert shares.sum() == 1
    assert ((7 * shares) % 1 < 1e-9).all()
