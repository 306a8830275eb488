"""What models, tasks and images are called in titles."""

from helpers.show.names import setting_name


def test_models_are_named_by_what_they_share_and_where_they_differ_by_all_that_applies(smoke):
    assert setting_name(smoke[:2]) == "skin lesions, ResNet-50, phantoms (drawn images)"
    differing = [smoke[0], smoke[3].replace(source="folder", data_dir="elsewhere")]
    said = "skin lesions, retinas, ResNet-50, InceptionResNetV2, phantoms (drawn images), images from a folder"
    assert setting_name(differing) == said
