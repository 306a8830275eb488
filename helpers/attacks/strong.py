"""Attacks of other kinds than the study's own, from Foolbox and IBM's ART: what they break was never robust.

A model can fool a single attack and only look robust. These attacks use another loss, other step sizes, no gradient, or
only the predicted class (Croce, Hein: "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
Parameter-free Attacks", 2020, arXiv 2003.01690).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.attacks.compiled import CompiledModel
from helpers.attacks.other_attacks import ATTACKS, Budget
from helpers.attacks.predict import predict
from helpers.attacks.validity import check_inputs, check_perturbation
from helpers.backend import keras, tf
from helpers.errors import StudyError, check_choice
from helpers.progress import progress

DEFAULT_BUDGET = Budget()


def attack_survivors(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilon: float,
    attacks: Sequence[str] | None = None,
    budget: Budget = DEFAULT_BUDGET,
) -> pd.DataFrame:
    """Attack each image with every attack, and say which attack broke it.

    Args:
        model: Pixels in [0, 1] to logits.
        images: float32 (n, height, width, 3), in [0, 1]: usually those that nothing broke so far.
        labels: int64 (n,), class indices.
        epsilon: L∞ radius on pixels in [0, 1].
        attacks: Names from `ATTACKS`; None: all that fit the number of classes.
        budget: Per image and attack.

    Returns:
        One row per image and attack: image (index), attack, epsilon, prediction, broken. An attack has broken an image
        if its result is inside the ball and inside [0, 1], and is misclassified when classified again.

    Raises:
        StudyError: images, labels or epsilon is not valid, or an attack is unknown or needs more classes.
        ArithmeticError: an attack left its ball.
    """
    compiled = model
    if not isinstance(model, CompiledModel):
        compiled = CompiledModel(model, batch_size=budget.batch_size)
    check_inputs(compiled.model, images, labels, [epsilon])
    names = _attack_names(attacks, classes=compiled.model.output_shape[-1])
    tables = []
    for name in progress(names, description=f"strong attacks on {compiled.model.name}"):
        np.random.seed(budget.seed)  # noqa: NPY002 (ART draws from this generator, Foolbox from TensorFlow's)
        tf.random.set_seed(budget.seed)
        perturbed = ATTACKS[name].run(compiled, images, labels, epsilon, budget)
        check_perturbation(images, perturbed, epsilon=epsilon)
        prediction = predict(compiled, perturbed)
        table = pd.DataFrame(
            {
                "image": np.arange(len(images)),
                "attack": name,
                "epsilon": epsilon,
                "prediction": prediction,
                "broken": prediction != labels,
            }
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _attack_names(chosen: Sequence[str] | None, *, classes: int) -> list[str]:
    """Return the chosen attacks, or all that fit the number of classes."""
    if not chosen:
        return [name for name, attack in ATTACKS.items() if classes >= attack.smallest_class_count]
    for name in chosen:
        needed = ATTACKS[check_choice("attacks", name, ATTACKS)].smallest_class_count
        if classes < needed:
            raise StudyError(f"attacks: {name} needs {needed} classes, the model has {classes}.")
    return list(chosen)
