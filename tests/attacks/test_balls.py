"""Attacks in balls of several sizes: who falls leaves the batch, and all others come out as if attacked alone."""

import numpy as np
import pytest

from helpers.attacks.balls import attack_balls
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import random_starts
from helpers.attacks.predict import predict, predict_logits

STEPS = 12


class Counted(CompiledModel):
    """Writes down the size of each batch that it differentiates, and fills batches up to multiples of `step`."""

    def __init__(self, model, *, batch_size, step=1):
        super().__init__(model, batch_size=batch_size)
        self._size_step, self.sizes = step, []

    def differentiate(self, pixels, labels, **settings):
        self.sizes.append(len(pixels))
        return super().differentiate(pixels, labels, **settings)


@pytest.fixture(scope="module")
def task(small_model, small_task):
    """Return images that the small model classifies right, their labels, balls of several sizes, and starts."""
    images, labels = small_task
    rows = np.flatnonzero(predict(CompiledModel(small_model, batch_size=20), images) == labels)[:10]
    balls = np.geomspace(0.005, 0.2, len(rows)).astype(np.float32)
    starts = random_starts(images.shape[1:], images=rows, epsilon=0.05, seed=0)
    return images[rows], labels[rows], balls, starts


@pytest.mark.parametrize("step", [1, 4])
def test_who_falls_takes_no_part_in_the_next_gradient_call(small_model, task, step):
    images, labels, balls, starts = task
    compiled = Counted(small_model, batch_size=len(images), step=step)
    found, is_fooled, calls = attack_balls(compiled, images, labels, epsilons=balls, starts=starts, steps=STEPS)
    assert 2 < is_fooled.sum() < len(images) - 2
    assert (calls[~is_fooled] == STEPS).all()
    assert (predict(compiled, found) != labels)[is_fooled].all()
    assert (np.abs(found - images).max(axis=(1, 2, 3)) <= balls * (1 + 1e-5)).all()
    left = [(calls > number).sum() for number in range(STEPS)]
    assert compiled.sizes == [min(-(-count // step) * step, len(images)) for count in left]
    assert len(set(compiled.sizes)) > 1


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("step", [1, 4])
def test_images_come_out_as_if_each_were_attacked_alone(small_model, task, targeted, step):
    images, labels, balls, starts = task
    targets = (labels + 1) % small_model.output_shape[-1] if targeted else None
    together = Counted(small_model, batch_size=4, step=step)
    settings = {"epsilons": balls, "starts": starts, "steps": STEPS}
    found, is_fooled, calls = attack_balls(together, images, labels, targets=targets, **settings)
    one = CompiledModel(small_model, batch_size=1)
    for row in range(len(images)):
        part = slice(row, row + 1)
        chosen = {"epsilons": balls[part], "starts": starts[part], "steps": STEPS}
        toward = None if targets is None else targets[part]
        alone, fooled, taken = attack_balls(one, images[part], labels[part], targets=toward, **chosen)
        assert (fooled[0], taken[0]) == (is_fooled[row], calls[row])
        assert predict_logits(one, alone) == pytest.approx(predict_logits(one, found[part]), abs=1e-3)


def test_an_attack_on_no_images_and_one_in_which_all_fall_end(small_model, task):
    images, labels, balls, starts = task
    compiled = Counted(small_model, batch_size=4)
    none = slice(0, 0)
    empty = attack_balls(compiled, images[none], labels[none], epsilons=balls[none], starts=starts[none], steps=STEPS)
    assert [len(part) for part in empty] == [0, 0, 0]
    wrong = (labels + 1) % small_model.output_shape[-1]  # misclassified where they start
    found, is_fooled, calls = attack_balls(compiled, images, wrong, epsilons=0 * balls, starts=starts, steps=STEPS)
    assert is_fooled.all()
    assert calls.tolist() == [1] * len(images)
    assert np.array_equal(found, images)
