import pytest

from helpers.artifacts import records
from helpers.artifacts.folders import TaskFolder
from helpers.artifacts.results import StudyResults
from helpers.errors import StudyError
from helpers.parameters import ImageParameters
from helpers.paths import ROOT
from helpers.show.compared import Compared

SKIN = {"profile": "smoke", "task": "skin_lesion", "backbone": "resnet50", "seed": 0}


@pytest.fixture
def same(smoke):
    """Return the parameters that all compared models share; in their folder of runs is the record of a manifest."""
    manifest, made_with = TaskFolder.from_config(smoke[0]).manifest, smoke[0].part(ImageParameters)
    records.make_once(manifest, stage="splitting", parameters=made_with, make=lambda: manifest.write_text(""))
    return {**SKIN, "runs_dir": smoke[0].runs_dir}


def test_the_profile_lists_the_models_if_none_are_named(same, smoke):
    compared = Compared.from_parameters(attack={"steps": None}, **same)  # None: as in the profile
    listed = [m for m in smoke if (m.task, m.backbone, m.seed) == ("skin_lesion", "resnet50", 0)]
    assert [(c.attention, c.training) for c in compared.configs] == [(m.attention, m.training) for m in listed]
    assert {c.steps for c in compared.configs} == {smoke[0].steps}


def test_named_models_are_taken_in_their_order_with_the_attack_that_is_asked_for(same, smoke, leave_attack):
    for config in smoke:
        leave_attack(config)
    compared = Compared.from_parameters(attentions="soft, none", attack={"steps": 3, "epsilons": "1/255"}, **same)
    assert [(c.attention, c.training) for c in compared.configs] == [("soft", "standard"), ("none", "standard")]
    assert [(c.steps, c.epsilons) for c in compared.configs] == [(3, (1 / 255,))] * 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attentions": "sofd"}, "attentions: .*sofd"),
        ({"attentions": []}, "attentions: expected at least one"),
        ({"training": "adversarial", "seed": 7}, "profile smoke: expected a model"),
        ({"attack": {"steps": 0}}, r"steps: (?!expected a model)"),
        ({"attack": {"protocol": "paper"}}, "protocol: expected a model to attack in .*resnet50-none.*found none"),
    ],
)
def test_a_wrong_parameter_is_named_before_anything_is_read(same, wrong, message):
    with pytest.raises(StudyError, match=message):
        Compared.from_parameters(**{"attack": {}, **same, **wrong})


def test_outcomes_are_those_of_the_run_if_all_models_have_one(same, smoke, leave_attack):
    leave_attack(smoke[0])
    assert not Compared.from_parameters(attentions="none, soft", attack={}, **same).has_run
    compared = Compared.from_parameters(attentions="none", attack={}, **same)
    assert compared.has_run
    assert not compared.has_models  # as in a run that was shared
    (outcome,) = compared.outcomes({"without attention": leave_attack(smoke[0])}).values()
    assert outcome.table.radius.max() == pytest.approx(0.45)


def test_without_a_run_outcomes_come_from_results(tmp_path):
    here = {**SKIN, "profile": "quick", "runs_dir": str(tmp_path)}
    as_usual = {"protocol": "minimal", "steps": None, "epsilons": "1/255"}
    compared = Compared.from_parameters(attentions="none, soft", attack=as_usual, **here)
    assert not compared.has_run
    assert [config.epsilons for config in compared.configs] == [(1 / 255,)] * 2
    radii = StudyResults.load(ROOT / "results" / "quick").radii.query("task == 'skin_lesion'")
    for (name, outcome), arm in zip(compared.outcomes({}).items(), ("none", "soft"), strict=True):
        assert name == {"none": "without attention", "soft": "with soft attention"}[arm]
        assert outcome.table.radius.tolist() == radii[radii.arm == arm].radius.tolist()


def test_results_without_such_a_model_say_so(tmp_path):
    nowhere = {**SKIN, "profile": "quick", "runs_dir": str(tmp_path), "seed": 5}
    with pytest.raises(StudyError, match=r"results: expected rows of the model .*found none"):
        Compared.from_parameters(attentions="none", attack={}, **nowhere).outcomes({})
