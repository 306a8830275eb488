"""Attack a set of images, by one of two protocols, and return a table of the outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.attacks.attacked import Attacked
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.paper_protocol import PGD, attack_anew
from helpers.attacks.pgd import REL_STEPSIZE
from helpers.attacks.predict import predict, predict_logits
from helpers.attacks.radii import RadiusSearch
from helpers.attacks.validity import check_inputs, check_logits, check_numbers, check_perturbation
from helpers.backend import keras
from helpers.errors import StudyError, check_choice
from helpers.progress import progress

PROTOCOLS = {"minimal": "margin", "paper": "cross_entropy"}  # and what each increases if no loss is named


def attack(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    protocol: str = "minimal",
    epsilons: Sequence[float] | None = None,
    steps: int = 20,
    rel_stepsize: float = REL_STEPSIZE,
    loss: str | None = None,
    seed: int = 0,
    first: int = 0,
    batch_size: int = 32,
    enough: float = 0.0,
    thorough: bool = False,
    probabilities: bool = False,
) -> Attacked:
    """Attack images within L∞ balls.

    Args:
        model: Pixels in [0, 1] to logits. For several attacks on one model, pass a `CompiledModel`: it is traced once.
        images: float32 (n, height, width, 3), in [0, 1].
        labels: int64 (n,), class indices.
        protocol: "minimal" searches each image's radius, the smallest distance of an adversarial, by a minimum-norm
            attack, the hardest images' by further ones, and attacks again just below it; robust accuracy at every
            epsilon follows. An image that is misclassified clean is not attacked. Which images are the hardest
            depends on all of them. "paper" is Foolbox's PGD at each epsilon, on every image anew, and counts the
            prediction at the last iterate.
        epsilons: Protocol "paper": L∞ radii on pixels in [0, 1], increasing. 0 may be among them; the table always
            contains it, as clean.
        steps: Gradient steps of an attack at one epsilon, or of one search for a radius.
        rel_stepsize: Protocol "paper": length of a step as a share of epsilon.
        loss: What the attack increases, one of `helpers.attacks.losses.LOSSES`; None: "cross_entropy" under protocol
            "paper", as in Foolbox; "margin" under protocol "minimal", which works with no other.
        seed: Each image's random starts derive from it, together with the image's number.
        first: Number of the first image. A set that is attacked in parts, each with its own `first`, gives the same
            results as the whole set attacked at once; under protocol "minimal" nearly so, as other images may be among
            the hardest.
        batch_size: Largest number of images per batch, for a model that is not compiled yet. It changes results by no
            more than float rounding.
        enough: Protocol "minimal": an image whose radius is found to be as small is not searched any longer. For a
            caller that asks only whether the images hold at this L∞ distance.
        thorough: Protocol "minimal": all images are searched from several other starts, not only those that seem hard.
        probabilities: Attack a model that ends in a softmax as if its outputs were logits: a mistake, shown as such in
            a notebook.

    Returns:
        What was found. Every adversarial was checked outside the attack: it is inside its ball and inside [0, 1], and
        was classified again.

    Raises:
        StudyError: images, labels, epsilons or another argument is not valid, or the model returns probabilities, or
            no numbers.
    """
    loss = loss or PROTOCOLS[check_choice("protocol", protocol, PROTOCOLS)]
    if protocol == "minimal" and loss != "margin":
        raise StudyError(f"loss: expected margin under protocol minimal, got {loss}. Choose protocol: paper.")
    if protocol == "paper" and epsilons is None:
        raise StudyError("epsilons: expected L∞ radii on pixels in [0, 1] for protocol paper, got none.")
    check_numbers(protocol, steps=steps, first=first, batch_size=batch_size, rel_stepsize=rel_stepsize, seed=seed)
    compiled = CompiledModel.from_model(model, batch_size=batch_size, loss=loss)
    grid = check_inputs(compiled.model, images, labels, [1.0] if epsilons is None else epsilons)
    outputs = predict_logits(compiled, images)
    check_logits(compiled.model, outputs, accept_probabilities=probabilities)
    clean = outputs.argmax(axis=1)
    settings = {"protocol": protocol, "steps": steps, "rel_stepsize": rel_stepsize, "loss": loss, "seed": seed}
    if protocol == "minimal":
        search = RadiusSearch(
            compiled,
            images,
            labels,
            clean == labels,
            steps=steps,
            seed=seed,
            first=first,
            enough=enough,
            thorough=thorough,
        )
        return _find_radii(search, settings)
    pgd = PGD(steps=steps, rel_stepsize=rel_stepsize, seed=seed, first=first)
    above_zero = [epsilon for epsilon in grid if epsilon > 0]
    return _attack_at(compiled, images, labels, clean, epsilons=above_zero, pgd=pgd, settings=settings)


def _find_radii(search: RadiusSearch, settings: Mapping[str, Any]) -> Attacked:
    """Run protocol "minimal"."""
    compiled, images = search.compiled, search.images
    search.run()
    check_perturbation(images, search.adversarials, epsilon=np.where(np.isinf(search.radii), 0, search.radii))
    table = _table(search.labels, attack=f"minimum_norm_{search.steps}", seed=search.seed).assign(
        radius=search.radii.astype(float),
        failed_at=search.failed_at.astype(float),
        calls=search.calls,
        prediction=predict(compiled, search.adversarials),
    )
    unconfirmed = int((search.is_unconfirmed & np.isinf(search.radii)).sum())
    return Attacked(table, search.adversarials, search.radii.astype(float), settings, unconfirmed)


def _attack_at(
    compiled: CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray,
    *,
    epsilons: Sequence[float],
    pgd: PGD,
    settings: Mapping[str, Any],
) -> Attacked:
    """Run protocol "paper" at epsilons above 0; `clean` are the predictions of the unperturbed images."""
    name = f"linf_pgd_{pgd.steps}" + ("" if compiled.loss == "cross_entropy" else f"_{compiled.loss}")
    rows = _table(labels, attack=name, seed=pgd.seed)
    tables = [rows.assign(epsilon=0.0, prediction=clean)]
    adversarials, radii = images.copy(), np.where(clean == labels, np.inf, 0.0)
    with progress(description=f"attacking {compiled.model.name}", total=len(epsilons) * len(images)) as bar:
        attacked = attack_anew(compiled, images, labels, epsilons=epsilons, pgd=pgd, on_progress=bar.update)
        for epsilon, perturbed in zip(epsilons, attacked, strict=True):
            prediction = predict(compiled, perturbed)
            is_newly_broken = (prediction != labels) & np.isinf(radii)
            adversarials[is_newly_broken] = perturbed[is_newly_broken]
            radii[is_newly_broken] = epsilon
            tables.append(rows.assign(epsilon=epsilon, prediction=prediction))
    table = pd.concat(tables, ignore_index=True)
    return Attacked(table.assign(correct=table.prediction == table.label), adversarials, radii, settings)


def _table(labels: np.ndarray, *, attack: str, seed: int) -> pd.DataFrame:
    """Return the columns that tables of both protocols share."""
    return pd.DataFrame({"image": np.arange(len(labels)), "label": labels, "attack": attack, "seed": seed})
