"""Attack a set of images at growing epsilon, and keep one row for each image and epsilon."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import foolbox
import numpy as np
import pandas as pd

from helpers.attacks.pgd import REL_STEPSIZE, CompiledLinfPGD, CompiledModel, Settings, random_starts
from helpers.attacks.search import search_smallest_epsilons
from helpers.backend import keras, tf
from helpers.config import StudyError, one_of
from helpers.progress import progress

PROTOCOLS = ("paper", "nested")
ROUNDING = 1e-6  # how far float32 arithmetic may carry a pixel past its ball


@dataclass(frozen=True)
class Sweep:
    """What a sweep found.

    Attributes:
        table: One row an image and epsilon, epsilon 0 (clean) first: image (index), label, attack, epsilon,
            seed, prediction (class indices), correct.
        adversarials: float32 (images, height, width, 3): for each image the adversarial at its minimal
            epsilon; the unperturbed image where none was found or none was needed.
        minimal_epsilon: float64 (images,): the smallest epsilon of the grid that broke the image; 0 where it was
            misclassified clean, infinite where no epsilon broke it.
        steps, rel_stepsize: The attack's.
    """

    table: pd.DataFrame
    adversarials: np.ndarray
    minimal_epsilon: np.ndarray
    steps: int
    rel_stepsize: float


def sweep(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilons: Sequence[float],
    steps: int = 40,
    rel_stepsize: float = REL_STEPSIZE,
    protocol: str = "nested",
    seed: int = 0,
    batch_size: int = 32,
) -> Sweep:
    """Attack with Foolbox's L∞ PGD at every epsilon.

    Args:
        model: Pixels in [0, 1] to logits. Give a `CompiledModel` to several attacks and it is traced but once.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        epsilons: L∞ radii on pixels in [0, 1], above 0, increasing.
        steps: Gradient steps an attack.
        rel_stepsize: Length of a step as a share of epsilon.
        protocol: "paper" attacks every image at every epsilon anew, misclassified ones too, and takes the last
            iterate's word. "nested" uses that the balls are nested: an image misclassified clean is not
            attacked, and one broken at some epsilon is broken at every larger one, its adversarial carried along: see
            `search_smallest_epsilons`.
        seed: The random starts derive from it, for each image and epsilon alone.
        batch_size: Images attacked at once, if the model is not compiled yet; no result depends on it beyond float
            rounding.

    Returns:
        A `Sweep`. Every adversarial was checked outside the attack: inside its ball, inside [0, 1], and
        classified anew.
    """
    one_of("protocol", protocol, PROTOCOLS)
    compiled = CompiledModel.of(model, batch_size=batch_size)
    model = compiled.model
    _check_inputs(model, images, labels, epsilons)
    clean = predict(compiled, images)
    settings = Settings(epsilons=epsilons, steps=steps, rel_stepsize=rel_stepsize, seed=seed)
    attack = _attack_anew if protocol == "paper" else _attack_nested
    with progress(description=f"attacking {model.name}", total=len(epsilons) * len(images)) as bar:
        predictions, found, minimal = attack(compiled, images, labels, clean, settings, bar.update)
    rows = [
        _rows(labels, prediction, epsilon=epsilon, attack=f"linf_pgd_{steps}", seed=seed)
        for epsilon, prediction in zip((0.0, *epsilons), (clean, *predictions), strict=True)
    ]
    return Sweep(pd.concat(rows, ignore_index=True), found, minimal, steps, rel_stepsize)


def _attack_anew(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    done: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attack every image at every epsilon with Foolbox's own loop; see `_attack_nested` for what is returned."""
    predictions, found, minimal = [], images.copy(), np.where(clean == labels, np.inf, 0.0)
    for epsilon in settings.epsilons:
        perturbed = []
        for rows, count in _padded(compiled, np.arange(len(images))):
            starts = random_starts(images.shape[1:], images=rows, epsilon=epsilon, seed=settings.seed)
            attack = CompiledLinfPGD(compiled, starts=starts, steps=settings.steps, rel_stepsize=settings.rel_stepsize)
            criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
            last = attack.run(compiled.for_foolbox, tf.constant(images[rows]), criterion, epsilon=epsilon)
            perturbed.append(last.numpy()[:count])
            done(count)
        perturbed = np.concatenate(perturbed)
        check_perturbation(images, perturbed, epsilon=epsilon)
        predictions.append(predict(compiled, perturbed))
        broken = (predictions[-1] != labels) & np.isinf(minimal)
        found[broken], minimal[broken] = perturbed[broken], epsilon
    return np.array(predictions), found, minimal


def _attack_nested(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    done: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the predictions (epsilons, images), each image's adversarial, and its minimal epsilon; see `Sweep`.

    `clean` are the predictions of the unperturbed images. `done` is told how many (image, epsilon) pairs were decided.
    """
    epsilons = np.asarray(settings.epsilons)
    found, level = images.copy(), np.where(clean == labels, len(epsilons), 0)
    done(int((level == 0).sum()) * len(epsilons))
    for end in search_smallest_epsilons(compiled, images, labels, np.flatnonzero(level), settings):
        found[end.image], level[end.image] = end.adversarial, end.level
        done(len(epsilons))
    carried = predict(compiled, found)
    held = carried == labels  # never broken, or by an adversarial that does not fool the model a second time
    found[held], level[held] = images[held], len(epsilons)
    minimal = np.where(clean == labels, np.append(epsilons, np.inf)[level], 0.0)
    for epsilon in epsilons:
        check_perturbation(images[minimal == epsilon], found[minimal == epsilon], epsilon=epsilon)
    return np.where(epsilons[:, None] < minimal, labels, carried), found, minimal


def predict_logits(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the logits, float32 (n, classes)."""
    batches = [compiled.logits(tf.constant(padded)).numpy()[:count] for padded, count in _padded(compiled, images)]
    return np.concatenate(batches or [np.zeros((0, compiled.model.output_shape[-1]), np.float32)])


def predict(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,)."""
    return predict_logits(compiled, images).argmax(axis=1)


def check_perturbation(images: np.ndarray, perturbed: np.ndarray, *, epsilon: float) -> None:
    """Raise an ArithmeticError unless every perturbed pixel is in [0, 1] and within epsilon of its original."""
    distance = np.abs(perturbed - images).max(initial=0.0)
    if not distance <= epsilon + ROUNDING or not (perturbed.min(initial=0) >= 0 and perturbed.max(initial=1) <= 1):
        raise ArithmeticError(
            f"expected adversarials within {epsilon:g} of their images and in [0, 1]; got a distance of {distance:g}, "
            f"pixels in [{perturbed.min():g}, {perturbed.max():g}]"
        )


def _padded(compiled: CompiledModel, values: np.ndarray):
    """Yield batches of the one size that was traced, the last filled up with its last value, and their true counts."""
    for start in range(0, len(values), compiled.batch_size):
        batch = values[start : start + compiled.batch_size]
        filling = np.repeat(batch[-1:], compiled.batch_size - len(batch), axis=0)
        yield np.concatenate([batch, filling]), len(batch)


def _rows(labels: np.ndarray, prediction: np.ndarray, *, epsilon: float, attack: str, seed: int) -> pd.DataFrame:
    columns = {"image": np.arange(len(labels)), "label": labels, "attack": attack, "epsilon": epsilon, "seed": seed}
    return pd.DataFrame({**columns, "prediction": prediction, "correct": prediction == labels})


def _check_inputs(model: keras.Model, images: np.ndarray, labels: np.ndarray, epsilons: Sequence[float]) -> None:
    if images.dtype != np.float32 or images.shape[1:] != tuple(model.input_shape[1:]):
        raise StudyError(
            f"images: expected float32 of shape (n, {', '.join(map(str, model.input_shape[1:]))}), "
            f"got {images.dtype} of shape {images.shape}."
        )
    if not len(images) or not (images.min() >= 0 and images.max() <= 1):  # what is not a number is refused, too
        raise StudyError("images: expected at least one, with pixels in [0, 1]. Divide pixels 0..255 by 255.")
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise StudyError(
            f"labels: expected int64 of shape ({len(images)},), got {labels.dtype} of shape {labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= model.output_shape[-1]:
        raise StudyError(f"labels: expected 0..{model.output_shape[-1] - 1}, got {labels.min()}..{labels.max()}.")
    if not len(epsilons) or epsilons[0] <= 0 or np.any(np.diff(epsilons) <= 0):
        raise StudyError(f"epsilons: expected L∞ radii above 0, strictly increasing; got {list(epsilons)}.")
