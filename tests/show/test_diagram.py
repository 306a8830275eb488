import pytest

from helpers.show.diagram import ATTENTION_BLOCK, draw_network


@pytest.mark.parametrize("attention", ["none", "soft"])
def test_a_diagram_has_a_box_a_layer_with_its_shape_and_an_arrow_for_each_input(axis, attention):
    from helpers.networks.build import build_model

    model = build_model(backbone="tiny", attention=attention, image_size=32, classes=7)
    draw_network(axis, model, body="Tiny")
    words = [text.get_text() for text in axis.texts]
    assert "Tiny" in words
    assert "32×32×3" in words
    assert "7" in words
    assert ("attention\nlayer" in words) == (attention == "soft")
    if attention == "none":  # pixels, preprocessing, body, features, pool, logits
        boxes, arrows = 6, 5
    else:  # the block, ReLU and dropout, too; two paths part at the features and join again
        boxes, arrows = 6 + len(ATTENTION_BLOCK) + 2, 12
    assert len(axis.patches) == boxes
    assert words.count("") == arrows  # an arrow is an annotation without text


@pytest.mark.parametrize(("image_size", "words"), [(24, "max-pool:\n4 of 9 cells"), (32, "max-pool")])
def test_it_says_how_many_cells_max_pooling_reads(axis, image_size, words):
    from helpers.networks.build import build_model

    draw_network(axis, build_model(backbone="tiny", attention="soft", image_size=image_size, classes=7), body="Tiny")
    drawn = [text.get_text() for text in axis.texts if text.get_text().startswith("max-pool")]
    assert drawn == 2 * [words]
