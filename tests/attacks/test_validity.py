import numpy as np
import pytest

from helpers import StudyError, attack, check_attack
from helpers.attacks.validity import check_perturbation
from helpers.backend import keras

EPSILONS = (0.01, 0.03, 0.06, 0.12, 0.3)


@pytest.mark.parametrize(
    ("image", "change"),
    [(1, -0.11), (0, -0.05), (1, 0.05), (0, np.nan)],
    ids=["too far", "below 0", "above 1", "not a number"],
)
def test_adversarial_outside_its_ball_is_caught(image, change):
    images = np.stack([np.full((2, 2, 3), level, np.float32) for level in (0.02, 0.98)])
    perturbed = images.copy()
    check_perturbation(images, perturbed, epsilon=0.1)
    check_perturbation(images, perturbed, epsilon=np.array([0.0, 0.1]))
    perturbed[image, 0, 0, 0] += np.float32(change)
    with pytest.raises(ArithmeticError, match="expected adversarials inside their balls"):
        check_perturbation(images, perturbed, epsilon=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": lambda i: i * 255}, r"images: .*\[0, 1\].*255"),
        ({"images": lambda i: np.where(i == i[0, 0, 0, 0], np.float32("nan"), i)}, r"images: .*\[0, 1\]; got .*nan"),
        ({"images": lambda i: i[:0], "labels": lambda n: n[:0]}, r"images: expected at least one.*got none"),
        ({"images": lambda i: i.astype(np.float64)}, "images: expected float32"),
        ({"images": lambda i: i[:, :4]}, r"images: expected float32 of shape \(n, 8, 8, 3\)"),
        ({"labels": lambda n: n.astype(np.int32)}, "labels: expected int64"),
        ({"labels": lambda n: n + 1}, r"labels: expected 0\.\.1, got 1\.\.2"),
        ({"epsilons": lambda e: e[::-1]}, "epsilons: .*increasing"),
        ({"epsilons": lambda e: (-0.1, *e)}, r"epsilons: .*got \[-0.1, "),
        ({"epsilons": lambda e: (*e, e[-1])}, r"epsilons: .*increasing; got .*0.3, 0.3\]"),
        ({"epsilons": lambda e: (*e, 8 / 2)}, r"epsilons: expected .*\[0, 1\].* 4.0\]"),
        ({"epsilons": lambda e: [0.0]}, r"epsilons: .*got \[0.0\]"),
        ({"epsilons": lambda e: [float("nan")]}, r"epsilons: expected a list.* got nan"),
        ({"epsilons": lambda e: []}, r"epsilons: expected a list.*got \[\]"),
        ({"epsilons": lambda e: 0.1}, "epsilons: expected a list"),
        ({"epsilons": lambda e: ["a"]}, "epsilons: expected a list.*got 'a'"),
        ({"images": lambda i: i.tolist()}, "images: expected a NumPy array, got list"),
        ({"labels": lambda n: n.tolist()}, "labels: expected a NumPy array, got list"),
        ({"steps": lambda s: 2.5}, "steps: .*2.5"),
        ({"steps": lambda s: -1}, "steps: .*-1"),
        ({"steps": lambda s: 0, "protocol": lambda p: "minimal"}, "steps: .*1, got 0"),
        ({"rel_stepsize": lambda r: float("nan")}, "rel_stepsize: .*nan"),
        ({"rel_stepsize": lambda r: 0}, "rel_stepsize: .*0"),
        ({"batch_size": lambda b: 0}, "batch_size: .*0"),
        ({"first": lambda f: -1}, "first: .*-1"),
        ({"seed": lambda s: "a"}, "seed: .*'a'"),
        ({"protocol": lambda p: "papers"}, "protocol: .*Did you mean 'paper'"),
    ],
)
def test_invalid_input_is_explained(change, message, small_model, small_task):
    arguments = {"images": small_task[0], "labels": small_task[1], "epsilons": EPSILONS, "protocol": "paper"}
    arguments |= {name: function(arguments.get(name)) for name, function in change.items()}
    with pytest.raises(StudyError, match=message):
        attack(small_model, **arguments)


def test_model_that_returns_probabilities_is_refused_unless_asked_for(small_model, small_task):
    model = keras.Sequential([small_model, keras.layers.Softmax()], name="ends_in_softmax")
    with pytest.raises(StudyError, match=r"ends_in_softmax: expected logits, got probabilities.*without its softmax"):
        attack(model, *small_task)
    assert len(attack(model, *small_task, probabilities=True).table) == 40


def test_epsilons_may_be_fractions(small_model, small_task):
    table = attack(small_model, *small_task, protocol="paper", epsilons=["1/4", 0.5], steps=1).table
    assert sorted(set(table.epsilon)) == [0, 0.25, 0.5]


def test_checks_are_of_the_images_that_were_attacked(small_model, small_task):
    images, labels = small_task
    found = attack(small_model, images, labels, steps=2)
    with pytest.raises(StudyError, match="images: expected the 40 that were attacked, got 39"):
        check_attack(small_model, images[1:], labels[1:], found)
    with pytest.raises(StudyError, match="labels: expected a NumPy array, got list"):
        check_attack(small_model, images, labels.tolist(), found)
