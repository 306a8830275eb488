"""Attack a set of images at growing epsilon, and return one row per image and epsilon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.pgd import REL_STEPSIZE, Settings
from helpers.attacks.predict import predict_logits
from helpers.attacks.sweep_protocols import run_nested_protocol, run_paper_protocol
from helpers.attacks.validity import check_inputs, check_logits
from helpers.backend import keras
from helpers.errors import StudyError, check_choice
from helpers.progress import progress

PROTOCOLS = ("paper", "nested")


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep.

    Attributes:
        table: One row per image and epsilon, epsilon 0 (clean) first: image (index), label, attack, epsilon,
            seed, prediction (class indices), correct.
        adversarials: float32 (n, height, width, 3): for each image the adversarial at its minimal epsilon; the
            unperturbed image if none was found or none was needed.
        minimal_epsilon: float64 (n,): the smallest epsilon of the grid that broke the image; 0 if it was
            misclassified clean, infinite if no epsilon broke it.
        steps, rel_stepsize: Of the attack.
        unconfirmed: Number of images that the attack broke, but that were classified right when classified again. They
            count as not broken, which may be wrong.
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
        model: Pixels in [0, 1] to logits. For several attacks on one model, pass a `CompiledModel`: it is traced once.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        epsilons: L∞ radii on pixels in [0, 1], increasing. 0 may be among them; every table contains it, as clean.
        steps: Gradient steps per attack.
        rel_stepsize: Step length as a share of epsilon.
        protocol: "paper" attacks every image separately at every epsilon, including images that are misclassified
            clean, and counts the prediction at the last iterate. "nested" uses that the balls are nested: an image that
            is misclassified clean is not attacked, and an image that is broken at some epsilon counts as broken at
            every larger one, with the same adversarial: see `search_smallest_epsilons`.
        loss: What the attack increases, one of `helpers.attacks.losses.LOSSES`: "cross_entropy", as in Foolbox, or
            "margin".
        restarts: How many times to attack again from other random starts, each image below the smallest epsilon that
            broke it so far. Protocol "nested" only.
        seed: Each image's random start derives from it, together with the image's number, the epsilon and the restart.
        first: Number of the first image. A set that is attacked in parts, each with its own `first`, gives the same
            results as the whole set attacked at once.
        batch_size: Largest number of images per batch, for a model that is not compiled yet. It changes results by no
            more than float rounding.
        probabilities: Attack a model that ends in a softmax as if its outputs were logits: a mistake, shown as such in
            a notebook.

    Returns:
        A `Sweep`. Every adversarial was checked outside the attack: it is inside its ball and inside [0, 1], and was
        classified again.

    Raises:
        StudyError: images, labels, epsilons or another argument is not valid, or the model returns probabilities.
    """
    check_choice("protocol", protocol, PROTOCOLS)
    if restarts and protocol == "paper":
        raise StudyError(f"restarts: expected 0 under protocol 'paper', got {restarts}. Choose protocol: nested.")
    compiled = CompiledModel.from_model(model, batch_size=batch_size, loss=loss)
    check_inputs(compiled.model, images, labels, epsilons)
    outputs = predict_logits(compiled, images)
    if not probabilities:
        check_logits(compiled.model, outputs)
    clean = outputs.argmax(axis=1)
    radii = [epsilon for epsilon in epsilons if epsilon > 0]
    settings = Settings(epsilons=radii, steps=steps, rel_stepsize=rel_stepsize, seed=seed, first=first)
    total = (1 + restarts) * len(radii) * len(images)
    with progress(description=f"attacking {compiled.model.name}", total=total) as bar:
        if protocol == "paper":
            outcome = run_paper_protocol(compiled, images, labels, clean, settings, bar.update)
        else:
            outcome = run_nested_protocol(compiled, images, labels, clean, settings, bar.update, restarts=restarts)
    attack = _attack_name(steps, loss, restarts)
    tables = [
        _epsilon_table(labels, prediction, epsilon=epsilon, attack=attack, seed=seed)
        for epsilon, prediction in zip([0.0, *radii], [clean, *outcome.predictions], strict=True)
    ]
    return Sweep(
        table=pd.concat(tables, ignore_index=True),
        adversarials=outcome.adversarials,
        minimal_epsilon=outcome.minimal_epsilon,
        steps=steps,
        rel_stepsize=rel_stepsize,
        unconfirmed=outcome.unconfirmed,
    )


def _attack_name(steps: int, loss: str, restarts: int) -> str:
    name = f"linf_pgd_{steps}"
    if loss != "cross_entropy":
        name += f"_{loss}"
    if restarts:
        name += f"_restarts{restarts}"
    return name


def _epsilon_table(
    labels: np.ndarray, prediction: np.ndarray, *, epsilon: float, attack: str, seed: int
) -> pd.DataFrame:
    """Return the rows of one epsilon."""
    return pd.DataFrame(
        {
            "image": np.arange(len(labels)),
            "label": labels,
            "attack": attack,
            "epsilon": epsilon,
            "seed": seed,
            "prediction": prediction,
            "correct": prediction == labels,
        }
    )
