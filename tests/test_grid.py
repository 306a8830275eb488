"""Grids in profiles."""

import pytest
import yaml

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.results import arm_of
from helpers.errors import StudyError
from helpers.grid import expand_grids
from helpers.profile_files import MODEL_KEYS, read_profile
from helpers.profiles import read_config, read_models
from helpers.seeds import profile_with_seeds
from helpers.show.names import model_name


def keys(models):
    return [tuple(getattr(model, key) for key in MODEL_KEYS) for model in models]


@pytest.fixture
def profile(tmp_path):
    """Return a function that writes a profile like smoke, with other models and a grid, and returns its path."""

    def write(**changes):
        content = read_profile("smoke")
        del content["models"]
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content | changes))
        return str(path)

    return write


def test_a_grid_is_every_combination_and_seeds_change_slowest():
    models, trainings = expand_grids("grid", {"tasks": ["a", "b"], "seeds": [0, 1], "attentions": "none"}, {})
    assert models == [
        {"seed": seed, "task": task, "attention": "none"} for seed in (0, 1) for task in ("a", "b")
    ]  # fmt: skip
    assert trainings == {}


def test_several_grids_and_listed_models_stand_in_their_order(profile):
    path = profile(
        models=[{"task": "retinopathy", "backbone": "resnet50", "attention": "none"}],
        grid=[
            {"tasks": "skin_lesion", "backbones": "resnet50", "attentions": ["none", "soft"]},
            {"tasks": "skin_lesion", "backbones": "resnet50", "trainings": "adversarial", "seeds": [3]},
        ],
    )
    assert keys(read_models(path)) == [
        ("retinopathy", "resnet50", "none", "standard", 0),
        ("skin_lesion", "resnet50", "none", "standard", 0),
        ("skin_lesion", "resnet50", "soft", "standard", 0),
        ("skin_lesion", "resnet50", "none", "adversarial", 3),
    ]


def test_what_is_excluded_is_left_out(profile):
    path = profile(
        grid={
            "tasks": ["skin_lesion", "pneumothorax"],
            "backbones": "resnet50",
            "attentions": ["none", "soft", "placebo"],
            "trainings": ["standard", "adversarial"],
            "seeds": [0, 1],
            "exclude": [
                {"training": "adversarial", "attention": ["soft", "placebo"]},
                {"task": "pneumothorax", "seed": 1},
            ],
        }
    )
    found = keys(read_models(path))
    assert len(found) == 2 * 3 * 2 * 2 - 2 * 2 * 2 - (3 + 1)
    assert not [key for key in found if key[3] == "adversarial" and key[2] != "none"]
    assert not [key for key in found if key[0] == "pneumothorax" and key[4] == 1]


def test_any_key_of_a_network_its_training_or_its_attack_may_vary(profile):
    path = profile(
        trainings={"adversarial": {"training_steps": 2}, "adversarial-long": {"epochs": 7}},
        grid={
            "tasks": "skin_lesion",
            "backbones": "resnet50",
            "trainings": ["standard", "adversarial-long"],
            "learning_rate": [1e-5, "1e-3"],
            "class_weights": [True, False],
            "steps": 3,
            "exclude": [
                {"training": "adversarial-long", "learning_rate": 1e-5},
                {"training": "adversarial-long", "class_weights": False},
            ],
        },
    )
    models = read_models(path)
    assert [model.training for model in models] == [
        "standard-learning_rate_0.00001-class_weights_true-steps_3",
        "standard-learning_rate_0.00001-class_weights_false-steps_3",
        "standard-learning_rate_0.001-class_weights_true-steps_3",
        "standard-learning_rate_0.001-class_weights_false-steps_3",
        "adversarial-long-learning_rate_0.001-class_weights_true-steps_3",
    ]
    assert [(m.learning_rate, m.class_weights, m.is_adversarial) for m in models] == [
        (1e-5, True, False),
        (1e-5, False, False),
        (1e-3, True, False),
        (1e-3, False, False),
        (1e-3, True, True),
    ]
    assert {model.steps for model in models} == {3}
    assert (models[-1].epochs, models[-1].training_steps) == (7, 2)  # of its own section, and of its kind
    first = read_config(profile=path, training=models[0].training)
    assert first == models[0]
    assert RunFolder.from_config(first).path.name == (
        "resnet50-none-learning_rate_0.00001-class_weights_true-steps_3-seed0"
    )
    assert arm_of(first) == "none-learning_rate_0.00001-class_weights_true-steps_3"
    assert model_name(models[-1]) == (
        "without attention, adversarially trained, long, learning rate 0.001, class weights true, steps 3"
    )


def test_a_training_that_the_profile_does_not_have_is_refused(profile):
    path = profile(grid={"tasks": "skin_lesion", "backbones": "resnet50", "epochs": [1, 2]})
    with pytest.raises(StudyError, match="training: expected one of .*Did you mean 'standard-epochs_2'"):
        read_config(profile=path, training="standard-epoch_2")
    with pytest.raises(StudyError, match=r"grid: trainings: expected one of standard, adversarial; got 'standard-x'"):
        read_models(profile(grid={"trainings": "standard-x", "epochs": [1, 2]}))
    with pytest.raises(StudyError, match=r"training: in 'standard-a/b', expected lower-case letters.*'a/b'"):
        read_models(profile(grid={"trainings": "standard-a/b"}, trainings={"standard-a/b": {}}))


def test_what_models_share_is_no_part_of_what_varies(profile):
    for name, values in {"phantoms": [50, 100], "image_size": [64, 128], "protocol": ["minimal", "paper"]}.items():
        with pytest.raises(
            StudyError, match=f"grid: {name}: expected a parameter of single models.*a profile for each"
        ):
            read_models(profile(grid={name: values}))
    for name, values in {"folds": 4, "pretraining": {"image_size": 32, "epochs": 1, "learning_rate": 0.1}}.items():
        with pytest.raises(
            StudyError, match=rf"trainings.adversarial: expected no parameter of what.* got {name}\. Put"
        ):
            read_models(profile(grid={}, trainings={"adversarial": {name: values}}))
    grid = {"tasks": "skin_lesion", "backbones": "resnet50", "trainings": ["standard", "adversarial"]}
    with pytest.raises(
        StudyError, match=r"image_size: expected the same .* got 64 \(standard\) and 96 \(adversarial\)"
    ):
        read_models(profile(grid=grid, trainings={"adversarial": {"image_size": 96}}))


def test_a_training_has_one_meaning(profile):
    same = {"tasks": "skin_lesion", "backbones": "resnet50"}
    with pytest.raises(StudyError, match="standard-epochs_20 has other values elsewhere in the profile"):
        read_models(profile(grid={**same, "epochs": [10, 20]}, trainings={"standard-epochs_20": {"epochs": 21}}))
    with pytest.raises(StudyError, match="a kind at the beginning only, got 'adversarial' behind it"):
        read_models(profile(grid={**same, "trainings": "standard-adversarial"}, trainings={"standard-adversarial": {}}))
    long = f"standard-{'x' * 130}"
    with pytest.raises(StudyError, match="training: expected at most 120 characters"):
        read_models(profile(grid={**same, "trainings": long}, trainings={long: {}}))


def test_other_models_of_the_profile_need_a_value_of_what_the_grid_varies(profile):
    parameters = read_profile("smoke")["parameters"]
    del parameters["learning_rate"]
    with pytest.raises(StudyError, match="parameters: expected learning_rate, too"):
        read_models(profile(parameters=parameters, grid={"learning_rate": [0.1, 0.2]}))


def test_numbers_are_excluded_however_they_are_written(profile):
    grid = {"tasks": "skin_lesion", "backbones": "resnet50", "learning_rate": ["1e-3", "1/10"]}
    with pytest.raises(StudyError, match="learning_rate: .*got '1/10'"):
        read_models(profile(grid=grid))
    grid |= {"learning_rate": ["1e-3", 0.1], "exclude": {"training": "standard", "learning_rate": 0.001}}
    assert [model.learning_rate for model in read_models(profile(grid=grid))] == [0.1]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([], "models: expected a list of at least one model, or a grid; found none"),
        (["skin_lesion"], "grid, number 1: expected lists, such as seeds"),
        ({"seed": [0, 1]}, "grid: expected one of .*seed.*Did you mean 'seeds'"),
        ({"tasks": []}, "grid: tasks: expected at least one, got none"),
        ({"tasks": "skin", "backbones": "resnet50"}, r"models, entry 1 \(skin, resnet50\): task: "),
        ({"epochs": []}, "grid: epochs: expected at least one, got none"),
        ({"epochs": [1, 0]}, "grid: epochs: .* greater than 0, got 0"),
        ({"weights": ["My weights.h5"]}, "weights: expected a number, or a word .* got 'My weights.h5'. For other"),
        ({"epochs": [2, "2"]}, r"\(standard-epochs_2\): expected another model, an earlier entry is the same"),
        ({"task": ["skin_lesion"]}, "grid: expected one of .* got 'task'. Did you mean 'tasks'"),
        ({"seeds": [0, 0]}, "an earlier entry is the same"),
        ({"seeds": [0, 1], "exclude": {"seed": 2}}, "exclude: expected a part of the grid, got {'seed': 2}"),
        ({"seeds": [0, 1], "exclude": "seed 1"}, "exclude: expected models such as"),
        ({"seeds": [0, 1], "exclude": {"seeds": 1}}, "Did you mean 'seed'"),
    ],
)
def test_a_wrong_grid_is_one_error_that_names_the_entry(profile, grid, message):
    with pytest.raises(StudyError, match=message):
        read_models(profile(grid=grid))


def test_a_profile_with_other_seeds_has_each_model_with_each_of_them(tmp_path):
    listed = keys(read_models("smoke"))
    path = profile_with_seeds("smoke", "[3, 0]", tmp_path)
    assert path == tmp_path / "_profiles" / "smoke-seeds3-0.yaml"
    expected = [(*key[:-1], seed) for seed in (3, 0) for key in dict.fromkeys((*key[:-1], 0) for key in listed)]
    assert keys(read_models(str(path))) == expected
    for ours, theirs in zip(read_models(str(path)), read_models("smoke"), strict=False):
        same = {"profile", "seed"}
        assert ours.model_dump(exclude=same) == theirs.model_dump(exclude=same)


@pytest.mark.parametrize("seeds", ["", "[]", "one", "[0, 0]", "[-1]", "0.5", "[03, 3]", "[99999999999999]", "[٣]"])
def test_what_is_no_seed_is_refused(tmp_path, seeds):
    with pytest.raises(StudyError, match=r"^seeds: expected different whole numbers, such as \[0, 1, 2\], got"):
        profile_with_seeds("smoke", seeds, tmp_path)
    assert not list(tmp_path.iterdir())
