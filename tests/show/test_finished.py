"""Outcomes of a model that was trained again since are not taken for its own."""

from contextlib import nullcontext

import pandas as pd
import pytest
import yaml

from helpers import StudyError, files
from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import PREDICTIONS, ROBUSTNESS
from helpers.profile_files import read_profile
from helpers.profiles import read_models
from helpers.show.collect import collect
from helpers.show.finished import check_current, finished_models

IMAGES = pd.DataFrame({"image": ["a", "b"], "group": ["p", "q"], "label": "nv"})


def model_of_profile(folder, steps):
    """Return the only model of a profile like smoke, whose attack takes these steps; nothing of it is explained."""
    content = read_profile("smoke")
    content["models"] = [{"task": "skin_lesion", "backbone": "resnet50", "training": "adversarial"}]
    content["parameters"]["steps"] = steps
    profile = folder / "mine.yaml"
    profile.write_text(yaml.safe_dump(content))
    (config,) = read_models(str(profile), runs_dir=str(folder / "runs"))
    return config


@pytest.fixture
def config(tmp_path):
    """Return a model that was trained and attacked, as its records say."""
    config = model_of_profile(tmp_path, steps=20)
    files.make_folder(RunFolder.from_config(config).path)
    train(config, b"first")
    attack(config)
    return config


def train(config, weights):
    folder = RunFolder.from_config(config)

    def make():
        folder.model.write_bytes(weights)

    records.make_once(folder.model, stage="training", parameters={"weights": str(weights)}, make=make, config=config)


def attack(config):
    folder = RunFolder.from_config(config)
    of_model = {"model_digest": records.recorded_digest(folder.model)}

    def predict():
        PREDICTIONS.save(IMAGES.assign(prediction="nv"), folder.predictions)

    def find_radii():
        facts = {
            "attack": "minimum_norm_20",
            "seed": 0,
            "radius": 0.1,
            "failed_at": 0.0,
            "calls": 40,
            "prediction": "mel",
        }
        ROBUSTNESS.save(IMAGES.assign(**facts), folder.robustness)
        ChecksReport("trusted", []).save(folder.checks)
        folder.adversarials.write_bytes(b"nearest")

    records.make_once(folder.predictions, stage="training", parameters=of_model, make=predict, config=config)
    settings = of_model | {"steps": config.steps}
    records.make_once(
        folder.robustness,
        stage="attack",
        parameters=settings,
        make=find_radii,
        config=config,
        also=[folder.adversarials],
    )


def test_outcomes_of_an_earlier_model_are_refused_and_that_model_is_not_finished(config):
    check_current(config)
    assert finished_models(config.profile, runs_dir=config.runs_dir) == [config]
    train(config, b"second")
    with pytest.raises(StudyError, match=r"predictions.csv: expected the outcome of model.keras as it is"):
        check_current(config)
    with pytest.raises(StudyError, match="earlier model. Run make study again"):
        collect(config.profile, runs_dir=config.runs_dir)
    with pytest.raises(StudyError, match="expected a finished model, found none"):
        collect(config.profile, runs_dir=config.runs_dir, so_far=True)
    attack(config)
    check_current(config)


def test_a_model_whose_record_a_killed_training_removed_is_compared_by_its_file(config):
    folder = RunFolder.from_config(config)
    records.record_path(folder.model).unlink()
    check_current(config)
    folder.model.write_bytes(b"half of another")
    with pytest.raises(StudyError, match="got one of an earlier model"):
        check_current(config)


def test_explanations_of_an_earlier_attack_are_refused(config):
    standard = config.replace(training="standard")
    folder = RunFolder.from_config(standard)
    files.make_folder(folder.path)
    train(standard, b"first")
    attack(standard)
    of_attack = {"model_digest": records.recorded_digest(folder.model)}
    for digest, is_refused in ((files.digest(folder.adversarials), False), ("another", True)):
        folder.explanations.unlink(missing_ok=True)
        records.make_once(
            folder.explanations,
            stage="explanation",
            parameters=of_attack | {"adversarials_digest": digest},
            make=lambda: folder.explanations.write_text(""),
            config=standard,
        )
        with pytest.raises(StudyError, match="explanations.csv: expected") if is_refused else nullcontext():
            check_current(standard)


def test_an_attack_in_other_steps_than_the_profiles_is_refused(config, tmp_path):
    changed = model_of_profile(tmp_path, steps=40)
    with pytest.raises(StudyError, match=r"robustness.csv: expected an attack of 40 steps, .* got one of 20"):
        check_current(changed)
