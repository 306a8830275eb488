import numpy as np
import pytest

from helpers.show import picture_plots


def test_a_perturbation_is_magnified_to_the_full_range():
    assert picture_plots.magnified(np.array([-0.1, 0, 0.1]), epsilon=0.1) == pytest.approx([0, 0.5, 1])


def test_a_grid_has_a_row_a_name_and_as_many_columns_as_its_longest_row():
    pixels = np.zeros((4, 4, 3), np.uint8)
    figure = picture_plots.picture_grid({"one": [pixels], "three": [pixels] * 3}, title="both")
    assert [strip.get_suptitle() for strip in figure.subfigs] == ["one", "three"]
    assert [len(axis.images) for axis in figure.axes] == [1, 0, 0, 1, 1, 1]


def test_a_grid_may_have_a_single_row():
    figure = picture_plots.picture_grid({"one": [np.zeros((4, 4, 3))]}, title="one")
    assert [len(axis.images) for axis in figure.axes] == [1]


def test_only_a_mask_with_something_in_it_is_outlined(axis):
    mask = np.zeros((4, 4), bool)
    picture_plots.picture(axis, np.zeros((4, 4, 3)), mask=mask)
    assert not axis.collections
    mask[1:3, 1:3] = True
    picture_plots.picture(axis, np.zeros((4, 4, 3)), mask=mask)
    assert len(axis.collections) == 1


@pytest.mark.parametrize(("value", "words"), [(0.0, ["all 0"]), (0.5, [])])
def test_a_map_covers_the_picture_and_one_of_zeros_says_so(axis, value, words):
    picture_plots.overlaid(axis, np.zeros((8, 8, 3)), np.full((2, 2), value))
    assert axis.images[1].get_extent() == [-0.5, 7.5, 7.5, -0.5]
    assert [text.get_text() for text in axis.texts] == words


def test_attention_maps_are_shown_as_multiples_of_their_mean():
    figure = picture_plots.attention_maps(
        np.zeros((2, 4, 4, 3)), np.full((2, 2, 2), 0.25), titles=["a", "b"], title="both"
    )
    pictures, maps = np.reshape(figure.axes[:4], (2, 2))
    assert [axis.get_title("left") for axis in pictures] == ["a", "b"]
    assert all(axis.images[0].get_array().tolist() == [[1, 1], [1, 1]] for axis in maps)


def test_histograms_are_densities_of_the_grey_values_of_each_class(axis):
    pixels = np.stack([np.full((2, 2, 3), 0.25), np.full((2, 2, 3), 0.75), np.full((2, 2, 3), 0.75)])
    picture_plots.intensity_histograms(axis, pixels, np.array([0, 1, 1]), ("dark", "light"))
    dark, light = (line.get_ydata() for line in axis.lines)
    assert dark.argmax() == 16
    assert light.argmax() == 48
    assert dark.sum() / 64 == pytest.approx(1)
