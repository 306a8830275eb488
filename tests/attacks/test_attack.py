"""Both protocols: what they find where arithmetic or another library gives the answer, and what their tables say."""

from dataclasses import asdict, replace

import foolbox
import numpy as np
import pandas as pd
import pytest
from decoy import decoy_model

from helpers import StudyError, attack
from helpers.attacks.attacked import Attacked, nearer
from helpers.attacks.balls import attack_balls
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.eight_bit import file_columns
from helpers.attacks.minimum_norm import search_nearest
from helpers.attacks.other_attacks import Budget
from helpers.attacks.pgd import random_starts
from helpers.attacks.radii import CLOSER, ROUNDS, RadiusSearch
from helpers.attacks.strong import attack_survivors
from helpers.backend import keras, tf

EPSILONS = (0.01, 0.03, 0.06, 0.12, 0.3)


@pytest.fixture(scope="module")
def minimal(small_model, small_task):
    return attack(small_model, *small_task, batch_size=16)


@pytest.fixture(scope="module")
def paper(small_model, small_task):
    return attack(small_model, *small_task, protocol="paper", epsilons=EPSILONS, steps=40, batch_size=16)


def linear_task(scale=1.0):
    """Return a model with logits ±w·(x - ½)/2, images, labels, w, and the differences w·(x - ½) of the logits."""
    rng = np.random.default_rng(0)
    w = (rng.uniform(0.5, 1.5, 12) * rng.choice([-1, 1], 12)).astype(np.float32)
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    bias = np.array([0.5, -0.5], np.float32) * w.sum() / 2
    model.layers[-1].set_weights([scale * np.stack([-w, w], axis=1) / 2, scale * bias])
    images = rng.uniform(0.4, 0.6, (30, 2, 2, 3)).astype(np.float32)
    differences = (images.reshape(30, 12) - 0.5) @ w
    return model, images, (differences > 0).astype(np.int64), w, differences


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_radii_of_a_linear_model_are_those_calculated_at_any_scale_of_its_logits(scale):
    """An image's radius is |w·(x - ½)| / Σ|w|."""
    model, images, labels, w, differences = linear_task(scale)
    found = attack(model, images, labels, batch_size=8)
    assert found.radii == pytest.approx(np.abs(differences) / np.abs(w).sum(), rel=0.01)
    assert (found.radii >= np.abs(differences) / np.abs(w).sum() - 1e-6).all()
    assert (found.table.failed_at < found.radii).all()
    assert (found.table.failed_at > 0.96 * found.radii).all()


@keras.saving.register_keras_serializable(package="tests")
class Band(keras.layers.Layer):
    """Logits (0, 0.03 - |mean - 0.55|): class 1 if the mean pixel is within 0.03 of 0.55, else class 0."""

    def call(self, inputs):
        band = 0.03 - keras.ops.abs(keras.ops.mean(inputs, axis=(1, 2, 3))[:, None] - 0.55)
        return keras.ops.concatenate([0 * band, band], axis=1)


def test_an_adversarial_is_found_between_distances_that_have_none():
    """From a mean of 0.5, the band begins at a distance of 0.02 and ends at 0.08."""
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, Band()(inputs))
    found = attack(model, np.full((3, 8, 8, 3), 0.5, np.float32), np.zeros(3, np.int64), batch_size=2)
    assert found.radii == pytest.approx(0.02, rel=0.01)


@keras.saving.register_keras_serializable(package="tests")
class Trap(keras.layers.Layer):
    """Logits (2, 1 + f): f is above 1 if a grey picture's left half gets .2 brighter, or its right half changes by .04.

    The right half counts where the picture's mean square change is between 1e-6 and .006: neither at the picture itself
    nor at noise of about .2.
    """

    def call(self, inputs):
        change = inputs - 0.5
        size = keras.ops.mean(change**2, axis=(1, 2, 3))
        counts = keras.ops.cast((size > 1e-6) & (size < 0.006), "float32")
        left = keras.ops.mean(change[:, :, :4], axis=(1, 2, 3)) / 0.2
        right = counts * keras.ops.abs(keras.ops.mean(change[:, :, 4:], axis=(1, 2, 3))) / 0.04
        f = keras.ops.maximum(left, right)[:, None]
        return keras.ops.concatenate([0 * f + 2, f + 1], axis=1)  # (1, 0) would look like probabilities


def test_the_search_from_afar_finds_what_the_gradient_at_the_image_hides():
    """The search from the image does not find it, nor does PGD in the ball. The longer one takes all parts in turn.

    Images whose radius it lowers are searched from one or two further points.
    """
    inputs = keras.Input((8, 8, 3))
    model = CompiledModel(keras.Model(inputs, Trap()(inputs)), batch_size=20)
    images, labels = np.full((20, 8, 8, 3), 0.5, np.float32), np.zeros(20, np.int64)
    assert search_nearest(model, images, labels, steps=20).radii == pytest.approx(0.2, rel=0.02)
    starts = random_starts((8, 8, 3), images=np.arange(20), epsilon=0.5, seed=0)
    epsilons = np.full(20, 0.19, np.float32)
    assert not attack_balls(model, images, labels, epsilons=epsilons, starts=starts, steps=20)[1].any()
    found = attack(model, images, labels)
    assert found.radii.min() == pytest.approx(0.04, rel=0.03)
    assert (found.radii < 0.05).mean() > 0.6
    has_fallen = found.radii < 0.9 * 0.2
    assert has_fallen.any()
    assert (found.table.calls[has_fallen] >= 20 + 2 * 80).all()


def test_a_thorough_search_starts_far_from_every_image_and_less_far(small_model, small_task):
    images, labels = (part[:8] for part in small_task)
    distances = []

    class Observed(RadiusSearch):
        def search(self, rows, *, starts=None, steps=None):
            if steps:  # from a random point
                distances.append((len(rows), np.abs(starts - self.images[rows]).max()))
            super().search(rows, starts=starts, steps=steps)

    model, is_right = CompiledModel(small_model, batch_size=20), np.ones(8, bool)
    Observed(model, images, labels, is_right, steps=5, seed=0, thorough=True).run()
    assert [count for count, _ in distances] == [2] * 12  # three searches of each quarter
    expected = 4 * [8 / 255, 2 / 255, 0.5 / 255]
    assert [distance for _, distance in distances] == pytest.approx(expected, rel=0.05)
    other = Observed(model, images, labels, is_right, steps=5, seed=0)
    other.search_from_afar(np.arange(8), 2)
    assert distances[-1] == (8, pytest.approx(8 / 255, rel=0.05))


def test_the_nearest_class_is_found_where_another_one_seems_nearer():
    """Neither the search from the image finds it, nor the longer one from a random point."""
    model = CompiledModel(decoy_model(), batch_size=20)
    images, labels = np.full((8, 8, 8, 3), 0.5, np.float32), np.zeros(8, np.int64)
    search = RadiusSearch(model, images, labels, np.ones(8, bool), steps=20, seed=0)
    search.search(np.arange(8))
    assert search.radii == pytest.approx(0.1, rel=0.02)
    search.search_from_afar(np.arange(8))
    assert search.radii == pytest.approx(0.1, rel=0.02)
    search.search_towards_classes(np.arange(8))
    assert search.radii == pytest.approx(0.02, rel=0.02)
    assert (search.calls == 20 + 80 + 2 * 5 + 20).all()
    found = attack(model, images, labels)
    assert found.radii == pytest.approx(0.02, rel=0.02)
    assert (found.table.prediction == 2).all()
    targets = np.ones(8, np.int64)
    assert search_nearest(model, images, labels, steps=20, targets=targets).radii == pytest.approx(0.1, rel=0.02)
    assert search_nearest(model, images, labels, steps=20, targets=2 * targets).radii == pytest.approx(0.02, rel=0.02)


def test_radii_are_at_most_those_of_foolboxs_minimum_norm_attack(small_model, small_task, minimal):
    images, labels = small_task
    model = foolbox.TensorFlowModel(small_model, bounds=(0, 1), device="/CPU:0")
    criterion = foolbox.criteria.Misclassification(tf.constant(labels))
    theirs = foolbox.attacks.LInfFMNAttack(steps=200).run(model, tf.constant(images), criterion).numpy()
    right = minimal.radii > 0
    distances = np.abs(theirs - images).max(axis=(1, 2, 3))[right]
    assert (minimal.radii[right] <= 1.01 * distances).all()


def test_an_image_counts_as_broken_wherever_foolboxs_pgd_breaks_it(minimal, paper):
    for epsilon, rows in paper.table.groupby("epsilon"):
        assert not ((minimal.radii > epsilon) & ~rows.correct.to_numpy()).any()


@pytest.mark.parametrize("protocol", ["minimal", "paper"])
def test_adversarials_are_in_their_ball_and_in_range_and_fool_the_model(protocol, request, small_model, small_task):
    found = request.getfixturevalue(protocol)
    images, labels = small_task
    broken = np.isfinite(found.radii) & (found.radii > 0)
    assert broken.any()
    distance = np.abs(found.adversarials - images).max(axis=(1, 2, 3))
    assert (distance[broken] <= found.radii[broken] + 1e-6).all()
    assert found.adversarials.min() >= 0
    assert found.adversarials.max() <= 1
    assert (small_model.predict(found.adversarials[broken], verbose=0).argmax(axis=1) != labels[broken]).all()
    assert np.array_equal(found.adversarials[~broken], images[~broken])


def test_the_table_of_radii_has_a_row_per_image(minimal, small_task):
    table = minimal.table
    columns = ["image", "label", "attack", "seed", "radius", "failed_at", "calls", "prediction"]
    assert table.columns.tolist() == columns
    assert np.array_equal(table.label, small_task[1])
    assert np.array_equal(table.radius, minimal.radii)
    assert set(table.attack) == {"minimum_norm_20"}
    attacked = table[table.radius > 0]
    assert attacked.calls.min() >= 20 + 1  # a search, and a confirmation that ends when it succeeds
    assert (attacked.calls >= 20 + 80 + 1).sum() >= len(attacked) // 4  # searched longer
    assert attacked.calls.max() < 20 + 2 * 80  # but none of them twice: no radius fell
    assert (attacked.prediction != attacked.label).all()


def test_the_table_of_the_paper_protocol_has_a_row_per_image_and_epsilon(small_model, small_task, paper):
    table = paper.table
    assert table.groupby("epsilon").image.nunique().to_dict() == dict.fromkeys((0.0, *EPSILONS), 40)
    assert (table.correct == (table.label == table.prediction)).all()
    clean = small_model.predict(small_task[0], verbose=0).argmax(axis=1)
    assert np.array_equal(table[table.epsilon == 0].prediction, clean)
    assert set(table.attack) == {"linf_pgd_40"}


@pytest.mark.parametrize(("steps", "rel_stepsize"), [(40, 0.05), (40, 1 / 30), (3, 0.2)])
def test_the_paper_protocol_breaks_a_linear_model_at_the_calculated_epsilon(steps, rel_stepsize):
    """The attack changes w·(x - ½) by ε·Σ|w|·min(1, start + steps · rel_stepsize), start > 0 towards the boundary.

    So with 40 steps of ε/30, Foolbox's defaults, a pixel that starts at the far side of the ball never reaches the
    near side: on average the attack uses 8/9 of the radius.
    """
    model, images, labels, w, differences = linear_task()
    epsilons = np.array([0.005, 0.01, 0.02, 0.04, 0.08])
    changes = []
    for epsilon in epsilons:
        starts = random_starts((2, 2, 3), images=np.arange(30), epsilon=epsilon, seed=0).reshape(30, 12)
        towards_boundary = -np.sign(differences)[:, None] * np.sign(w) * starts
        moves = np.minimum(1, towards_boundary + steps * rel_stepsize)
        changes.append(epsilon * (np.abs(w) * moves).sum(axis=1))
    breaks = np.stack(changes, axis=1) > np.abs(differences)[:, None]
    expected = np.where(breaks.any(axis=1), epsilons[breaks.argmax(axis=1)], np.inf)
    settings = {"protocol": "paper", "epsilons": epsilons, "steps": steps, "rel_stepsize": rel_stepsize}
    assert np.array_equal(attack(model, images, labels, **settings, batch_size=8).radii, expected)


def test_an_image_that_is_misclassified_clean_is_not_attacked(small_model, small_task):
    images, labels = small_task
    found = attack(small_model, images[:4], 1 - labels[:4], batch_size=4)
    assert found.radii.tolist() == found.table.calls.tolist() == [0, 0, 0, 0]
    assert np.array_equal(found.adversarials, images[:4])


def labels_of_nearest_images(pixels, images, labels):
    """Return the labels of the images that are nearest to pixels, one-hot."""
    distances = tf.reduce_max(tf.abs(pixels[:, None] - images[None]), axis=(2, 3, 4))
    return tf.one_hot(tf.gather(labels, tf.argmin(distances, axis=1)), 2)


def test_an_adversarial_that_does_not_fool_the_model_a_second_time_does_not_count(small_model, small_task):
    """The second prediction is made by a model that no small change breaks: it returns the nearest image's label."""
    images, labels = small_task
    compiled = CompiledModel(small_model, batch_size=20)
    assert np.isfinite(attack(compiled, images, labels).radii).all()

    compiled.logits = lambda pixels: 3.0 * labels_of_nearest_images(pixels, images, labels)
    found = attack(compiled, images, labels)
    is_lost = np.isinf(found.radii)
    assert is_lost.mean() > 0.5
    assert np.array_equal(found.adversarials[is_lost], images[is_lost])
    assert (found.table.failed_at[is_lost] == 0).all()  # nothing says that these images hold
    assert found.unconfirmed > 0


def test_the_search_goes_on_if_an_adversarial_fools_the_folded_network_only(small_model, small_task):
    """The network as it is saved is given an advantage for the true class that the folded one does not have."""
    images, labels = small_task
    compiled = CompiledModel(small_model, batch_size=40)
    before = attack(compiled, images, labels)
    logits = compiled.logits
    largest = float(np.abs(logits(images)).max())
    advantage = 0.002 * largest
    compiled.logits = lambda pixels: logits(pixels) + advantage * labels_of_nearest_images(pixels, images, labels)
    after = attack(compiled, images, labels)
    right = before.radii > 0
    assert after.unconfirmed == 0
    assert (after.radii[right] >= 0.99 * before.radii[right]).all()
    assert np.median(after.radii[right] / before.radii[right]) < 1.2


def test_a_result_does_not_depend_on_batch_size_and_hardly_on_other_images(small_model, small_task, minimal):
    images, labels = small_task
    other_size = attack(small_model, images, labels, batch_size=7)
    assert other_size.radii == pytest.approx(minimal.radii, rel=1e-3)
    few_images = attack(small_model, images[:5], labels[:5], batch_size=3)
    assert few_images.radii == pytest.approx(minimal.radii[:5], rel=0.02)  # other images are among the hardest quarter


def test_a_set_that_is_attacked_in_parts_gives_nearly_the_same_result(small_model, small_task, minimal, paper):
    images, labels = (values[25:] for values in small_task)
    rest = attack(small_model, images, labels, first=25, batch_size=16)
    assert rest.radii == pytest.approx(minimal.radii[25:], rel=0.02)  # other images are among the hardest quarter
    settings = {"protocol": "paper", "epsilons": EPSILONS, "steps": 40, "first": 25}
    assert np.array_equal(attack(small_model, images, labels, **settings).radii, paper.radii[25:])


def test_confirmation_breaks_images_whose_radii_are_too_large_and_no_others(small_model, small_task):
    images, labels = small_task
    is_right = small_model.predict(images, verbose=0).argmax(axis=1) == labels
    search = RadiusSearch(CompiledModel(small_model, batch_size=20), images, labels, is_right, steps=20, seed=0)
    search.run()
    rows, radii = np.flatnonzero(is_right), search.radii.copy()
    assert search.failed_at[rows] == pytest.approx(CLOSER * radii[rows])
    assert not len(search.confirm(rows, ROUNDS + 1))
    search.radii[rows[::2]] *= 1.2
    assert np.array_equal(search.confirm(rows, ROUNDS + 1), rows[::2])
    assert (search.radii[rows] <= 1.2 * CLOSER * radii[rows] + 1e-6).all()


def test_a_short_search_is_nearly_as_good_with_its_confirmation(small_model, small_task, minimal):
    short = attack(small_model, *small_task, steps=4, batch_size=20)
    right = minimal.radii > 0
    assert np.median(short.radii[right] / minimal.radii[right]) < 1.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"protocol": "nested"}, "protocol: expected"),
        ({"loss": "cross_entropy"}, "loss: expected margin under protocol minimal"),
        ({"protocol": "paper"}, "epsilons: expected L∞ radii"),
    ],
)
def test_settings_that_do_not_fit_together_are_explained(small_model, small_task, settings, message):
    with pytest.raises(StudyError, match=message):
        attack(small_model, *small_task, **settings)


def test_a_model_that_returns_no_numbers_is_refused(small_task):
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant(np.nan))(
        keras.layers.Flatten()(inputs)
    )
    with pytest.raises(StudyError, match="expected finite logits, got infinity or NaN for 40 of 40 images"):
        attack(keras.Model(inputs, outputs), *small_task)


def test_an_image_that_fell_far_enough_is_not_searched_longer(small_model, small_task):
    whole = attack(small_model, *small_task, batch_size=20)
    enough = float(np.median(whole.radii))
    short = attack(small_model, *small_task, batch_size=20, enough=enough)
    assert np.array_equal(short.radii <= enough, whole.radii <= enough)
    assert short.table.calls[short.radii <= enough].min() == 20  # as long as the other images of its batch
    assert short.table.calls[short.radii > enough].min() > 20
    anything = attack(small_model, *small_task, batch_size=20, enough=1.0)
    assert (anything.radii[whole.radii > 0] <= 1).all()
    assert anything.table.calls.max() < 10


@pytest.mark.parametrize("protocol", ["minimal", "paper"])
def test_an_outcome_that_is_kept_is_the_same_when_it_is_read(request, tmp_path, protocol):
    found = replace(request.getfixturevalue(protocol), unconfirmed=2)
    found.save(tmp_path / "outcome.npz")
    kept, expected = (asdict(each) for each in (Attacked.load(tmp_path / "outcome.npz"), found))
    pd.testing.assert_frame_equal(kept.pop("table"), expected.pop("table"))
    np.testing.assert_equal(kept, expected)
    whole = (tmp_path / "outcome.npz").read_bytes()
    (tmp_path / "outcome.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("outcome.npz", "missing.npz"):
        assert Attacked.load(tmp_path / name) is None  # the attack is made again


def test_of_two_attacks_the_nearer_adversarials_count(small_model, small_task):
    images, labels = small_task
    one, other = (attack(small_model, images, labels, batch_size=20, steps=3, seed=seed) for seed in (0, 1))
    both = nearer(one, other)
    assert np.array_equal(both.radii, np.minimum(one.radii, other.radii))
    assert len(set(one.radii < other.radii)) == 2  # each is nearer for some
    assert np.array_equal(both.table.radius, both.radii)
    assert np.abs(both.adversarials - images).max(axis=(1, 2, 3)) == pytest.approx(both.radii)
    assert (both.table.calls == one.table.calls + other.table.calls).all()
    assert (small_model.predict(both.adversarials, verbose=0).argmax(axis=1) == both.table.prediction).all()


@pytest.mark.parametrize(("left", "unconfirmed"), [(0, 0), (1, 1), (3, 2)])
def test_an_image_that_one_of_two_attacks_broke_without_confirmation_is_still_doubted(
    small_model, small_task, left, unconfirmed
):
    """Two are unconfirmed in the first attack, none in the second; `left` images stay unbroken by both."""
    images, labels = small_task
    other = attack(small_model, images, labels, batch_size=20, steps=3)
    radii = np.where(np.arange(len(images)) < left, np.inf, other.radii)
    one = replace(other, radii=radii, unconfirmed=2)
    assert nearer(one, replace(other, radii=radii)).unconfirmed == unconfirmed


def with_first_row_of_gradient(model, factor):
    """Return the same model, in which the gradient of the first row of pixels is multiplied by a factor."""

    @tf.custom_gradient
    def same(pixels):
        return tf.identity(pixels), lambda upstream: tf.concat([factor * upstream[:, :1], upstream[:, 1:]], axis=1)

    class Same(keras.layers.Layer):
        def call(self, inputs):
            return same(inputs)

    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, model(Same()(inputs)))


def test_a_gradient_that_is_no_number_counts_as_zero(small_model, small_task):
    found = []
    for factor in (0.0, np.nan):
        compiled = CompiledModel(with_first_row_of_gradient(small_model, factor), batch_size=20)
        minimal = attack(compiled, *small_task)
        levels = file_columns(compiled, *small_task, minimal.adversarials, steps=5)["levels"]
        paper = attack(compiled, *small_task, protocol="paper", epsilons=[0.05], steps=10)
        others = attack_survivors(
            compiled, *small_task, epsilon=0.15, attacks=["auto_pgd", "targeted"], budget=Budget(steps=20, restarts=1)
        )
        found.append([minimal.radii, levels, paper.adversarials, others.prediction])
    for zero, no_number in zip(*found, strict=True):
        assert np.array_equal(zero, no_number)
    assert np.isfinite(found[0][0]).all()
