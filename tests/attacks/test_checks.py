"""Each check fails for a model or an attack that was broken for it, and all pass for a sound one."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from decoy import decoy_model

from helpers import attack, check_attack
from helpers.attacks import attack_checks, balls, losses, minimum_norm, pgd
from helpers.attacks import checks as checks_module
from helpers.attacks.attacked import Attacked
from helpers.attacks.checks import Check, Checks
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.evidence import Evidence
from helpers.attacks.gradient_checks import gradients_are_right
from helpers.attacks.outcome_checks import radii_are_distances
from helpers.attacks.planted import plant_adversarials
from helpers.attacks.radii import RadiusSearch
from helpers.backend import keras, tf

EPSILONS = (0.02, 0.08, 0.3)
WHOLE_BALL = {"steps": 20, "rel_stepsize": 0.125}  # enough to move from any start to any point of the ball
PROTOCOLS = {"minimal": {}, "paper": {"protocol": "paper", "epsilons": EPSILONS, **WHOLE_BALL}}


def check(model, task, protocol="minimal"):
    attacked = attack(model, *task, batch_size=20, probabilities=True, **PROTOCOLS[protocol])
    return check_attack(model, *task, attacked, batch_size=20)


class Sound(NamedTuple):
    """An attack in which nothing is wrong: its protocol, what it found, and its checks."""

    protocol: str
    attacked: Attacked
    checks: Checks


@pytest.fixture(scope="module", params=PROTOCOLS)
def sound(request, small_model, small_task):
    attacked = attack(small_model, *small_task, batch_size=20, **PROTOCOLS[request.param])
    return Sound(request.param, attacked, check_attack(small_model, *small_task, attacked, batch_size=20))


minimal_only = pytest.mark.parametrize("sound", ["minimal"], indirect=True)


def failed_names(checks):
    return set(checks.table[~checks.table.passed].name)


def append_layer(model, layer):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, layer(model(inputs)))


def prepend_layer(model, layer):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(layer(inputs)))


@keras.saving.register_keras_serializable(package="tests")
class Quantise(keras.layers.Layer):
    """Round the input, so that no gradient flows through: a masked gradient."""

    def call(self, inputs):
        return keras.ops.round(inputs * 20) / 20


@keras.saving.register_keras_serializable(package="tests")
class AlwaysNoise(keras.layers.Layer):
    """Add noise, in testing as well as in training."""

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), stddev=0.1)


@keras.saving.register_keras_serializable(package="tests")
class ReversedGradient(keras.layers.Layer):
    """Return the input unchanged, but reverse its gradient: an attack moves in the wrong direction."""

    def call(self, inputs):
        return keras.ops.stop_gradient(2 * inputs) - inputs


def test_a_sound_model_is_trusted(sound):
    assert sound.attacked.unconfirmed == 0
    assert failed_names(sound.checks) == set()
    assert sound.checks.verdict == "trusted"
    assert sound.checks.table.set_index("name").value["planted adversarials found"] >= 0.95


def test_the_table_lists_the_checks_that_apply(sound):
    table = sound.checks.table
    columns = ["name", "value", "low", "high", "threshold", "passed", "otherwise", "meaning", "more_steps_may_help"]
    assert table.columns.tolist() == columns
    expected = [
        ("planted adversarials found", 0.8, "broken"),
        ("other attacks find no more", 0, "doubtful"),
        ("another search finds no more", 0, "doubtful"),
        ("accuracy holds against a search", 0.04, "doubtful"),
        ("large epsilon breaks all", 0, "doubtful"),
        ("noise finds no more", 0, "doubtful"),
        ("gradients alive", 0.05, "broken"),
        ("gradients right", 0.1, "broken"),
        ("outputs are logits", 0, "broken"),
        ("deterministic", 0.001, "broken"),
        ("predictions vary", 0.98, "doubtful"),
        ("radii are distances", 0, "broken"),
        ("radii end at the boundary", 0.1, "doubtful"),
        ("adversarials confirmed", 0, "doubtful"),
        ("epsilon in units of pixels", 0.25, "broken"),
        ("accuracy never rises", 0, "doubtful"),
    ]
    if sound.protocol == "minimal":  # it attacks the margin, and has no grid
        of_grids = ("accuracy holds against a search", "epsilon in units of pixels", "accuracy never rises")
        expected = [row for row in expected if row[0] not in of_grids]
    else:
        of_radii = ("another search finds no more", "radii end at the boundary", "adversarials confirmed")
        expected = [row for row in expected if row[0] not in of_radii]
        expected[1] = ("other attacks find no more", 0.2, "doubtful")
    assert list(zip(table.name, table.threshold, table.otherwise, strict=True)) == expected
    shares = table.set_index("name").loc[["planted adversarials found", "gradients alive"]]
    assert (shares.low < shares.high).all()


def test_probabilities_used_as_logits_are_caught(small_model, small_task):
    checks = check(append_layer(small_model, keras.layers.Softmax()), small_task)
    assert "outputs are logits" in failed_names(checks)
    assert checks.verdict == "broken"


def test_logits_too_large_for_cross_entropy_in_float32_are_caught(small_model, small_task):
    model = append_layer(small_model, keras.layers.Rescaling(1e4))
    checks = check(model, small_task, "paper")
    of_search, of_others = "accuracy holds against a search", "other attacks find no more"
    assert failed_names(checks) >= {"gradients alive", of_search, "large epsilon breaks all", of_others}
    assert checks.verdict == "broken"
    assert check(model, small_task).verdict == "trusted"  # the margin does not mind


def test_a_loss_of_0_is_not_doubted_where_the_margin_breaks_nothing_else(small_model, small_task):
    confident = append_layer(small_model, keras.layers.Rescaling(4))
    checks = check(confident, small_task, "paper")
    logits = tf.constant(confident.predict(small_task[0], verbose=0))
    assert (losses.cross_entropy(small_task[1], logits).numpy() == 0).any()
    assert checks.table.set_index("name").value["accuracy holds against a search"] == 0
    assert checks.verdict == "trusted"


def test_logits_so_large_that_part_of_the_gradient_is_lost_are_caught(small_model, small_task):
    checks = check(append_layer(small_model, keras.layers.Rescaling(20)), small_task, "paper")
    assert "accuracy holds against a search" in failed_names(checks)


def that_hold(sound, where):
    """Return the attack as if further rows of its table were right: `where` says of each image at which epsilons."""
    table = sound.attacked.table
    holds = [table.image.eq(image) & table.epsilon.isin(epsilons) for image, epsilons in where.items()]
    return replace(sound.attacked, table=table.assign(correct=np.logical_or.reduce([table.correct, *holds])))


@pytest.fixture(scope="module")
def easiest(small_model, small_task):
    """Return the images that are classified right, the nearest to their adversarials first."""
    radii = attack(small_model, *small_task, batch_size=20).radii
    return [image for image in np.argsort(radii) if radii[image] > 0]


@pytest.mark.parametrize("sound", ["paper"], indirect=True)
@pytest.mark.parametrize(("left", "is_caught"), [(1, False), (2, True)])
def test_under_the_paper_protocol_one_image_may_hold_wrongly(small_model, small_task, sound, easiest, left, is_caught):
    wrong = that_hold(sound, dict.fromkeys(easiest[:left], EPSILONS))
    table = check_attack(small_model, *small_task, wrong, batch_size=20).table.set_index("name")
    expected = {"accuracy holds against a search": left / 40, "other attacks find no more": left / 5}
    assert table.value[list(expected)].to_dict() == expected
    assert (~table.passed[list(expected)]).tolist() == [is_caught] * 2


@pytest.mark.parametrize("sound", ["paper"], indirect=True)
@pytest.mark.parametrize(
    ("epsilons", "searched", "expected"),
    [
        ([[0.08], [0.3]], 40, (1, 40)),  # the larger of two shares, not both
        ([[0.3], [0.3]], 40, (2, 40)),
        ([[0.3], [0.3]], 20, None),  # of the first 20 images
    ],
)
def test_how_far_accuracy_falls_is_counted_at_one_epsilon(
    small_model, small_task, sound, easiest, epsilons, searched, expected, monkeypatch
):
    monkeypatch.setattr(attack_checks, "SEARCHED_IMAGES", searched)
    wrong = that_hold(sound, dict(zip(easiest, epsilons, strict=False)))
    evidence = Evidence(CompiledModel(small_model, batch_size=20), *small_task, wrong, seed=0)
    found = attack_checks.accuracy_holds_against_a_search(evidence)
    count, total = expected or (sum(image < searched for image in easiest[:2]), searched)
    assert found.value == count / total


@pytest.mark.parametrize(
    ("scale", "names"),
    [(2, {"epsilon in units of pixels"}), (255, {"epsilon in units of pixels", "other attacks find no more"})],
)
def test_epsilon_on_another_scale_is_caught(small_model, small_task, scale, names):
    settings = PROTOCOLS["paper"] | {"epsilons": np.array([0.02, 0.08, 0.16, 0.3, 0.9]) / scale}
    attacked = attack(small_model, *small_task, batch_size=20, **settings)
    table = attacked.table.assign(epsilon=attacked.table.epsilon * scale)
    wrong = replace(attacked, table=table, radii=attacked.radii * scale)
    failed = failed_names(check_attack(small_model, *small_task, wrong, batch_size=20))
    assert failed & names


@minimal_only
def test_radii_that_are_too_large_are_caught(small_model, small_task, sound):
    attacked = sound.attacked
    wrong = replace(attacked, radii=2 * attacked.radii, table=attacked.table.assign(radius=2 * attacked.radii))
    caught = failed_names(check_attack(small_model, *small_task, wrong, batch_size=20))
    assert caught >= {"other attacks find no more", "another search finds no more"}


MIXED_UP = {
    "squared": {"radii": lambda radii, images: radii**2},
    "divided by 255 once more": {"radii": lambda radii, images: radii / 255},
    "rounded to two decimals": {"radii": lambda radii, images: radii.round(2)},
    "of the image before": {"radii": lambda radii, images: np.roll(radii, 1)},
    "infinite although an adversarial is there": {"radii": lambda radii, images: np.full(40, np.inf)},
    "zero for one image": {"radii": lambda radii, images: np.where(np.arange(40) == 3, 0, radii)},
    "adversarials of other images": {"adversarials": lambda found, images: np.roll(found, 1, axis=0)},
    "adversarials in 8 bits": {"adversarials": lambda found, images: np.round(255 * found) / np.float32(255)},
    "as far, on the other side": {"adversarials": lambda found, images: 2 * images - found},
}


def bears_out(model, task, attacked):
    return radii_are_distances(Evidence(CompiledModel(model, batch_size=20), *task, attacked, seed=0)).passed


@minimal_only
@pytest.mark.parametrize("name", MIXED_UP)
def test_radii_that_their_adversarials_do_not_bear_out_are_caught(small_model, small_task, sound, name):
    ((part, change),) = MIXED_UP[name].items()
    changed = replace(sound.attacked, **{part: change(getattr(sound.attacked, part), small_task[0])})
    assert not bears_out(small_model, small_task, replace(changed, table=changed.table.assign(radius=changed.radii)))


def test_a_table_that_says_otherwise_than_the_attack_is_caught(small_model, small_task, sound):
    columns = {"minimal": {"radius": 1.02}, "paper": {"epsilon": 0.5}}[sound.protocol]
    changed = {name: factor * sound.attacked.table[name] for name, factor in columns.items()}
    assert bears_out(small_model, small_task, sound.attacked)
    assert not bears_out(small_model, small_task, replace(sound.attacked, table=sound.attacked.table.assign(**changed)))


def test_a_search_for_confident_adversarials_only_is_caught(small_model, small_task, monkeypatch):
    is_confident = lambda labels, logits, tolerance: losses.margin(labels, logits) > 2  # noqa: E731
    for module in (balls, minimum_norm):
        monkeypatch.setattr(module, "fools", is_confident)
    assert "radii end at the boundary" in failed_names(check(small_model, small_task))


def test_an_image_that_is_wrong_without_perturbation_has_no_radius(small_model, small_task):
    images, labels = small_task[0], np.where(np.arange(40) == 7, 1 - small_task[1], small_task[1])
    attacked = attack(small_model, images, labels, batch_size=20)
    assert attacked.radii[7] == 0
    assert bears_out(small_model, (images, labels), attacked)
    as_robust = np.where(attacked.radii == 0, np.inf, attacked.radii)
    changed = replace(attacked, radii=as_robust, table=attacked.table.assign(radius=as_robust))
    assert not bears_out(small_model, (images, labels), changed)


def test_an_outcome_that_says_otherwise_than_its_table_is_caught(small_model, small_task, sound):
    assert not bears_out(small_model, small_task, replace(sound.attacked, radii=2 * sound.attacked.radii))


@minimal_only
def test_one_radius_that_is_too_large_is_caught(small_model, small_task, sound):
    attacked = sound.attacked
    radii = attacked.radii.copy()
    radii[np.argmax(radii)] *= 2
    wrong = replace(attacked, radii=radii, table=attacked.table.assign(radius=radii))
    checks = check_attack(small_model, *small_task, wrong, batch_size=20)
    assert failed_names(checks) == {"another search finds no more", "radii are distances"}
    assert checks.table.set_index("name").value["another search finds no more"] == 1 / 10


@minimal_only
def test_radii_that_are_too_large_but_not_among_the_largest_are_caught(small_model, small_task, sound):
    """Half of the images are moved most of the way to their adversarials, and then said to be twice as far away."""
    images, labels = small_task
    images = images.copy()
    images[::2] += 0.6 * (sound.attacked.adversarials - images)[::2]
    attacked = attack(small_model, images, labels, batch_size=20)
    radii = attacked.radii.copy()
    radii[::2] *= 2
    assert radii[::2].max() < np.sort(radii)[-5]
    wrong = replace(attacked, radii=radii, table=attacked.table.assign(radius=radii))
    checks = check_attack(small_model, images, labels, wrong, batch_size=20)
    assert failed_names(checks) == {"another search finds no more", "radii are distances"}


def test_a_search_that_settles_on_a_class_that_is_not_the_nearest_is_caught(monkeypatch):
    model = decoy_model()
    images = np.full((12, 8, 8, 3), 0.5, np.float32)
    images[6:] = 0.3  # class 2, and farther from the others: the hardest quarter
    labels = np.repeat([0, 2], 6)
    monkeypatch.setattr(checks_module, "CHECKS", [attack_checks.another_search_finds_no_more])
    trapped = attack(model, images, labels)
    assert trapped.radii[:6] == pytest.approx(0.1, rel=0.02)
    assert check_attack(model, images, labels, trapped).verdict == "doubtful"
    thorough = attack(model, images, labels, thorough=True)
    assert thorough.radii[:6] == pytest.approx(0.02, rel=0.02)
    assert check_attack(model, images, labels, thorough).verdict == "trusted"


def misled(name):
    """Return {what is replaced: by what} for an attack that is broken on purpose."""
    project, decayed = pgd.project, pgd.decayed
    return {
        "it moves in the wrong direction": {"project": lambda moved, x, radius: project(2 * x - moved, x, radius)},
        "it never moves": {"project": lambda moved, x, radius: x},
        "its steps are too short": {"decayed": lambda values, step, steps: decayed(values, step, steps) / 100},
        "it perturbs one pixel": {
            "project": lambda moved, x, radius: (
                tf.concat([project(moved, x, radius)[:, :1, :1], x[:, :1, 1:]], 2)
                if x.shape[1] == 1
                else tf.concat([tf.concat([project(moved, x, radius)[:, :1, :1], x[:, :1, 1:]], 2), x[:, 1:]], 1)
            )
        },
        "it takes everything for adversarial": {"fools": lambda labels, logits, tolerance: tf.ones(labels.shape, bool)},
    }[name]


@pytest.mark.parametrize(
    ("fault", "planted_by"),
    [
        ("it moves in the wrong direction", "a sound attack"),
        ("it never moves", "a sound attack"),
        ("its steps are too short", "itself"),
        ("it perturbs one pixel", "a sound attack"),
        ("it takes everything for adversarial", "itself"),
    ],
)
def test_an_attack_broken_on_purpose_does_not_find_planted_adversarials(
    small_model, small_task, fault, planted_by, monkeypatch
):
    """They are planted at the distances at which a sound attack, or this one, says that images hold."""
    if planted_by == "a sound attack":
        attacked = attack(small_model, *small_task, batch_size=20)
    for name, wrong in misled(fault).items():
        for module in (balls, minimum_norm):
            monkeypatch.setattr(module, name, wrong)
    monkeypatch.setattr(checks_module, "CHECKS", [attack_checks.planted_adversarials_are_found])
    if planted_by == "itself":
        attacked = attack(small_model, *small_task, batch_size=20)
    checks = check_attack(small_model, *small_task, attacked, batch_size=20)
    hits = checks.table.set_index("name").loc["planted adversarials found"]
    assert hits.value < 0.5
    assert checks.verdict == "broken"


def test_adversarials_are_planted_in_a_model_whose_layers_another_one_has_too(small_model, small_task):
    """Keras calls what a shared layer reads in the first model its input; behind a blur, it reads another."""
    images, _ = small_task
    inputs = keras.Input(small_model.input_shape[1:])
    x = keras.layers.AveragePooling2D(3, 1, "same")(inputs)
    for layer in small_model.layers:
        x = layer(x)
    blurred = keras.Model(inputs, x)
    planted = plant_adversarials(blurred, images, epsilon=0.05, seed=0)
    assert any(isinstance(layer, keras.layers.AveragePooling2D) for layer in planted.model.layers)
    assert planted.is_planted.any()


@pytest.mark.parametrize(("wrap", "kept"), [(append_layer, 0), (prepend_layer, 2)])
def test_adversarials_are_planted_in_a_model_inside_another_one_too(small_model, small_task, wrap, kept):
    """What stands before the last dense layer stays, in the order in which the pixels pass it."""
    images = small_task[0][:20]
    alone = plant_adversarials(small_model, images, epsilon=0.05, seed=0)
    twice = wrap(wrap(small_model, keras.layers.Rescaling(1.0)), keras.layers.Rescaling(1.0))
    planted = plant_adversarials(twice, images, epsilon=0.05, seed=0)
    assert planted.is_planted.tolist() == alone.is_planted.tolist()
    shown = np.clip(images + 0.05, 0, 1)
    expected = alone.model.predict(shown, verbose=0)
    assert planted.model.predict(shown, verbose=0) == pytest.approx(expected, abs=1e-4)
    layers = planted.model._flatten_layers(recursive=True)
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in layers) == kept


def test_planted_adversarials_exist_and_noise_does_not_find_them(small_model, small_task):
    images = small_task[0][:20]
    planted = plant_adversarials(small_model, images, epsilon=0.05, seed=0)
    assert planted.is_planted.mean() > 0.4
    assert (planted.model.predict(images, verbose=0).argmax(axis=1) == 0).all()
    noise = np.random.default_rng(7).uniform(-0.05, 0.05, (10, *images.shape)).astype(np.float32)
    noisy = (images + noise).reshape(-1, *images.shape[1:])
    assert planted.model.predict(noisy, verbose=0).argmax(axis=1).mean() < 0.05
    with_an_adversarial = 0
    for number, image in enumerate(images):  # the corner that was planted, drawn anew
        directions = np.random.default_rng((0, number)).uniform(-1, 1, (2, *image.shape)).astype(np.float32)
        corner = np.clip(image + np.float32(0.05) * np.sign(directions[1]), 0, 1)
        with_an_adversarial += planted.model.predict(corner[None], verbose=0).argmax() == 1
    assert with_an_adversarial == planted.is_planted.sum()


def test_a_model_without_a_dense_layer_has_nothing_planted(small_task):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    assert plant_adversarials(model, small_task[0], epsilon=0.1, seed=0) is None


class Subclassed(keras.Model):
    """A model whose layers Keras knows, but not what they read."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, pixels):
        return self.dense(keras.layers.Flatten()(pixels))


def of_two_inputs(pixels):
    two = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    inner = keras.Model(two, keras.layers.Dense(2)(keras.layers.Flatten()(two[0] + two[1])))
    return inner([pixels, pixels])


def with_a_gate_of_channels_only(pixels):
    x = keras.layers.Conv2D(4, 3)(pixels)
    x = x * keras.layers.Dense(4, "sigmoid")(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(x))


@pytest.mark.parametrize("layers", [Subclassed(), of_two_inputs, with_a_gate_of_channels_only])
def test_nothing_is_planted_where_no_last_layer_can_be_told(small_task, layers):
    inputs = keras.Input((8, 8, 3))
    assert plant_adversarials(keras.Model(inputs, layers(inputs)), small_task[0], epsilon=0.1, seed=0) is None


@minimal_only
def test_unconfirmed_adversarials_are_caught(small_model, small_task, sound):
    checks = check_attack(small_model, *small_task, replace(sound.attacked, unconfirmed=1), batch_size=20)
    assert failed_names(checks) == {"adversarials confirmed"}


def test_a_masked_gradient_is_caught(small_model, small_task):
    checks = check(prepend_layer(small_model, Quantise()), small_task)
    expected = {"gradients alive", "gradients right", "large epsilon breaks all"}
    assert failed_names(checks) >= expected
    assert checks.verdict == "broken"


@pytest.mark.parametrize(("rows", "is_caught"), [(1, False), (3, True)])  # the limit is two of the eight
def test_a_gradient_that_misses_many_of_the_pixels_is_caught_and_a_few_may_go_unseen(
    small_model, small_task, rows, is_caught
):
    class Blinkers(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.concatenate([keras.ops.stop_gradient(inputs[:, :rows]), inputs[:, rows:]], axis=1)

    checks = check(prepend_layer(small_model, Blinkers()), small_task)
    assert ("gradients alive" in failed_names(checks)) == is_caught
    assert not is_caught or checks.verdict == "broken"


def test_pixels_that_the_model_does_not_read_need_no_gradient(small_model, small_task):
    """Three eighths of the pixels have neither a gradient nor an effect."""

    class Cropped(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.concatenate([keras.ops.zeros_like(inputs[:, :3]) + 0.5, inputs[:, 3:]], axis=1)

    cropped = prepend_layer(small_model, Cropped())
    labels = cropped.predict(small_task[0], verbose=0).argmax(axis=1)
    assert "gradients alive" not in failed_names(check(cropped, (small_task[0], labels)))


def test_pixels_that_the_model_clips_may_lose_their_gradient(small_model, small_task):
    """Pixels above .58 have no gradient; noise takes some of them below it, where they matter a little."""

    class Clipped(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.minimum(inputs, 0.58)

    clipped = prepend_layer(small_model, Clipped())
    images = small_task[0]
    assert 0.2 < (images > 0.58).mean() < 0.4
    labels = clipped.predict(images, verbose=0).argmax(axis=1)
    assert "gradients alive" not in failed_names(check(clipped, (images, labels)))


def test_a_reversed_gradient_is_caught(small_model, small_task):
    checks = check(prepend_layer(small_model, ReversedGradient()), small_task)
    assert failed_names(checks) >= {"gradients right", "large epsilon breaks all"}
    assert checks.verdict == "broken"


def test_a_gradient_through_a_rounding_that_is_right_over_a_radius_is_not_doubted(small_model, small_task):
    """As if there were no rounding: wrong in short steps, but what it finds is as near as what is found without it."""

    class StraightThrough(keras.layers.Layer):
        def call(self, inputs):
            return inputs + keras.ops.stop_gradient(keras.ops.round(inputs * 40) / 40 - inputs)

    model = prepend_layer(small_model, StraightThrough())
    assert check(model, small_task).verdict == "trusted"
    radii, unrounded = (attack(each, *small_task, batch_size=20).radii for each in (model, small_model))
    is_right = (radii > 0) & (unrounded > 0)
    assert np.log(radii[is_right] / unrounded[is_right]).mean() < np.log(1.05)


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_a_gradient_of_another_size_is_not_doubted(small_model, small_task, factor, monkeypatch):
    right = CompiledModel.differentiate

    def scaled(self, *inputs, **settings):
        losses, gradient, logits = right(self, *inputs, **settings)
        return losses, factor * gradient, logits

    attacked = attack(small_model, *small_task, batch_size=20)
    monkeypatch.setattr(CompiledModel, "differentiate", scaled)
    checks = check_attack(small_model, *small_task, attacked, batch_size=20)
    of_gradients = checks.table[checks.table.name.str.startswith("gradients")]
    assert of_gradients.name.tolist() == ["gradients alive", "gradients right"]
    assert of_gradients.passed.all()


@minimal_only
def test_radii_that_are_rounded_a_little_are_not_doubted(small_model, small_task, sound):
    rounded = sound.attacked.table.assign(radius=sound.attacked.table.radius.round(5))
    assert not rounded.equals(sound.attacked.table)
    assert bears_out(small_model, small_task, replace(sound.attacked, table=rounded))


def test_a_gradient_whose_signs_are_partly_wrong_is_caught(small_model, small_task, monkeypatch):
    right = CompiledModel.differentiate

    def wrong(self, pixels, labels, **settings):
        losses, gradient, logits = right(self, pixels, labels, **settings)
        signs = tf.where(tf.random.uniform(gradient.shape, seed=0) < 0.4, -1.0, 1.0)
        return losses, gradient * signs, logits

    monkeypatch.setattr(CompiledModel, "differentiate", wrong)
    checks = check(small_model, small_task)
    assert "gradients right" in failed_names(checks)


def test_a_gradient_towards_the_true_class_is_caught(small_model, small_task, monkeypatch):
    """Before, after and gradient would agree if all three came from the attack; so the margins come from the model."""
    right = CompiledModel.differentiate
    monkeypatch.setattr(
        CompiledModel, "differentiate", lambda self, x, y, **settings: right(self, x, 1 - y, **settings)
    )
    assert "gradients right" in failed_names(check(small_model, small_task))


def test_a_gradient_that_is_right_along_its_own_signs_only_is_caught(small_model, small_task, monkeypatch):
    right = CompiledModel.differentiate

    def coarse(self, pixels, labels, **settings):
        losses, gradient, logits = right(self, pixels, labels, **settings)
        return losses, tf.repeat(tf.repeat(tf.nn.avg_pool2d(gradient, 2, 2, "VALID"), 2, axis=1), 2, axis=2), logits

    monkeypatch.setattr(CompiledModel, "differentiate", coarse)
    failed = failed_names(check(small_model, small_task))
    assert "gradients right" in failed


def of_gradients(model, images):
    """Return the check of gradients on images whose labels are what the model says."""
    labels = model.predict(images, verbose=0).argmax(axis=1)
    attacked = attack(model, images, labels, batch_size=20, protocol="paper", epsilons=[1e-6], steps=1)
    return gradients_are_right(Evidence(CompiledModel(model, batch_size=20), images, labels, attacked, seed=0))


def test_a_right_gradient_is_not_doubted_where_the_model_is_flat_and_nearly_sure():
    """Short steps are lost in rounding there, and a long one leaves the flat part."""
    weights = np.random.default_rng(0).normal(0, 4, 192)
    images = np.random.default_rng(12).uniform(0, 1, (40, 8, 8, 3)).astype(np.float32)
    inputs, dense = keras.Input((8, 8, 3)), keras.layers.Dense(2)
    logits = dense(keras.layers.Flatten()(inputs))
    dense.set_weights([np.stack([weights, -weights], axis=1) / 2, np.array([-1, 1]) * weights.sum() / 4])
    model = keras.Model(inputs, keras.ops.log(keras.ops.maximum(keras.ops.softmax(logits), 1e-2)))
    assert of_gradients(model, images).passed


def test_a_right_gradient_is_not_doubted_on_areas_of_one_colour():
    """A max pooling over equal values gives its gradient to one of them."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    parts = [layers.Conv2D(8, 3), layers.MaxPooling2D(), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((16, 16, 3)), *parts])
    images = np.random.default_rng(0).uniform(0.2, 0.8, (20, 16, 16, 3)).astype(np.float32)
    images[:, :, 8:] = images[:, :1, :1]
    assert of_gradients(model, images).passed


@pytest.mark.parametrize(
    ("scale", "offset", "applies"),
    [(1e4, 0.0, True), (1e-3, 0.0, True), (1.0, 5.0, True), (1.0, 1e6, False)],  # the last: lost in rounding
)
def test_a_right_gradient_is_not_doubted_for_the_size_of_the_logits(small_model, small_task, scale, offset, applies):
    model = append_layer(small_model, keras.layers.Rescaling(scale, offset))
    table = check(model, small_task).table.set_index("name")
    assert ("gradients right" in table.index) == applies
    assert not applies or table.loc["gradients right"].passed


def test_rounding_of_an_image_with_large_logits_hides_nothing_of_another_image():
    """The bright image is right in the first step; the dark one, with small and curved logits, only in the next."""
    weights = np.random.default_rng(0).normal(0, 1, 192).astype(np.float32)
    images = np.random.default_rng(1).uniform(0, 0.4, (2, 8, 8, 3)).astype(np.float32)
    images[0] += np.float32(0.6)
    inputs = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(1, use_bias=False)
    along = dense(keras.layers.Flatten()(inputs))
    dense.set_weights([weights[:, None] / np.linalg.norm(weights)])
    is_bright = keras.ops.mean(inputs, axis=(1, 2, 3))[:, None] > 0.5
    logit = keras.ops.where(is_bright, 1e6 * along, keras.ops.sin(5000 * along))
    assert of_gradients(keras.Model(inputs, keras.ops.concatenate([logit, -logit], axis=1)), images).passed


def test_a_wrong_gradient_that_rounding_hides_in_short_steps_is_caught(small_model, small_task):
    model = append_layer(prepend_layer(small_model, ReversedGradient()), keras.layers.Rescaling(1.0, 3e4))
    attacked = attack(append_layer(small_model, keras.layers.Rescaling(1.0, 3e4)), *small_task, batch_size=20)
    assert "gradients right" in failed_names(check_attack(model, *small_task, attacked, batch_size=20))


def test_a_random_forward_pass_is_caught(small_model, small_task):
    checks = check(append_layer(small_model, AlwaysNoise()), small_task)
    assert "deterministic" in failed_names(checks)
    assert checks.verdict == "broken"


def test_a_model_that_always_says_the_same_is_caught(small_model, small_task):
    images, labels = small_task
    inputs = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(2)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    dense.set_weights([1e-3 * dense.get_weights()[0], np.array([5, -5], np.float32)])
    checks = check(model, (images, labels))
    assert failed_names(checks) >= {"predictions vary", "large epsilon breaks all"}
    assert checks.verdict != "trusted"


def test_a_model_without_a_right_answer_cannot_be_judged(small_model, small_task):
    checks = check(small_model, (small_task[0], 1 - small_task[1]))
    alive = checks.table.set_index("name").loc["gradients alive"]
    assert np.isnan(alive.value)
    assert alive.meaning.startswith("there was nothing to measure it on, which is no success: ")
    assert checks.verdict == "broken"


def test_a_single_image_can_be_checked(small_model, small_task):
    checks = check(small_model, (small_task[0][:1], small_task[1][:1]))
    assert failed_names(checks) == {"predictions vary"}
    assert checks.verdict == "doubtful"


def test_a_budget_too_small_to_find_anything_is_doubted(small_model, small_task):
    """The attack is a single step from the image, which finds no adversarial."""
    images, labels = small_task
    is_right = small_model.predict(images, verbose=0).argmax(axis=1) == labels
    search = RadiusSearch(CompiledModel(small_model, batch_size=20), images, labels, is_right, steps=1, seed=0)
    search.search(np.flatnonzero(is_right))
    assert np.isinf(search.radii[is_right]).all()
    found = attack(small_model, images, labels, batch_size=20, steps=1)
    table = found.table.assign(radius=search.radii)
    nothing = replace(found, radii=search.radii.astype(float), table=table, adversarials=search.adversarials)
    checks = check_attack(small_model, images, labels, nothing, batch_size=20)
    assert failed_names(checks) >= {"large epsilon breaks all", "other attacks find no more"}
    assert checks.verdict == "doubtful"


def test_accuracy_that_rises_and_an_attack_weaker_than_noise_are_caught(small_model, small_task):
    images, labels = small_task
    half_right = np.arange(len(labels)) < len(labels) // 2
    correct = {0.0: True, 0.05: half_right, 0.9: True}
    rows = pd.DataFrame({"image": np.arange(len(labels)), "label": labels})
    table = pd.concat([rows.assign(epsilon=epsilon, correct=right) for epsilon, right in correct.items()])
    settings = {"protocol": "paper", "steps": 5, "rel_stepsize": 0.5, "loss": "cross_entropy", "seed": 0}
    attacked = Attacked(table.reset_index(drop=True), images, np.full(len(labels), np.inf), settings)
    checks = check_attack(small_model, images, labels, attacked, batch_size=20)
    assert failed_names(checks) >= {"accuracy never rises", "noise finds no more", "other attacks find no more"}
    assert checks.verdict != "trusted"


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [([True, True], "trusted"), ([True, False], "doubtful"), ([False, True], "broken"), ([False, False], "broken")],
)
def test_the_worst_failed_check_gives_the_verdict(passed, verdict):
    first, second = (
        Check(name, 0.0, None, None, 0.5, ok, otherwise, "")
        for name, ok, otherwise in zip("ab", passed, ("broken", "doubtful"), strict=True)
    )
    assert Checks((first, second)).verdict == verdict


@minimal_only
def test_only_a_doubt_that_a_longer_attack_may_end_asks_for_one(sound):
    passed = sound.checks
    helped = {one.name for one in passed.checks if one.more_steps_may_help}
    of_others = {"other attacks find no more", "another search finds no more", "large epsilon breaks all"}
    assert helped == of_others | {"radii end at the boundary"}
    for one in passed.checks:
        failed = Checks(tuple(replace(c, passed=c is not one) for c in passed.checks))
        assert failed.want_more_steps == (one.name in helped)
    assert not passed.want_more_steps
    assert all("more steps" in one.meaning for one in passed.checks if one.more_steps_may_help)


@pytest.mark.parametrize(("steps", "searched"), [(1, 20), (30, 30)])
def test_a_weak_attack_is_questioned_by_no_weaker_search(small_model, small_task, steps, searched, monkeypatch):
    attacked = attack(small_model, *small_task, batch_size=20, steps=steps)
    taken = []

    class Observed(attack_checks.RadiusSearch):
        def search_from_afar(self, *arguments):
            taken.append(self.steps)
            return super().search_from_afar(*arguments)

    monkeypatch.setattr(attack_checks, "RadiusSearch", Observed)
    check_attack(small_model, *small_task, attacked, batch_size=20)
    assert taken == [searched]


@keras.saving.register_keras_serializable(package="tests")
class HyperbolicSines(keras.layers.Layer):
    """Logits that overflow in a large ball, so that their gradients are no numbers."""

    def call(self, inputs):
        return keras.ops.sinh(9 * inputs)


def test_logits_that_overflow_in_a_large_ball_stop_no_check(small_model, small_task):
    checks = check(append_layer(small_model, HyperbolicSines()), small_task, "paper")
    assert "large epsilon breaks all" in checks.table.name.tolist()


@pytest.mark.parametrize("sound", ["paper"], indirect=True)
def test_a_table_that_holds_images_twice_stops_no_check(small_model, small_task, sound):
    table = sound.attacked.table.assign(correct=True)
    twice = replace(sound.attacked, table=pd.concat([table, table], ignore_index=True))
    shares = check_attack(small_model, *small_task, twice, batch_size=20).table.set_index("name").value
    assert shares["accuracy holds against a search"] > 0.9
