"""What a model computes from images: features, predictions, activation maps; clean, attacked, and with controls."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.artifacts.adversarials import Adversarials
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.paper_protocol import PGD, attack_anew
from helpers.backend import keras
from helpers.config import Config
from helpers.explain.controls import others, shuffled
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


def attack_and_controls(
    config: Config,
    model: keras.Model,
    kept: Adversarials,
    *,
    epsilons: Sequence[float],
    steps: int,
    rel_stepsize: float,
) -> Iterator[tuple[float, Mapping[str, np.ndarray]]]:
    """Yield each epsilon, and the images as changed by each condition: "attack", and the controls.

    The controls stay within the same radius. "noise" is the attack's own change with its values in random places, with
    random signs: it has the same energy. "other image" is the change that the attack made to an image of another group,
    cut off where a pixel would leave [0, 1]; there is none if all images are of one group.
    """
    images, elsewhere = kept.images, others(kept.groups)
    batches = math.ceil(len(images) / config.attack_batch_size)
    batch_size = math.ceil(len(images) / batches)  # equal batches need no padding
    compiled = CompiledModel(model, batch_size=batch_size, loss="cross_entropy")
    pgd = PGD(steps=steps, rel_stepsize=rel_stepsize, seed=config.seed)
    total = len(images) * len(epsilons)
    with progress(description=f"explaining {config.task}, {model.name}", total=total) as bar:
        attacked = attack_anew(compiled, images, kept.labels, epsilons=epsilons, pgd=pgd, on_progress=bar.update)
        for epsilon, perturbed in zip(epsilons, attacked, strict=True):
            changes = perturbed - images
            controls = {"noise": shuffled(images, changes, seed=config.seed + NOISE_SEED_OFFSET)}
            if len(elsewhere):
                controls["other image"] = changes[elsewhere]
            changed = {name: np.clip(images + change, 0, 1) for name, change in controls.items()}
            yield epsilon, {"attack": perturbed, **changed}
