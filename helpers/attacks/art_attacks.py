"""Two attacks of IBM's Adversarial Robustness Toolbox (ART) on a compiled model: AutoPGD and Square."""

import warnings
from types import ModuleType
from typing import Any

import numpy as np

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.losses import LOSS_FUNCTIONS, Loss
from helpers.attacks.pgd import finite
from helpers.backend import tf

SQUARE_SHARE = 0.8  # of a square image's pixels, the first square that Square changes


def auto_pgd(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    loss: str,
    epsilon: float,
    steps: int,
    restarts: int,
    batch_size: int,
) -> np.ndarray:
    """Attack with AutoPGD, a PGD that chooses its own step sizes.

    Source: Croce, Hein: "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
    Attacks", 2020, arXiv 2003.01690.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        loss: What to increase, one of `LOSS_FUNCTIONS`.
        epsilon: L∞ radius on pixels in [0, 1].
        steps: Gradient steps per restart.
        restarts: Number of random starts.
        batch_size: Images per batch.

    Returns:
        The perturbed images, of the images' shape.
    """
    attack = _import_evasion().AutoProjectedGradientDescent(
        _art_classifier(compiled, loss),
        eps=epsilon,
        eps_step=2 * epsilon,
        max_iter=steps,
        nb_random_init=restarts,
        batch_size=batch_size,
        verbose=False,
    )
    return attack.generate(images, labels)


def square(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    loss: str,
    epsilon: float,
    queries: int,
    batch_size: int,
) -> np.ndarray:
    """Attack with Square, which changes random squares and needs no gradient.

    Source: Andriushchenko, Croce, Flammarion, Hein: "Square Attack: a query-efficient black-box adversarial attack via
    random search", 2020, arXiv 1912.00049.

    Args:
        compiled: The attacked model.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        loss: What to increase, one of `LOSS_FUNCTIONS`.
        epsilon: L∞ radius on pixels in [0, 1].
        queries: Rounds of the random search.
        batch_size: Images per batch.

    Returns:
        The perturbed images, of the images' shape.
    """
    sides = images.shape[1:3]
    share = SQUARE_SHARE * min(sides) / max(sides)  # so that the first square fits into an image that is not one
    settings = {"eps": epsilon, "max_iter": queries, "p_init": share, "batch_size": batch_size, "verbose": False}
    return _import_evasion().SquareAttack(_art_classifier(compiled, loss), **settings).generate(images, labels)


def _import_evasion() -> ModuleType:
    with warnings.catch_warnings(action="ignore"):  # ART warns about every framework that is not installed
        from art.attacks import evasion
    return evasion


class _ArtLoss:
    """A loss as ART calls it. ART sets `reduction` to "none" before it asks for the losses of single images."""

    reduction = "sum"

    def __init__(self, loss: Loss):
        self._loss = loss

    def __call__(self, one_hot: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        each = self._loss(tf.argmax(one_hot, axis=1), logits)
        return each if self.reduction == "none" else tf.reduce_sum(each)


def _art_classifier(compiled: CompiledModel, loss: str) -> Any:
    """Return a model and a loss as an ART classifier."""
    with warnings.catch_warnings(action="ignore"):  # as above
        from art.estimators.classification import TensorFlowV2Classifier

    logits_by_hash: dict[int, np.ndarray] = {}

    class CompiledClassifier(TensorFlowV2Classifier):
        """Runs the model once for each different image, as ART's Square asks for the same prediction three times.

        The gradient comes from one compiled graph.
        """

        def predict(self, x, batch_size=128, training_mode=False, **kwargs):
            hashes = [hash(image.tobytes()) for image in x]
            new_rows = [row for row, key in enumerate(hashes) if key not in logits_by_hash]
            if new_rows:
                logits = compiled.logits(tf.constant(x[new_rows], tf.float32)).numpy()
                logits_by_hash.update(zip([hashes[row] for row in new_rows], logits, strict=True))
            return np.stack([logits_by_hash[key] for key in hashes])

        def loss_gradient(self, x, y, training_mode=False, **kwargs):
            pixels, labels = tf.constant(x, tf.float32), tf.constant(y.argmax(axis=1), tf.int64)
            return finite(compiled.differentiate(pixels, labels, loss=loss)[1]).numpy()

    return CompiledClassifier(
        model=lambda pixels, training: compiled.logits(tf.cast(pixels, tf.float32)),
        nb_classes=compiled.model.output_shape[-1],
        input_shape=tuple(compiled.model.input_shape[1:]),
        loss_object=_ArtLoss(LOSS_FUNCTIONS[loss]),
        clip_values=(0.0, 1.0),
    )
