"""Attacks of other kinds than the sweep's, from Foolbox and IBM's ART: what they break was never robust.

A single attack can be fooled by a model that only looks robust. These see the model through another loss, other step
sizes, no gradient, or the decision alone (Croce, Hein: "Reliable Evaluation of Adversarial Robustness with an Ensemble
of Diverse Parameter-free Attacks", 2020, arXiv 2003.01690).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import foolbox
import numpy as np
import pandas as pd

from helpers.attacks.pgd import CompiledModel, cross_entropy, margin, random_starts
from helpers.attacks.sweep import check_inputs, check_perturbation, predict, sweep
from helpers.backend import keras, tf
from helpers.config import StudyError, one_of
from helpers.progress import progress


@dataclass(frozen=True)
class Budget:
    """How much an attack may spend on an image.

    Attributes:
        steps: Gradient steps, in all: an attack with restarts shares them out.
        restarts: How many random starts.
        queries: Forward passes of an attack that sees no gradient.
        seed: Everything random derives from it.
        batch_size: Images at once.
    """

    steps: int = 100
    restarts: int = 5
    queries: int = 1000
    seed: int = 0
    batch_size: int = 32


def attack_survivors(
    model: keras.Model | CompiledModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilon: float,
    attacks: Sequence[str] | None = None,
    budget: Budget = Budget(),
) -> pd.DataFrame:
    """Attack each image in turn with every attack, and say which broke it.

    Args:
        model: Pixels in [0, 1] to logits.
        images, labels: As for `sweep`: the images that the sweep left standing at `epsilon`, say.
        epsilon: L∞ radius on pixels in [0, 1].
        attacks: Names from `ATTACKS`; None: all that fit the number of classes.
        budget: For each image and attack.

    Returns:
        One row an image and attack: image (index), attack, epsilon, prediction, broken. An image is broken by an
        attack whose outcome lies inside the ball and inside [0, 1], and is misclassified when it is classified anew.
    """
    compiled = CompiledModel.of(model, batch_size=budget.batch_size, loss="cross_entropy")
    check_inputs(compiled.model, images, labels, [epsilon])
    classes = compiled.model.output_shape[-1]
    fitting = [name for name, attack in ATTACKS.items() if classes >= attack.classes]
    for name in attacks or ():
        one_of("attacks", name, ATTACKS)
        if name not in fitting:
            raise StudyError(f"attacks: {name} needs {ATTACKS[name].classes} classes, the model has {classes}.")
    tables = []
    for name in progress(attacks or fitting, description=f"strong attacks on {compiled.model.name}"):
        keras.utils.set_random_seed(budget.seed)
        perturbed = ATTACKS[name].run(compiled, images, labels, epsilon, budget)
        check_perturbation(images, perturbed, epsilon=epsilon)
        prediction = predict(compiled, perturbed)
        columns = {"image": np.arange(len(images)), "attack": name, "epsilon": epsilon, "prediction": prediction}
        tables.append(pd.DataFrame(columns | {"broken": prediction != labels}))
    return pd.concat(tables, ignore_index=True)


def _noise(compiled, images, labels, epsilon, budget):
    noise = random_starts(images.shape[1:], images=np.arange(len(images)), epsilon=epsilon, seed=budget.seed)
    return np.clip(images + np.float32(epsilon) * noise, 0, 1)


def _margin_pgd(compiled, images, labels, epsilon, budget):
    steps = max(1, budget.steps // budget.restarts)
    settings = {"steps": steps, "rel_stepsize": 2.5 / steps, "loss": "margin", "restarts": budget.restarts - 1}
    settings |= {"seed": budget.seed}
    return sweep(compiled, images, labels, epsilons=[epsilon], **settings).adversarials


def _auto_pgd(loss):
    def attack(compiled, images, labels, epsilon, budget):
        steps = max(1, budget.steps // budget.restarts)
        settings = {"max_iter": steps, "nb_random_init": budget.restarts, "batch_size": budget.batch_size}
        settings |= {"eps": epsilon, "eps_step": 2 * epsilon, "verbose": False}
        evasion, wrapped = _in_art(compiled, loss)
        return evasion.AutoProjectedGradientDescent(wrapped, **settings).generate(images, labels)

    return attack


def _square(compiled, images, labels, epsilon, budget):
    settings = {"eps": epsilon, "max_iter": budget.queries, "batch_size": budget.batch_size, "verbose": False}
    evasion, wrapped = _in_art(compiled, margin)
    return evasion.SquareAttack(wrapped, **settings).generate(images, labels)


def _hop_skip_jump(compiled, images, labels, epsilon, budget):
    """Start from noise that the model gets wrong, and walk towards the image; too far away counts as no adversarial."""
    steps = max(1, budget.queries // 150)  # of about a hundred queries and more
    attack = foolbox.attacks.HopSkipJumpAttack(steps=steps, initial_gradient_eval_steps=50, constraint="linf")
    perturbed = images.copy()
    for row in range(len(images)):
        one, label = tf.constant(images[row : row + 1]), tf.constant(labels[row : row + 1])
        try:
            found = attack.run(compiled.for_foolbox, one, foolbox.criteria.Misclassification(label)).numpy()[0]
        except ValueError:  # no noise fools the model: nothing to start from
            continue
        if np.abs(found - images[row]).max() <= epsilon:
            perturbed[row] = found
    return perturbed


def _in_art(compiled: CompiledModel, loss: Callable):
    """Return ART's attacks, and a model as they want it, with a loss of ours."""
    with warnings.catch_warnings(action="ignore"):  # about the frameworks that are not there
        from art.attacks import evasion
        from art.estimators.classification import TensorFlowV2Classifier

    known = {}

    class Classifier(TensorFlowV2Classifier):
        def predict(self, x, batch_size=128, training_mode=False, **kwargs):
            """Ask the model about each picture once: ART's Square asks three times."""
            keys = [hash(pixels.tobytes()) for pixels in x]
            new = [row for row, key in enumerate(keys) if key not in known]
            if new:
                logits = compiled.logits(tf.constant(x[new], tf.float32)).numpy()
                known.update(zip([keys[row] for row in new], logits, strict=True))
            return np.stack([known[key] for key in keys])

    class Loss:
        """ART sets `reduction` before it asks for the losses of single images."""

        reduction = "sum"

        def __call__(self, one_hot, logits):
            each = loss(tf.argmax(one_hot, axis=1), logits)
            return each if self.reduction == "none" else tf.reduce_sum(each)

    return evasion, Classifier(
        model=lambda pixels, training: compiled.logits(tf.cast(pixels, tf.float32)),
        nb_classes=compiled.model.output_shape[-1],
        input_shape=tuple(compiled.model.input_shape[1:]),
        loss_object=Loss(),
        clip_values=(0.0, 1.0),
    )


def logits_ratio(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the difference-of-logits ratio of Croce and Hein, (batch,): a margin that no scale of the logits changes.

    Needs three classes.
    """
    descending = tf.sort(logits, axis=-1, direction="DESCENDING")
    return margin(labels, logits) / (descending[:, 0] - descending[:, 2] + 1e-12)


@dataclass(frozen=True)
class Attack:
    """An attack, and how many classes it needs."""

    run: Callable[[CompiledModel, np.ndarray, np.ndarray, float, Budget], np.ndarray]
    classes: int = 2


ATTACKS = {
    "noise": Attack(_noise),  # the control: uniform, of the same radius
    "margin_pgd": Attack(_margin_pgd),
    "auto_pgd": Attack(_auto_pgd(cross_entropy)),
    "auto_pgd_dlr": Attack(_auto_pgd(logits_ratio), classes=3),
    "square": Attack(_square),
    "hop_skip_jump": Attack(_hop_skip_jump),
}
