import numpy as np
import pydantic
import pytest
import yaml

from helpers.artifacts.folders import TaskFolder
from helpers.attentions import ATTENTIONS
from helpers.config import Config, check_count, make_config
from helpers.errors import StudyError
from helpers.lists import read_choices
from helpers.parameters import AttackParameters, ImageParameters, TrainingParameters
from helpers.paths import ROOT
from helpers.profile_files import profile_name, read_profile
from helpers.profiles import find_models, profile_tasks, read_config, read_models


@pytest.mark.parametrize("profile", ["smoke", "quick", "reference", "real", "paper"])
def test_every_profile_is_valid_and_lists_models(profile):
    models = read_models(profile)
    assert {model.attention for model in models} >= {"none", "soft"}
    assert all(model.profile == profile for model in models)


def test_what_differs_by_task_stands_over_the_rest_and_below_what_is_given(tmp_path):
    content = read_profile("smoke")
    content["tasks"] = {"retinopathy": {"phantoms": 70, "folds": 5}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    lesions, eyes, given = (
        read_config(profile=str(path), task=task, **choices)
        for task, choices in (("skin_lesion", {}), ("retinopathy", {}), ("retinopathy", {"folds": 4}))
    )
    assert (lesions.phantoms, eyes.phantoms, eyes.folds, given.folds) == (126, 70, 5, 4)
    path.write_text(yaml.safe_dump(content | {"tasks": {"retina": {}}}))
    with pytest.raises(StudyError, match=r"mine.yaml: tasks: expected one of .*'retina'"):
        read_config(profile=str(path))


def test_classes_follow_from_the_task_and_its_parameters():
    eyes = read_config(profile="smoke", task="retinopathy")
    assert eyes.classes == ("grade 0", "grade 1-4")
    assert eyes.replace(threshold=3).classes == ("grade 0-2", "grade 3-4")
    assert len(eyes.replace(threshold=0).classes) == 5
    chests = read_config(profile="smoke", task="pneumothorax", finding="Pleural_Thickening")
    assert chests.classes == ("no pleural thickening", "pleural thickening")


def test_the_papers_grid_and_protocol():
    paper = read_config(profile="paper")
    assert paper.epsilons == tuple(0.00125 * 2**k for k in range(9)) == read_config(profile="quick").epsilons
    assert (paper.optimizer, paper.learning_rate, paper.adam_epsilon) == ("adam", 0.01, 0.1)
    assert (paper.epochs, paper.patience, paper.min_delta, paper.epoch_fraction) == (300, 40, 0.001, 0.1)
    assert (paper.steps, paper.protocol, paper.weights) == (40, "paper", "imagenet")
    assert paper.rel_stepsize == pytest.approx(0.01 / 0.3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 16}, r"pretraining.image_size: expected at least 32 pixels for resnet50, got 16"),
        ({"epochs": 0}, r"pretraining.epochs: input should be greater than 0, got 0"),
    ],
)
def test_pretraining_is_checked_before_it_starts(changes, message):
    config = read_config(profile="smoke", backbone="resnet50")
    with pytest.raises(StudyError, match=message):
        config.replace(pretraining=config.pretraining.model_dump() | changes)


def test_a_backbone_without_weights_of_its_own_needs_a_pretraining():
    message = r"pretraining: expected image_size, epochs and learning_rate for weights 'phantom', got none.*inception"
    with pytest.raises(StudyError, match=message):
        read_config(profile="quick", backbone="inception_resnet_v2").replace(pretraining=None)


@pytest.mark.parametrize(
    ("given", "epsilons"),
    [
        ([0.5, 1], (0.5, 1.0)),
        ("1/255, 2/255", (1 / 255, 2 / 255)),
        (["4/255", 0.1], (4 / 255, 0.1)),
        ("[0.001, 0.002]", (0.001, 0.002)),
        ("['1/255', \"0.1\"]", (1 / 255, 0.1)),
        ("(0.03,)", (0.03,)),
        ("1/255 2 / 255", (1 / 255, 2 / 255)),
        ("1e-3, 0.5", (0.001, 0.5)),
        ("1/255,2/255", (1 / 255, 2 / 255)),
        ("0.01,0.02", (0.01, 0.02)),
        ("0,0.01", (0, 0.01)),
        ("0, 1", (0, 1)),
        ([0, 1], (0, 1)),
        (0.03, (0.03,)),
        ("8 / 255", (8 / 255,)),
        (np.float32(0.5), (0.5,)),
    ],
)
def test_epsilons_may_be_numbers_fractions_or_text(given, epsilons):
    assert read_config(profile="quick", epsilons=given).epsilons == pytest.approx(epsilons)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epsilons": [-0.1, 0.1]}, ["epsilons", "[0, 1]", "-0.1"]),
        ({"epsilons": [0.2, 0.1]}, ["epsilons", "strictly increasing", "0.2"]),
        ({"epsilons": [0.1, 0.1]}, ["epsilons", "strictly increasing"]),
        ({"epsilons": []}, ["epsilons"]),
        ({"epsilons": [8]}, ["epsilons", "at most 1"]),
        ({"epsilons": "many"}, ["epsilons", "'many'", "such as"]),
        ({"epsilons": "0.01; 0.02"}, ["epsilons", "'0.01;'"]),
        ({"epsilons": "1/0"}, ["epsilons: expected numbers or fractions, such as", "'1/0'"]),
        ({"epsilons": "1/2/3"}, ["epsilons", "'1/2/3'"]),
        ({"epsilons": "[]"}, ["epsilons", "such as", "'[]'"]),
        ({"epsilons": " "}, ["epsilons", "such as", "' '"]),
        ({"epsilons": [[0.1], 0.2]}, ["epsilons", "such as", "[0.1]"]),
        ({"epsilons": "[[0.1]]"}, ["epsilons", "'[0.1]'"]),
        ({"epsilons": float("nan")}, ["epsilons", "such as", "nan"]),
        ({"epsilons": "0.1, inf"}, ["epsilons", "such as", "'inf'"]),
        ({"epsilons": [0.1, 10**400]}, ["epsilons", "such as", "1000"]),
        ({"epsilons": [True]}, ["epsilons", "such as", "True"]),
        ({"epsilons": {"a": 1}}, ["epsilons", "such as", "{'a': 1}"]),
        ({"steps": True}, ["steps: expected a number, got True"]),
        ({"seed": False}, ["seed: expected a number, got False"]),
        ({"rel_stepsize": True}, ["rel_stepsize: expected a number or a fraction", "got True"]),
        ({"rel_stepsize": "0,25"}, ["rel_stepsize: expected a decimal point, got '0,25': write '0.25'"]),
        ({"rel_stepsize": "1/0"}, ["rel_stepsize: expected a number or a fraction", "'1/0'"]),
        ({"training_epsilon": "-8/255"}, ["training_epsilon", "greater than 0"]),
        ({"epsilons": "0,01"}, ["epsilons: expected a decimal point, got '0,01': write '0.01', or '0, 01'"]),
        ({"epsilons": "0,5/255"}, ["epsilons: expected a decimal point, got '0,5'"]),
        ({"epsilons": "0,03, 0,1"}, ["epsilons: expected a decimal point, got '0,03': write '0.03'"]),
        ({"epsilons": "[0,1]"}, ["epsilons: expected a decimal point, got '0,1'", "'0, 1' for two numbers"]),
        ({"patience": True}, ["patience: expected a number, got True"]),
        ({"weights": True}, ["weights", "string", "True"]),
        ({"epsilon": [0.1]}, ["epsilon", "Did you mean 'epsilons'?"]),
        ({"task": "skin_lesions"}, ["task", "Did you mean 'skin_lesion'?", "skin_lesions"]),
        ({"attention": "hard"}, ["attention", "soft,", "hard"]),
        ({"backbone": "vgg"}, ["backbone", "resnet50,", "vgg"]),
        ({"image_size": 31}, ["image_size", "32", "resnet50", "31"]),
        ({"source": "folder"}, ["data_dir", "folder"]),
        ({"steps": 0}, ["steps", "greater than 0", "0"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"learning_rate": "fast"}, ["learning_rate", "number", "fast"]),
        ({"epochs": 0, "steps": 0}, ["epochs", "steps"]),
        ({"task": ["skin_lesion"], "steps": 0}, ["task", "string", "['skin_lesion']", "steps"]),
        ({"backbone": {"a": 1}}, ["backbone", "string", "{'a': 1}"]),
        ({"data_dir": "~nouser/x"}, ["data_dir: expected a path", "'~nouser/x'", "no home"]),
        ({"data_dir": "x" * 5000}, ["data_dir: expected a path", "too long (5000 characters)"]),
        ({"runs_dir": "a\0b"}, ["runs_dir: expected a path", "null character"]),
    ],
)
def test_bad_parameters_give_one_error_that_names_them(wrong, words):
    with pytest.raises(StudyError) as error:
        read_config(profile="quick", **wrong)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_numbers_may_be_text_and_a_switch_is_no_number():
    config = read_config(profile="quick", steps="8", rel_stepsize="0.5", class_weights=False)
    assert (config.steps, config.rel_stepsize, config.class_weights) == (8, 0.5, False)
    config = read_config(profile="quick", rel_stepsize="1/4", training_epsilon="8 / 255")
    assert (config.rel_stepsize, config.training_epsilon) == (0.25, 8 / 255)


@pytest.mark.parametrize("wrong", [True, False, -1, 0, "x", 1.5, [16], None])
def test_a_count_is_a_whole_number(wrong):
    assert (check_count("sample", 16), check_count("sample", "16"), check_count("picture", 0, least=0)) == (16, 16, 0)
    with pytest.raises(StudyError, match=r"^sample: .*, got"):
        check_count("sample", wrong)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["none", "soft"], ["none", "soft"]),
        (("placebo",), ["placebo"]),
        ("none", ["none"]),
        ("none, soft", ["none", "soft"]),
        ("none soft", ["none", "soft"]),
        ('["none"]', ["none"]),
        ("[none,soft]", ["none", "soft"]),
        ("('none', 'soft',)", ["none", "soft"]),
    ],
)
def test_names_may_be_a_list_or_text(given, names):
    assert read_choices("attentions", given, ATTENTIONS) == names


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("none, sofd", ["expected one of none,", "got 'sofd'", "Did you mean 'soft'?"]),
        (["none, soft"], ["got 'none, soft'"]),
        ("none, soft, none", ["each name once", "'none'"]),
        ("none,,soft", ["got ''"]),
        ("[['none']]", ["""got "['none']\""""]),
        ("['none", ["""got "['none\""""]),
        ([["none"]], ["got ['none']"]),
        ([], ["at least one of none,", "got []"]),
        ("", ["at least one of none,", "got ''"]),
        (True, ["got True"]),
        ({"none": 1}, ["got {'none': 1}"]),
    ],
)
def test_a_wrong_list_of_names_gives_one_error_with_an_example(wrong, words):
    with pytest.raises(StudyError) as error:
        read_choices("attentions", wrong, ATTENTIONS)
    for word in ["attentions: expected", *words, 'Write, for example, "none, soft".']:
        assert word in str(error.value), str(error.value)


def test_a_list_in_a_profile_may_be_text(tmp_path):
    content = read_profile("smoke")
    content["parameters"]["epsilons"] = "1/255, 2 / 255"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    assert read_config(profile=str(path)).epsilons == (1 / 255, 2 / 255)
    path.write_text(yaml.safe_dump(content | {"trainings": {"adversarial": {"training_steps": True}}}))
    message = r"mine.yaml: models, entry 3 \(skin_lesion, resnet50, .*\): training_steps: expected a number, got True"
    with pytest.raises(StudyError, match=message):
        read_models(str(path))


def test_a_missing_parameter_is_named():
    parameters = read_profile("quick")["parameters"]
    del parameters["batch_size"]
    with pytest.raises(StudyError, match="batch_size: expected a value, found none"):
        make_config({"profile": "quick", **parameters})


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(StudyError, match="paper, pretrain, quick, real, reference, smoke"):
        read_config(profile="quik")


@pytest.mark.parametrize("wrong", [["smoke"], None, 3, "", "~nouser/x.yaml", "x" * 300])
def test_what_can_be_no_profile_is_refused(wrong):
    with pytest.raises(StudyError, match=r"^profile: expected"):
        read_config(profile=wrong)


@pytest.mark.parametrize(
    "text",
    [
        "models: [",
        "just words",
        "models: []",
        "{models: [], parameters: {}}",
        "{models: [1], parameters: {}}",
        "{models: [{}], parameters: []}",
        "{models: [{}], parameters: {}, tasks: {skin_lesion: 3}}",
    ],
)
def test_a_broken_profile_is_named(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(StudyError, match="mine.yaml"):
        read_profile(str(path))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            {"task": "skin_lesion", "attension": "soft"},
            ["entry 5", "expected one of task", "'attension'", "'attention'"],
        ),
        ({"task": "skin_lesion", "epochs": 3}, ["entry 5", "'epochs'"]),
        ({"task": "skin_lesion", "seed": "0"}, ["entry 5", "an earlier entry is the same"]),
        ({"task": "skin_lesion", "seed": [0, 1]}, ["entry 5", "seed", "[0, 1]"]),
    ],
)
def test_an_unknown_key_or_a_repeat_in_the_list_of_models_is_named(tmp_path, model, words):
    content = read_profile("smoke")
    content["models"].append(model)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(StudyError) as error:
        read_models(str(path))
    assert all(word in str(error.value) for word in ["mine.yaml: models", *words]), str(error.value)


def test_a_profile_may_be_any_yaml_file(tmp_path):
    path = tmp_path / "mine.yaml"
    content = yaml.safe_load((ROOT / "params" / "quick.yaml").read_text())
    content["parameters"]["steps"] = 7
    path.write_text(yaml.safe_dump(content))
    config = read_config(profile=str(path), runs_dir=str(tmp_path))
    assert config.steps == 7
    assert TaskFolder.from_config(config).path == tmp_path / "mine" / "skin_lesion"


def test_what_a_step_depends_on_is_the_fields_of_its_part():
    config = read_config(profile="quick")
    attack = config.part(AttackParameters)
    assert attack["steps"] == config.steps
    assert attack.keys() == AttackParameters.model_fields.keys()
    assert "spurious" not in config.part(ImageParameters, without={"spurious"})
    parts = [config.part(part).keys() for part in (ImageParameters, TrainingParameters, AttackParameters)]
    assert sum(map(len, parts)) == len(Config.model_fields) - 2  # profile and runs_dir say where, not what


def test_what_is_not_said_of_a_model_is_as_in_the_profiles_first_model_with_the_rest(tmp_path):
    content = read_profile("smoke")
    content["models"] = [
        {"task": "retinopathy", "backbone": "inception_resnet_v2", "attention": "soft", "seed": 4},
        {"task": "skin_lesion", "attention": "placebo", "training": "adversarial"},
    ]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    keys = ("task", "backbone", "attention", "training", "seed")
    first, of_task, neither = (
        tuple(getattr(read_config(profile=str(path), **given), key) for key in keys)
        for given in ({}, {"task": "skin_lesion"}, {"task": "pneumothorax", "seed": 7})
    )
    assert first == ("retinopathy", "inception_resnet_v2", "soft", "standard", 4)
    assert of_task == ("skin_lesion", "resnet50", "placebo", "adversarial", 0)
    assert neither == ("pneumothorax", "inception_resnet_v2", "soft", "standard", 7)


def test_models_are_found_by_their_properties_or_listed():
    found = find_models("smoke", task="skin_lesion", training=None, attention="none")
    assert [model.training for model in found] == ["standard", "adversarial"]
    with pytest.raises(StudyError, match=r"expected a model with task 'pneumothorax', seed 0, found none.*retinopathy"):
        find_models("smoke", task="pneumothorax", seed=0)
    assert len(find_models("smoke", task="skin_lesion", seed="0")) == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": True}, "seed: expected a number, got True"),
        ({"seed": False}, "seed: expected a number, got False"),
        ({"task": ["skin_lesion"]}, r"task: input should be a valid string, got \['skin_lesion'\]"),
        ({"backbone": ["resnet50"]}, "backbone: input should be a valid string"),
        ({"task": "skin_lesions"}, "task: expected one of .*Did you mean 'skin_lesion'?"),
    ],
)
def test_a_property_of_the_wrong_kind_is_refused_before_models_are_searched(wrong, message):
    with pytest.raises(StudyError, match=f"^{message}"):
        find_models("smoke", **wrong)


def test_one_profile_under_two_spellings_is_one_profile():
    assert profile_name("params/../params/smoke.yaml") == profile_name("smoke") == "smoke"


def test_pretraining_takes_the_tasks_of_the_profile_in_a_fixed_order():
    assert profile_tasks("smoke") == ["skin_lesion", "retinopathy"]
    assert profile_tasks("quick") == ["skin_lesion", "retinopathy", "pneumothorax"]


def test_a_configuration_is_frozen_and_changed_copies_are_checked():
    config = read_config(profile="quick")
    with pytest.raises(pydantic.ValidationError):
        config.steps = 1
    assert config.replace(steps=3).steps == 3
    with pytest.raises(StudyError, match="steps"):
        config.replace(steps=-3)
