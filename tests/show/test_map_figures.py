import numpy as np
import pytest

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.records import record_path
from helpers.errors import StudyError
from helpers.profiles import read_models
from helpers.show.chosen_images import not_too_many
from helpers.show.map_figures import show_maps


def labels(figure):
    """Return the text on the left of each row."""
    return [line[0].texts[0].get_text() for line in np.reshape(figure.axes, (-1, 7))]


def test_maps_are_shown_a_row_an_image_and_model_at_the_epsilon_of_the_paper(smoke, leave_explanation):
    figure = show_maps([leave_explanation(config) for config in smoke[:2]], images=2)
    assert figure.get_suptitle().startswith("skin lesions, ResNet-50, phantoms (drawn images)\n")
    words = labels(figure)
    assert ["with soft attention" in text for text in words] == [False, True] * 2
    assert all("ε = 0.00125" in text for text in words)  # the nearest to the paper's .01
    assert "true: actinic keratosis\npredicted: actinic keratosis\n(unchanged)" in words[0]
    axes = np.reshape(figure.axes, (-1, 7))
    assert [text.get_text() for text in axes[0, 5].texts] == ["none"]  # no attention layer, no map of it


def test_another_epsilon_can_be_asked_for(smoke, leave_explanation):
    (words,) = labels(show_maps([leave_explanation(smoke[0])], epsilon=1.0))
    assert "ε = 0.32\ntrue: actinic keratosis\npredicted: actinic keratosis\n→ basal cell carcinoma" in words


def test_maps_for_the_predicted_class_can_be_asked_for(smoke, leave_explanation):
    figure = show_maps([leave_explanation(smoke[0])], target="predicted")
    assert [text.get_text() for text in figure.axes[3].texts] == ["all 0"]
    assert "for the predicted class" in figure.get_suptitle()


def test_titles_name_the_method_and_the_layer_that_the_maps_were_made_with(smoke, leave_explanation):
    figure = show_maps([leave_explanation(smoke[0], method="scorecam", layer="conv4_block6_out")])
    assert "Score-CAM of layer conv4_block6_out for the true class" in figure.get_suptitle()
    assert [axis.get_title("left") for axis in figure.axes[3:5]] == ["Score-CAM\nclean", "Score-CAM\nattacked"]
    usual = show_maps([leave_explanation(smoke[1])])
    assert "Grad-CAM of the backbone's last feature map for the true class" in usual.get_suptitle()


def test_a_backbone_that_the_paper_does_not_have_is_shown_at_the_middle_epsilon(
    smoke_profile, tmp_path, leave_explanation
):
    config = read_models(smoke_profile, runs_dir=str(tmp_path))[0]
    assert config.backbone not in config.task_record.paper_epsilons
    figure = show_maps([leave_explanation(config)])
    assert "ε = 0.32" in labels(figure)[0]
    assert "Tiny" in figure.get_suptitle()


def test_classes_and_source_are_those_of_the_run_whatever_the_profile_says_now(smoke, leave_explanation):
    leave_explanation(smoke[3].replace(threshold=3, source="folder", data_dir="elsewhere"))
    figure = show_maps([RunFolder.from_config(smoke[3])], epsilon=0.32)
    assert "true: grade 0-2\npredicted: grade 0-2\n→ grade 3-4" in labels(figure)[0]
    assert "images from a folder" in figure.get_suptitle()


def test_without_an_explanation_or_its_record_it_says_what_to_run(smoke, leave_explanation):
    with pytest.raises(StudyError, match=r"explanations.npz: .*Run notebook 06_explain_gradcam"):
        show_maps([RunFolder.from_config(smoke[0])])
    folder = leave_explanation(smoke[0])
    record_path(folder.explanations).unlink()
    with pytest.raises(StudyError, match="expected the record of how explanations.csv was made"):
        show_maps([folder])


def test_of_many_models_the_first_are_drawn_and_the_title_says_so():
    assert not_too_many(iter("abc")) == (["a", "b", "c"], "")
    assert not_too_many(range(30)) == (list(range(24)), "\nthe first 24 of 30 models")
