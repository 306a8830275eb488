"""Attack a set of images at growing epsilon, and keep one row for each image and epsilon."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import foolbox
import numpy as np
import pandas as pd

from helpers.attacks.pgd import REL_STEPSIZE, CompiledLinfPGD, CompiledModel, Settings
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
        unconfirmed: How many images it broke, but not a second time. They count as held, which may be wrong.
    """

    table: pd.DataFrame
    adversarials: np.ndarray
    minimal_epsilon: np.ndarray
    steps: int
    rel_stepsize: float
    unconfirmed: int = 0


def sweep(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilons: Sequence[float],
    steps: int = 40,
    rel_stepsize: float = REL_STEPSIZE,
    protocol: str = "nested",
    loss: str = "cross_entropy",
    restarts: int = 0,
    seed: int = 0,
    first: int = 0,
    batch_size: int = 32,
    probabilities: bool = False,
) -> Sweep:
    """Attack with Foolbox's L∞ PGD at every epsilon.

    Args:
        model: Pixels in [0, 1] to logits. Give a `CompiledModel` to several attacks and it is traced but once.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        epsilons: L∞ radii on pixels in [0, 1], increasing. 0 may be among them: it is in every table, as clean.
        steps: Gradient steps an attack.
        rel_stepsize: Length of a step as a share of epsilon.
        protocol: "paper" attacks every image at every epsilon anew, misclassified ones too, and takes the last
            iterate's word. "nested" uses that the balls are nested: an image misclassified clean is not
            attacked, and one broken at some epsilon is broken at every larger one, its adversarial carried along: see
            `search_smallest_epsilons`.
        loss: What the attack climbs, one of `helpers.attacks.pgd.LOSSES`: "cross_entropy", as in Foolbox, or "margin".
        restarts: How many times to attack again from other random starts, each image below the smallest epsilon that
            broke it so far. Protocol "nested" only.
        seed: The random starts derive from it, for each image, epsilon and restart alone.
        first: Number of the first image, on which the random starts depend: a set that is attacked in parts, each with
            its own, comes out as if attacked at once.
        batch_size: Images attacked at once, if the model is not compiled yet; no result depends on it beyond float
            rounding.
        probabilities: Attack a model that ends in a softmax as if that returned logits, a mistake to learn from.

    Returns:
        A `Sweep`. Every adversarial was checked outside the attack: inside its ball, inside [0, 1], and
        classified anew.

    Raises:
        StudyError: images, labels or epsilons are not what they should be; the model returns probabilities.
    """
    one_of("protocol", protocol, PROTOCOLS)
    compiled = CompiledModel.of(model, batch_size=batch_size, loss=loss)
    model = compiled.model
    check_inputs(model, images, labels, epsilons)
    if restarts and protocol == "paper":
        raise StudyError(f"restarts: expected 0 under protocol 'paper', got {restarts}. Choose protocol: nested.")
    epsilons = [epsilon for epsilon in epsilons if epsilon > 0]
    outputs = predict_logits(compiled, images)
    if are_probabilities(outputs) and not probabilities:
        raise StudyError(
            f"{model.name}: expected logits, got probabilities, on which cross-entropy hides gradients from an attack. "
            "Attack the model without its softmax."
        )
    clean = outputs.argmax(axis=1)
    settings = Settings(epsilons=epsilons, steps=steps, rel_stepsize=rel_stepsize, seed=seed, first=first)
    with progress(description=f"attacking {model.name}", total=(1 + restarts) * len(epsilons) * len(images)) as bar:
        if protocol == "paper":
            predictions, found, minimal = _attack_all(compiled, images, labels, clean, settings, bar.update)
            unconfirmed = 0
        else:
            predictions, found, minimal, unconfirmed = _attack_nested(
                compiled, images, labels, clean, settings, bar.update, restarts=restarts
            )
    name = (
        f"linf_pgd_{steps}" + (f"_{loss}" if loss != "cross_entropy" else "") + f"_restarts{restarts}" * bool(restarts)
    )
    rows = [
        _rows(labels, prediction, epsilon=epsilon, attack=name, seed=seed)
        for epsilon, prediction in zip((0.0, *epsilons), (clean, *predictions), strict=True)
    ]
    return Sweep(pd.concat(rows, ignore_index=True), found, minimal, steps, rel_stepsize, unconfirmed)


def _attack_all(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    done: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attack every image at every epsilon anew; return the first three of `_attack_nested`."""
    predictions, found, minimal = [], images.copy(), np.where(clean == labels, np.inf, 0.0)
    for epsilon, perturbed in zip(
        settings.epsilons, attack_anew(compiled, images, labels, settings, done), strict=True
    ):
        predictions.append(predict(compiled, perturbed))
        broken = (predictions[-1] != labels) & np.isinf(minimal)
        found[broken], minimal[broken] = perturbed[broken], epsilon
    return np.array(predictions), found, minimal


def attack_anew(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    settings: Settings,
    done: Callable[[int], None] = lambda _: None,
) -> Iterator[np.ndarray]:
    """Attack every image with Foolbox's own loop; yield the last iterates by epsilon, shaped as the images.

    `done` is told how many (image, epsilon) pairs were attacked.
    """
    for place, epsilon in enumerate(settings.epsilons):
        perturbed = []
        for rows, count in _padded(compiled, np.arange(len(images))):
            starts = settings.starts(images.shape[1:], rows, place)
            attack = CompiledLinfPGD(compiled, starts=starts, steps=settings.steps, rel_stepsize=settings.rel_stepsize)
            criterion = foolbox.criteria.Misclassification(tf.constant(labels[rows]))
            last = attack.run(compiled.for_foolbox, tf.constant(images[rows]), criterion, epsilon=epsilon)
            perturbed.append(last.numpy()[:count])
            done(count)
        perturbed = np.concatenate(perturbed)
        check_perturbation(images, perturbed, epsilon=epsilon)
        yield perturbed


def _attack_nested(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    settings: Settings,
    done: Callable[[int], None],
    *,
    restarts: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return predictions (epsilons, images), each image's adversarial, its minimal epsilon, unconfirmed; see `Sweep`.

    `clean` are the predictions of the unperturbed images. `done` is told how many (image, epsilon) pairs were decided.
    """
    epsilons = np.asarray(settings.epsilons)
    found, level = images.copy(), np.where(clean == labels, len(epsilons), 0)
    for restart in range(1 + restarts):
        done(int((level == 0).sum()) * len(epsilons))
        for end in search_smallest_epsilons(compiled, images, labels, level.copy(), settings, restart=restart):
            if end.adversarial is not None:
                found[end.image], level[end.image] = end.adversarial, end.level
            done(len(epsilons))
    carried = predict(compiled, found)
    held = carried == labels  # never broken, or by an adversarial that does not fool the model a second time
    unconfirmed = int((held & (level < len(epsilons))).sum())
    found[held], level[held] = images[held], len(epsilons)
    minimal = np.where(clean == labels, np.append(epsilons, np.inf)[level], 0.0)
    for epsilon in epsilons:
        check_perturbation(images[minimal == epsilon], found[minimal == epsilon], epsilon=epsilon)
    return np.where(epsilons[:, None] < minimal, labels, carried), found, minimal, unconfirmed


def predict_logits(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the logits, float32 (n, classes)."""
    batches = [compiled.logits(tf.constant(padded)).numpy()[:count] for padded, count in _padded(compiled, images)]
    return np.concatenate(batches or [np.zeros((0, compiled.model.output_shape[-1]), np.float32)])


def predict(compiled: CompiledModel, images: np.ndarray) -> np.ndarray:
    """Return the predicted class indices, int64 (n,)."""
    return predict_logits(compiled, images).argmax(axis=1)


def are_probabilities(outputs: np.ndarray) -> bool:
    """Return whether a model's outputs (n, classes) are probabilities."""
    return bool(np.all(outputs >= 0) and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def check_perturbation(images: np.ndarray, perturbed: np.ndarray, *, epsilon: float) -> None:
    """Raise an ArithmeticError unless every perturbed pixel is in [0, 1] and within epsilon of its original."""
    distance = np.abs(perturbed - images).max(initial=0.0)
    if not distance <= epsilon + ROUNDING or not (perturbed.min(initial=0) >= 0 and perturbed.max(initial=1) <= 1):
        raise ArithmeticError(
            f"expected adversarials within {epsilon:g} of their images and in [0, 1]; got a distance of {distance:g}, "
            f"pixels in [{perturbed.min():g}, {perturbed.max():g}]"
        )


def _padded(compiled: CompiledModel, values: np.ndarray):
    """Yield batches, the last filled up with its last value to `smallest_batch`, and their true counts."""
    for start in range(0, len(values), compiled.batch_size):
        batch = values[start : start + compiled.batch_size]
        filling = np.repeat(batch[-1:], compiled.smallest_batch(len(batch)) - len(batch), axis=0)
        yield np.concatenate([batch, filling]), len(batch)


def _rows(labels: np.ndarray, prediction: np.ndarray, *, epsilon: float, attack: str, seed: int) -> pd.DataFrame:
    columns = {"image": np.arange(len(labels)), "label": labels, "attack": attack, "epsilon": epsilon, "seed": seed}
    return pd.DataFrame({**columns, "prediction": prediction, "correct": prediction == labels})


def check_inputs(model: keras.Model, images: np.ndarray, labels: np.ndarray, epsilons: Sequence[float]) -> None:
    """Raise a StudyError unless images, labels and epsilons are what an attack on this model can take."""
    if images.dtype != np.float32 or images.shape[1:] != tuple(model.input_shape[1:]):
        raise StudyError(
            f"images: expected float32 of shape (n, {', '.join(map(str, model.input_shape[1:]))}), "
            f"got {images.dtype} of shape {images.shape}."
        )
    if not len(images) or not (images.min() >= 0 and images.max() <= 1):  # NaN is refused here, too
        found = f"got pixels from {images.min():g} to {images.max():g}" if len(images) else "got none"
        raise StudyError(f"images: expected at least one, with pixels in [0, 1]; {found}. Divide pixels 0..255 by 255.")
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise StudyError(
            f"labels: expected int64 of shape ({len(images)},), got {labels.dtype} of shape {labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= model.output_shape[-1]:
        raise StudyError(f"labels: expected 0..{model.output_shape[-1] - 1}, got {labels.min()}..{labels.max()}.")
    increasing = np.all(np.diff(epsilons) > 0)
    if not len(epsilons) or not (epsilons[0] >= 0 and 0 < epsilons[-1] <= 1 and increasing):
        raise StudyError(
            f"epsilons: expected L∞ radii on pixels in [0, 1], strictly increasing; got {list(map(float, epsilons))}."
        )
