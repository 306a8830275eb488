import numpy as np
import pytest

from helpers.attacks.losses import cross_entropy, logits_ratio, margin
from helpers.backend import tf


def test_losses_equal_values_worked_out_by_hand():
    labels = tf.constant([0, 2], tf.int64)
    logits = tf.constant([[3.0, 1.0, 2.0], [4.0, 0.0, 1.0]])
    assert margin(labels, logits).numpy().tolist() == [-1.0, 3.0]
    assert logits_ratio(labels, logits).numpy() == pytest.approx([-0.5, 0.75])
    expected = -np.log([np.exp(3) / np.exp([3, 1, 2]).sum(), np.exp(1) / np.exp([4, 0, 1]).sum()])
    assert cross_entropy(labels, logits).numpy() == pytest.approx(expected)
