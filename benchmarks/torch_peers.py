"""Attacks of packages that need PyTorch, on a model of the study: AdvLib's Auto-PGD, AutoAttack's FAB and its flags.

PyTorch runs their loops; the network stays in TensorFlow, compiled as for the study's own attack. So all contenders of
`radii.py` attack the same numbers at the same speed, but that each of these gradients costs one forward pass more.
"""

import logging

import numpy as np
import torch
from adv_lib.attacks.auto_pgd import minimal_apgd
from pyautoattack import AutoAttack
from pyautoattack.fab_pt import FABAttack_PT

from helpers.backend import tf

BISECTIONS = 10  # of AdvLib's search for the smallest ball: from the largest radius, to about a thousandth of it
FLAG_QUERIES = 1000  # of Square, whose success is one of the flags
FLAGS = {  # what AutoAttack warns of, by a part of its message
    "randomized": "random",
    "probability": "probabilities",
    "zero gradient": "zero gradient",
    "Square Attack has": "Square breaks more",
    "dynamic": "dynamic",
}
MOST_TARGETS = 3  # classes that are attacked one after the other, the most likely first


class Network(torch.nn.Module):
    """A compiled model as PyTorch sees it: pixels (batch, 3, height, width) to logits; it counts gradients."""

    def __init__(self, compiled):
        super().__init__()
        self.compiled, self.calls = compiled, 0
        self.pull_back = tf.function(self._pull_back)

    def _pull_back(self, pixels, weights):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits = self.compiled.model(pixels, training=False)
        unconnected = tf.UnconnectedGradients.ZERO  # of a model that blocks them
        return tape.gradient(logits, pixels, output_gradients=weights, unconnected_gradients=unconnected)

    def forward(self, pixels):
        return _Logits.apply(pixels, self)


class _Logits(torch.autograd.Function):
    @staticmethod
    def forward(context, pixels, network):
        context.save_for_backward(pixels)
        context.network = network
        return torch.from_numpy(network.compiled.logits(to_tensorflow(pixels)).numpy())

    @staticmethod
    def backward(context, weights):
        (pixels,), network = context.saved_tensors, context.network
        network.calls += len(pixels)
        return from_numpy(network.pull_back(to_tensorflow(pixels), tf.constant(weights.numpy())).numpy()), None


def to_tensorflow(pixels):
    return tf.constant(pixels.detach().permute(0, 2, 3, 1).numpy())


def from_numpy(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def advlibs_apgd(loss, compiled, images, labels, *, steps, largest):
    """Return adversarials of AdvLib's Auto-PGD in balls that it bisects, and its mean gradient calls an image."""
    network = Network(compiled)
    settings = {"targeted_version": True, "num_targets": MOST_TARGETS} if loss == "dlr" else {}
    found = minimal_apgd(
        network,
        from_numpy(images),
        torch.from_numpy(labels),
        float("inf"),
        max_eps=float(largest) / 2,  # it begins at twice this
        binary_search_steps=BISECTIONS,
        n_iter=steps,
        loss_function=loss,
        **settings,
    )
    return found.detach().permute(0, 2, 3, 1).numpy(), network.calls / len(images)


def autoattacks_fab(compiled, images, labels, *, steps, largest):
    """Return the same of AutoAttack's targeted FAB."""
    network = Network(compiled)
    targets = min(MOST_TARGETS, compiled.model.output_shape[-1] - 1)
    best, reached = images.copy(), np.full(len(images), np.inf)
    for number in range(targets):  # one at a time, because FAB leaves out whom the first target broke within eps
        attack = FABAttack_PT(network, n_iter=steps, eps=1.0, targeted=True, n_target_classes=1)
        attack.target_class = number + 2
        pixels, classes = from_numpy(images), torch.from_numpy(labels)
        with torch.no_grad():
            found = attack.attack_single_run(pixels, classes, use_rand_start=False, is_targeted=True)
        found = found.permute(0, 2, 3, 1).numpy()
        distance = np.abs(found - images).max(axis=(1, 2, 3))
        is_fooled = compiled.logits(tf.constant(found)).numpy().argmax(axis=1) != labels
        is_nearer = is_fooled & (distance < reached)
        best[is_nearer], reached[is_nearer] = found[is_nearer], distance[is_nearer]
    return best, network.calls / len(images)


def autoattacks_flags(compiled, images, labels, *, epsilon):
    """Return what AutoAttack warns of, a list of values of `FLAGS`, when APGD-CE and Square attack at an epsilon."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    attack = AutoAttack(Network(compiled), version="custom", attacks=["apgd-ce", "square"], eps=epsilon, seed=0)
    attack.square.n_queries, attack.logger.propagate = FLAG_QUERIES, False
    attack.logger.addHandler(handler)
    try:
        attack.run_standard_evaluation(from_numpy(images), torch.from_numpy(labels))
    finally:
        attack.logger.removeHandler(handler)
    return [flag for part, flag in FLAGS.items() if any(part in message for message in messages)]
