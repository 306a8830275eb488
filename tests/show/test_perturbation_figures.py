import numpy as np
import pytest

from helpers.artifacts.folders import RunFolder
from helpers.errors import StudyError
from helpers.show.perturbation_figures import show_adversarials, show_perturbations, show_steps

SIZE = 16  # side of an image in pixels


def test_steps_show_the_probability_of_the_true_class_and_what_has_changed(smoke):
    """Of two classes whose logits differ by the logarithm of 3, one has a probability of 3/4."""
    image = np.full((SIZE, SIZE, 3), 0.5)
    attacked = image.copy()
    attacked[0, 0] = 0.6
    figure = show_steps([(image, np.log([3, 1])), (attacked, np.log([1, 3]))], 0, epsilon=0.2, config=smoke[0])
    above, below = np.reshape(figure.axes, (2, 2))
    assert [axis.get_title("left") for axis in above] == ["step 0: 0.75", "step 1: 0.25, wrong"]
    before, after = (np.asarray(axis.images[0].get_array()) for axis in below)
    assert (before == 0.5).all()
    assert after[0, 0] == pytest.approx([0.75] * 3)  # half of epsilon: half of the way from grey to white
    assert (after[1:] == 0.5).all()


def test_adversarials_are_shown_from_the_easiest_to_the_hardest_to_break(smoke, leave_attack):
    folder = leave_attack(smoke[0], radii=(0.32, np.inf, 0.01, 0, 0.04, 0.02))
    figure = show_adversarials(folder, columns=3)
    axes = np.reshape(figure.axes, (3, 3))
    assert [axis.get_title("left") for axis in axes[1]] == [f"attacked, ε = {e}/255" for e in ("2.6", "5.1", "82")]
    assert axes[2, 0].get_title("left") == "difference × 50"
    assert figure.get_suptitle().startswith("skin lesions, ResNet-50 without attention, phantoms (drawn images):")


def test_columns_stay_empty_where_fewer_images_were_broken(smoke, leave_attack):
    figure = show_adversarials(leave_attack(smoke[0], radii=(0, 0.01, np.inf)), columns=2)
    assert [len(axis.images) for axis in figure.axes] == [1, 0] * 3


def test_adversarials_are_of_the_source_that_was_attacked(smoke, leave_attack):
    leave_attack(smoke[0].replace(source="medmnist", data_dir="elsewhere.npz"))
    figure = show_adversarials(RunFolder.from_config(smoke[0]))
    assert "images from MedMNIST+" in figure.get_suptitle()


def test_without_adversarials_it_says_which_notebook_makes_them(smoke):
    with pytest.raises(StudyError, match=r"adversarials.npz: .*04_evaluate_pgd"):
        show_adversarials(RunFolder.from_config(smoke[0]))


def test_perturbations_are_shown_a_row_a_model_and_epsilon_and_noise_below(smoke, leave_explanation):
    folders = [leave_explanation(config, image=0.0) for config in smoke[:2]]  # black: it cannot be darkened
    figure = show_perturbations(folders, columns=3)
    axes = np.reshape(figure.axes, (1 + 2 * 2 + 1, 3))
    names = [line[0].texts[0].get_text() for line in axes]
    assert names[0] == "original"  # no mask, no outline
    assert names[1:3] == ["without attention\nε = 0.00125", "without attention\nε = 0.32"]
    assert names[-1] == "noise\nε = 0.32"
    noise = axes[-1, 0].images[0].get_array()
    assert noise.min() >= 0.5  # grey: no change
    assert noise.mean() == pytest.approx(0.75, abs=0.02)  # evenly between grey and white
    assert figure.get_suptitle().startswith("skin lesions, ResNet-50, phantoms (drawn images): ")
    assert "0..255" in figure.get_suptitle()


def test_perturbations_are_of_the_source_that_was_explained(smoke, leave_explanation):
    leave_explanation(smoke[0].replace(source="folder", data_dir="elsewhere"))
    figure = show_perturbations([RunFolder.from_config(smoke[0])])
    assert "images from a folder" in figure.get_suptitle()
