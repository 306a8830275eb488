import numpy as np
import pytest

from helpers.attacks.transfer import transfer
from helpers.backend import keras
from helpers.paths import RunFolder


def brighter_than(threshold, size=8):
    """Return a model of class 1 for pictures brighter than a threshold on average."""
    inputs = keras.Input((size, size, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(mean))
    model.set_weights([np.array([[0, 1 / 3]] * 3, np.float32), np.array([0, -threshold], np.float32)])
    return model


def grey(*levels):
    return np.stack([np.full((8, 8, 3), level, np.float32) for level in levels])


@pytest.fixture
def folders(tmp_path):
    """Return the folders of two models, the second with a higher threshold and larger pictures."""
    found = {
        "low": (brighter_than(0.4), grey(0.3, 0.35, 0.6, 0.1), grey(0.45, 0.6, 0.6, 0.1), [0.15, 0.25, np.inf, 0.0]),
        "high": (brighter_than(0.5, size=16), grey(0.7), grey(0.7), [np.inf]),
    }
    for name, (model, images, adversarials, minimal_epsilon) in found.items():
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        model.save(folder.model)
        labels = (images.mean(axis=(1, 2, 3)) > 0.4).astype(np.int64)
        arrays = {"images": images, "adversarials": adversarials, "labels": labels}
        np.savez(folder.adversarials, minimal_epsilon=np.array(minimal_epsilon), **arrays)
    return {name: RunFolder(tmp_path / name) for name in found}


def test_an_adversarial_is_shown_to_every_model_and_counts_where_that_was_right(folders):
    """Two pictures were broken: both cross .4, one crosses .5; what never broke, or was wrong clean, is not shown."""
    table = transfer(folders).set_index(["adversarials of", "shown to"])
    assert table.loc[("low", "low")].tolist() == [2, 1.0]
    assert table.loc[("low", "high")].tolist() == [2, 0.5]


def test_a_model_that_nothing_broke_has_no_adversarials_to_show(folders):
    table = transfer(folders).set_index(["adversarials of", "shown to"])
    assert table.loc["high"].images.tolist() == [0, 0]
    assert table.loc["high"].fooled.isna().all()
