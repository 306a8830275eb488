"""What a model computes from images: features, predictions, activation maps; clean, attacked, and with noise."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.artifacts.adversarials import Adversarials
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.paper_protocol import PGD, attack_anew
from helpers.attacks.pgd import random_starts
from helpers.backend import keras
from helpers.config import Config
from helpers.explain.gradcam import ActivationMaps
from helpers.progress import progress

TARGETS = ("true", "predicted")  # the classes that activation maps are about
NOISE_SEED_OFFSET = 2  # keeps the random noise apart from the attack's random starts, which use the seed itself


@dataclass(frozen=True)
class Response:
    """What a model computes from n images.

    Attributes:
        images: float32 (n, height, width, 3), pixels in [0, 1].
        features: float32 (n, H, W, C), of the explained layer.
        predictions: int64 (n,), class indices.
        maps: {target: float32 (n, H, W)}: activation maps for the "true" and the "predicted" class.
        attention: float32 (n, H, W), each map summing to 1; None without an attention map.
    """

    images: np.ndarray
    features: np.ndarray
    predictions: np.ndarray
    maps: dict[str, np.ndarray]
    attention: np.ndarray | None


def respond(maps: ActivationMaps, images: np.ndarray, labels: np.ndarray) -> Response:
    """Return what a model computes from images, with activation maps for their true and for the predicted classes."""
    features = maps.features(images)
    predictions = maps.logits(features).argmax(axis=1)
    targets = dict(zip(TARGETS, (labels, predictions), strict=True))
    by_target = {target: maps(images, classes, features=features) for target, classes in targets.items()}
    return Response(images, features, predictions, by_target, maps.attention(features))


def attack_and_noise(
    config: Config,
    model: keras.Model,
    kept: Adversarials,
    *,
    epsilons: Sequence[float],
    steps: int,
    rel_stepsize: float,
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Yield each epsilon, the images attacked with it, and the images with uniform noise of the same radius."""
    images = kept.images
    batches = math.ceil(len(images) / config.attack_batch_size)
    batch_size = math.ceil(len(images) / batches)  # equal batches need no padding
    compiled = CompiledModel(model, batch_size=batch_size, loss="cross_entropy")
    pgd = PGD(steps=steps, rel_stepsize=rel_stepsize, seed=config.seed)
    total = len(images) * len(epsilons)
    with progress(description=f"explaining {config.task}, {model.name}", total=total) as bar:
        attacked = attack_anew(compiled, images, kept.labels, epsilons=epsilons, pgd=pgd, on_progress=bar.update)
        for epsilon, perturbed in zip(epsilons, attacked, strict=True):
            yield epsilon, perturbed, add_noise(images, epsilon=epsilon, seed=config.seed)


def add_noise(images: np.ndarray, *, epsilon: float, seed: int) -> np.ndarray:
    """Return images (n, height, width, 3) in [0, 1] with uniform noise of radius epsilon, clipped to [0, 1]."""
    noise = random_starts(
        images.shape[1:], images=np.arange(len(images)), epsilon=epsilon, seed=seed + NOISE_SEED_OFFSET
    )
    return np.clip(images + np.float32(epsilon) * noise, 0, 1)
