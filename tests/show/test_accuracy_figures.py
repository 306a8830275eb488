import numpy as np
import pytest

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import record_path
from helpers.artifacts.tables import ROBUSTNESS
from helpers.errors import StudyError
from helpers.show.accuracy_figures import compare_models

COLUMNS = ["task", "source", "backbone", "attention", "training", "seed"]
NUMBERS = ["epsilon", "images", "accuracy", "low", "high", "attack_checks"]


def title(figure):
    return figure.axes[0].get_title("left")


def test_models_are_compared_with_the_numbers_behind_the_curves(smoke, leave_attack):
    figure, numbers = compare_models([leave_attack(config) for config in smoke[:2]])
    assert title(figure).startswith(
        "skin lesions, ResNet-50, phantoms (drawn images): 10 test images at 64 px, seed 0\n"
    )
    assert list(numbers) == COLUMNS + NUMBERS
    assert numbers.groupby("attention").accuracy.first().to_dict() == {"none": 0.9, "soft": 0.9}
    assert numbers.epsilon.tolist() == 2 * [0, 0.01, 0.32]  # the grid of the profile
    assert numbers.accuracy.tolist() == 2 * [0.9, 0.9, 0.3]
    assert "L∞, minimum-norm attack of 6 steps (protocol minimal); bands" in title(figure)
    assert set(numbers.attack_checks) == {"trusted"}


def test_a_figure_says_what_the_run_was_made_with_whatever_the_profile_says_now(smoke, leave_attack):
    then = smoke[3].replace(
        source="folder", data_dir="elsewhere", image_size=96, protocol="paper", steps=40, rel_stepsize=0.125
    )
    leave_attack(then)
    figure, numbers = compare_models([RunFolder.from_config(smoke[3])])
    assert title(figure) == (
        "retinas, InceptionResNetV2, images from a folder: 10 test images at 96 px, seed 0\n"
        "L∞, PGD of 40 steps of ε/8 (protocol paper); bands: 95% intervals over lesions or patients"
    )
    assert set(numbers.source) == {"folder"}


def test_radii_give_the_accuracy_at_any_epsilon_and_both_protocols_can_be_compared(smoke, leave_attack):
    paper = smoke[2].replace(protocol="paper", steps=40)
    figure, numbers = compare_models([leave_attack(smoke[0]), leave_attack(paper)], epsilons=[0.1, 0.2])
    by_training = numbers.set_index(["training", "epsilon"]).accuracy
    assert (
        by_training.loc["standard"].to_dict()
        == by_training.loc["adversarial"].to_dict()
        == {0: 0.9, 0.1: 0.7, 0.2: 0.5}
    )
    assert "of 6 steps (protocol minimal) and PGD of 40 steps of ε/30 (protocol paper)" in title(figure)


def test_the_title_names_the_steps_that_were_taken(smoke, leave_attack, robustness):
    """After a doubtful verdict, an attack takes twice the steps of its profile."""
    folder = leave_attack(smoke[0])
    ROBUSTNESS.save(robustness().assign(attack="minimum_norm_12"), folder.robustness)
    assert "minimum-norm attack of 12 steps (protocol minimal)" in title(compare_models([folder])[0])
    both = [folder, leave_attack(smoke[1])]
    assert "minimum-norm attack of 12 and 6 steps (protocol minimal)" in title(compare_models(both)[0])


def test_a_second_curve_shows_perturbations_in_whole_levels(smoke, leave_attack, robustness):
    """Radii of 0, .05, .1 … are rounded up to levels; the radii of .05 and of .3 need 13 and 77 of them."""
    table = robustness()
    table["levels"] = np.ceil(255 * table.radius)
    folder = leave_attack(smoke[0])
    ROBUSTNESS.save(table, folder.robustness)
    figure, numbers = compare_models([folder, leave_attack(smoke[1])], epsilons=[0.0505, 12.9 / 255, 13 / 255, 0.32])
    first = numbers[numbers.attention == "none"]
    assert first.accuracy.tolist() == [0.9, 0.8, 0.8, 0.8, 0.3]
    assert first.accuracy_8_bit.tolist() == [0.9, 0.9, 0.9, 0.8, 0.3]
    assert numbers[numbers.attention == "soft"].accuracy_8_bit.isna().all()
    assert "whole grey levels" in " ".join(text.get_text() for text in figure.axes[0].get_legend().get_texts())


def test_two_models_of_the_same_name_are_refused(smoke, leave_attack):
    folders = [leave_attack(config) for config in (smoke[0], smoke[0].replace(seed=1))]
    with pytest.raises(StudyError, match="different names, got without attention; without attention"):
        compare_models(folders)


def test_without_an_attack_or_its_record_it_says_what_to_run(smoke, leave_attack):
    with pytest.raises(StudyError, match=r"robustness.csv: .*Run notebook 04_evaluate_pgd, or make study"):
        compare_models([RunFolder.from_config(smoke[0])])
    folder = leave_attack(smoke[0])
    record_path(folder.robustness).unlink()
    with pytest.raises(StudyError, match="expected the record of how robustness.csv was made"):
        compare_models([folder])
