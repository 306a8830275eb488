"""Golden tests of the stages after drawing: their numbers change only together with the stage's version."""

import sys

import numpy as np
import pytest

from helpers.artifacts.records import STAGES
from helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "tests" / "golden"))

import write as golden


def test_every_stage_has_a_golden_file():
    assert golden.GOLDENS.keys() == STAGES.keys()


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "drawing"])
def test_what_a_stage_makes_changes_only_with_its_version(stage):
    change = golden.find_change(stage)
    assert not change, change


def test_a_changed_step_of_the_attack_is_noticed(monkeypatch):
    import cases

    from helpers import attack

    def weaker(*arguments, **settings):
        return attack(*arguments, **settings | {"steps": 1})

    monkeypatch.setattr(cases, "attack", weaker)
    assert "the attacks changed: raise STAGES['attack']" in golden.find_change("attack")


def test_a_changed_weight_decay_is_noticed(monkeypatch):
    from helpers.training import fused

    original = fused.Adam.update_step

    def decayed(self, gradient, variable, rate):
        variable.assign(variable * np.float32(0.99))
        return original(self, gradient, variable, rate)

    monkeypatch.setattr(fused.Adam, "update_step", decayed)
    assert "the trainings changed: raise STAGES['training']" in golden.find_change("training")
