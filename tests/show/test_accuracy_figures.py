import pytest

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import record_path
from helpers.errors import StudyError
from helpers.show.accuracy_figures import compare_models

COLUMNS = ["task", "source", "backbone", "attention", "training", "seed"]
NUMBERS = ["epsilon", "images", "accuracy", "low", "high", "attack_checks"]


def title(figure):
    return figure.axes[0].get_title("left")


def test_models_are_compared_with_the_numbers_behind_the_curves(smoke, leave_attack):
    figure, numbers = compare_models([leave_attack(config) for config in smoke[:2]])
    assert title(figure).startswith("skin_lesion, ResNet-50, phantoms (drawn images): 10 test images at 64 px\n")
    assert list(numbers) == COLUMNS + NUMBERS
    assert numbers.groupby("attention").accuracy.first().to_dict() == {"none": 0.9, "soft": 0.9}
    assert set(numbers.attack_checks) == {"trusted"}


def test_a_figure_says_what_the_run_was_made_with_whatever_the_profile_says_now(smoke, leave_attack):
    then = smoke[3].replace(
        source="folder", data_dir="elsewhere", image_size=96, protocol="paper", steps=20, rel_stepsize=0.125
    )
    leave_attack(then)
    figure, numbers = compare_models([RunFolder.from_config(smoke[3])])
    assert title(figure) == (
        "retinopathy, InceptionResNetV2, images from a folder: 10 test images at 96 px\n"
        "L∞ PGD, 20 steps of ε/8, protocol paper; bands: 95% Wilson intervals"
    )
    assert set(numbers.source) == {"folder"}


def test_models_of_different_attacks_are_compared_each_by_its_own_outcome_and_the_title_says_so(smoke, leave_attack):
    standard, adversarial = (
        smoke[number].replace(steps=steps, rel_stepsize=2.5 / steps) for number, steps in ((0, 10), (2, 20))
    )
    folders = [
        leave_attack(standard, folder=RunFolder.from_config(standard).variant("other"), epsilons=(0.0, 0.1)),
        leave_attack(adversarial, epsilons=(0.0, 0.2)),
    ]
    figure, numbers = compare_models(folders)
    assert numbers.groupby("training").epsilon.max().to_dict() == {"standard": 0.1, "adversarial": 0.2}
    assert "10 steps of ε/4 (standard) and 20 steps of ε/8 (adversarial), protocol nested;" in title(figure)
    alone, _ = compare_models(folders[:1])
    assert "PGD, 10 steps of ε/4, protocol" in title(alone)


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
