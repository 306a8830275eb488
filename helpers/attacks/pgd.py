"""Projected gradient descent (PGD) in an L∞ ball, with random starts that depend on the image alone.

`CompiledLinfPGD` is Foolbox's attack: its loop, step size, projection and clipping run unchanged. Only its two
documented extension points are replaced: the gradient comes from one compiled graph, and the random start is given.
`perturb` is the same attack as TensorFlow operations, for use inside a training step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import eagerpy
import foolbox
import numpy as np

from helpers.attacks.compiled import CompiledModel, pgd_step
from helpers.backend import keras, tf

REL_STEPSIZE = 0.01 / 0.3  # Foolbox's default: step length as a share of epsilon


@dataclass(frozen=True)
class Settings:
    """Settings that all attacks of a sweep share.

    Attributes:
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        steps: Gradient steps per attack.
        rel_stepsize: Step length as a share of epsilon.
        seed: Each image's random start derives from it, together with the image's number, the epsilon and the restart.
        first: Number of the first image.
    """

    epsilons: Sequence[float] | np.ndarray
    steps: int
    rel_stepsize: float
    seed: int
    first: int = 0

    def starts(
        self, shape: tuple[int, ...], rows: Sequence[int] | np.ndarray, level: int, *, restart: int = 0
    ) -> np.ndarray:
        """Return the `random_starts` of the images in these rows, for the epsilon with index `level`."""
        return random_starts(
            shape,
            images=self.first + np.asarray(rows),
            epsilon=self.epsilons[level],
            seed=self.seed,
            restart=restart,
        )


def random_starts(
    shape: tuple[int, ...], *, images: np.ndarray, epsilon: float, seed: int, restart: int = 0
) -> np.ndarray:
    """Return uniform random starts in [-1, 1], float32 (len(images), *shape); scale them by epsilon.

    Each start depends only on the arguments and its own image number, so an image's result depends neither on the batch
    size nor on the other images in the batch.

    Args:
        shape: Of one image: (height, width, 3).
        images: Numbers of the images, int (n,).
        epsilon: L∞ radius on pixels in [0, 1].
        seed: Another seed gives other starts.
        restart: Another restart gives other starts.
    """
    extra = [restart] if restart else []
    keys = [[seed, int(image), round(epsilon * 1e9), *extra] for image in images]
    starts = [np.random.default_rng(key).uniform(-1, 1, shape) for key in keys]
    return np.asarray(starts, dtype=np.float32)


class CompiledLinfPGD(foolbox.attacks.LinfPGD):
    """Foolbox's `LinfPGD` with the compiled model's loss and gradient, and with given random starts.

    Args:
        compiled: The attacked model.
        starts: Start of each image's search, float32 of the images' shape, in [-1, 1]; scaled by epsilon.
        steps: Gradient steps, as in Foolbox.
        rel_stepsize: Step length as a share of epsilon, as in Foolbox.
    """

    def __init__(self, compiled: CompiledModel, *, starts: np.ndarray, steps: int, rel_stepsize: float = REL_STEPSIZE):
        super().__init__(rel_stepsize=rel_stepsize, steps=steps, random_start=True)
        self._compiled = compiled
        self._starts = starts

    def get_random_start(self, x0: eagerpy.Tensor, epsilon: float) -> eagerpy.Tensor:
        return x0 + eagerpy.astensor(tf.constant(self._starts)) * epsilon

    def get_loss_fn(self, model: foolbox.Model, labels: eagerpy.Tensor):
        return lambda x: self._compiled.loss_and_gradient(x, labels.raw)

    def value_and_grad(self, loss_fn, x: eagerpy.Tensor) -> tuple[eagerpy.Tensor, eagerpy.Tensor]:
        loss, gradient = loss_fn(x.raw)
        return eagerpy.astensor(loss), eagerpy.astensor(gradient)


def perturb(
    model: keras.Model,
    pixels: tf.Tensor,
    labels: tf.Tensor,
    *,
    starts: tf.Tensor,
    epsilon: float,
    steps: int,
    rel_stepsize: float = REL_STEPSIZE,
) -> tf.Tensor:
    """Attack with the cross-entropy, as `CompiledLinfPGD` does, in operations that can be part of a larger graph.

    Args:
        model: Pixels in [0, 1] to logits.
        pixels: float32 (batch, height, width, 3), in [0, 1].
        labels: Class indices (batch,).
        starts: Start of each image's search, of the pixels' shape, in [-1, 1]; scaled by epsilon.
        epsilon: L∞ radius on pixels in [0, 1].
        steps: Gradient steps, as in Foolbox.
        rel_stepsize: Step length as a share of epsilon, as in Foolbox.

    Returns:
        The last iterates, of the pixels' shape, inside the balls and inside [0, 1]. No gradient flows through them.
    """

    def is_unfinished(taken, _):
        return taken < steps

    def step(taken, iterate):
        moved, _, _ = pgd_step(model, pixels, iterate, labels, epsilon=epsilon, rel_stepsize=rel_stepsize)
        return taken + 1, moved

    start = tf.clip_by_value(pixels + starts * epsilon, 0.0, 1.0)
    _, last = tf.while_loop(is_unfinished, step, (0, start))
    return tf.stop_gradient(last)
