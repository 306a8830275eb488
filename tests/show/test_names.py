"""What models, tasks and images are called in titles."""

from helpers.artifacts.results import ARMS
from helpers.show.names import arm_name, setting_name


def test_models_are_named_by_what_they_share_and_where_they_differ_by_all_that_applies(smoke):
    assert setting_name(smoke[:2]) == "skin lesions, ResNet-50, phantoms (drawn images)"
    differing = [smoke[0], smoke[3].replace(source="folder", data_dir="elsewhere")]
    said = "skin lesions, retinas, ResNet-50, InceptionResNetV2, phantoms (drawn images), images from a folder"
    assert setting_name(differing) == said


def test_an_arm_has_a_name_of_its_own_in_words():
    names = [arm_name(arm) for arm in ARMS]
    assert len(set(names)) == len(ARMS)
    assert all(" " in name and "_" not in name for name in names)
    assert arm_name("adversarial") == "adversarially trained"
