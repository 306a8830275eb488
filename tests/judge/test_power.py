"""What the simulated studies find, where the truth leaves no doubt."""

from helpers.judge.claims import read_claims
from helpers.judge.power import verdict_shares
from helpers.judge.thresholds import CONTRADICTED, SUPPORTED

(CLAIM,) = [claim for claim in read_claims() if claim.id == "skin-resnet50-robustness"]
SIZE = {"images": 60, "seeds": 3, "image_spread": 0.2, "seed_spread": 0.02}


def test_large_studies_of_large_effects_are_right():
    assert verdict_shares(CLAIM, effect=2.0, rounds=20, **SIZE).to_dict() == {SUPPORTED: 1}
    assert verdict_shares(CLAIM, effect=0.5, rounds=20, **SIZE).to_dict() == {CONTRADICTED: 1}


def test_shares_are_of_the_studies_that_were_asked_for():
    shares = verdict_shares(CLAIM, effect=1.1, rounds=7, **SIZE | {"image_spread": 1.0})
    assert shares.sum() == 1
    assert ((7 * shares) % 1 < 1e-9).all()
