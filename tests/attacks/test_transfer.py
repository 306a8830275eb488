import numpy as np
import pytest

from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import RunFolder
from helpers.attacks.transfer import transfer
from helpers.backend import keras


def brightness_model(threshold, size=8):
    """Return a model that predicts class 1 for images whose mean pixel is above a threshold."""
    inputs = keras.Input((size, size, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(mean))
    model.set_weights([np.array([[0, 1 / 3]] * 3, np.float32), np.array([0, -threshold], np.float32)])
    return model


def grey_images(*levels, size=8):
    return np.stack([np.full((size, size, 3), level, np.float32) for level in levels])


def write_run(folder, model, levels, attacked_levels, radii):
    """Write a model and adversarials to a run folder; images above 0.4 are of class 1."""
    folder.path.mkdir()
    model.save(folder.model)
    count, size = len(levels), model.input_shape[1]
    names = np.array([f"image{index}" for index in range(count)])
    Adversarials(
        images=grey_images(*levels, size=size),
        adversarials=grey_images(*attacked_levels, size=size),
        radii=np.array(radii),
        labels=(np.array(levels) > 0.4).astype(np.int64),
        names=names,
        groups=names,
        masks=np.zeros((count, size, size), bool),
        has_mask=np.zeros(count, bool),
    ).save(folder.adversarials)


@pytest.fixture
def folders(tmp_path):
    """Return the run folders of two models; the second has a higher threshold and a larger input."""
    found = {name: RunFolder(tmp_path / name) for name in ("low", "high")}
    write_run(
        found["low"],
        brightness_model(0.4),
        levels=[0.3, 0.35, 0.6, 0.1],
        attacked_levels=[0.45, 0.6, 0.6, 0.1],
        radii=[0.15, 0.25, np.inf, 0.0],
    )
    write_run(
        found["high"],
        brightness_model(0.5, size=16),
        levels=[0.7],
        attacked_levels=[0.7],
        radii=[np.inf],
    )
    return found


def test_adversarials_are_counted_if_the_other_model_classifies_the_image_right(folders):
    """Two images of the first model were broken: both cross its threshold of 0.4, and one crosses 0.5.

    The other two are left out: one was never broken, and one was misclassified without perturbation.
    """
    table = transfer(folders).set_index(["adversarials of", "shown to"])
    assert set(table.pop("attack")) == {"nearest"}
    assert table.loc[("low", "low")].tolist() == [2, 1.0]
    assert table.loc[("low", "high")].tolist() == [2, 0.5]


def test_model_without_broken_images_has_no_adversarials_to_transfer(folders):
    table = transfer(folders).set_index(["adversarials of", "shown to"])
    assert table.loc["high"].images.tolist() == [0, 0]
    assert table.loc["high"].fooled.isna().all()


def test_noise_that_is_clipped_changes_what_it_changes(tmp_path):
    """A black image can only become brighter: half of its pixels by .6, so that its mean passes .2."""
    folder = RunFolder(tmp_path / "dark")
    write_run(folder, brightness_model(0.2), levels=[0.0], attacked_levels=[0.3], radii=[0.3])
    table = transfer({"dark": folder}, epsilons=[0.6]).set_index(["adversarials of", "shown to"])
    assert table.loc[("random noise", "dark"), ["images", "fooled"]].tolist() == [1, 1.0]


def test_at_a_fixed_epsilon_the_attack_goes_as_far_as_it_may(folders):
    """Within .22, two images go up to .52 and .57, past both thresholds, .4 and .5, and the third goes down to .38.

    The fourth counts as misclassified to begin with. Within .12, the third reaches .48 only.
    """
    tables = transfer(folders, epsilons=[None, 0.22, 0.12, 0.35])
    assert tables.attack.unique().tolist() == ["nearest", "ε = 56.1/255", "ε = 30.6/255", "ε = 89.2/255"]
    assert tables[tables.attack == "nearest"].equals(transfer(folders))
    table, nearer, farther = (
        rows.drop(columns="attack").set_index(["adversarials of", "shown to"])
        for attack, rows in tables.groupby("attack", sort=False)
        if attack != "nearest"
    )
    assert table.loc[("low", "low")].tolist() == [3, 1.0]
    assert table.loc[("low", "high")].tolist() == [3, 1.0]
    assert table.loc[("high", "high")].tolist() == [1, 1.0]
    assert table.loc[("random noise", "low")].tolist() == [4, 0.0]  # it hardly changes the mean of an image
    assert table.loc[("random noise", "high")].tolist() == [1, 0.0]
    assert nearer.images[("low", "low")] == 2
    assert farther.images[("low", "low")] == 3
