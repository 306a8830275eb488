"""How a model may be trained: the kinds of training, and the names of their variants."""

import re

from helpers.errors import choice_problem

TRAININGS = ("standard", "adversarial")  # a training's name is one of these kinds, or one with variants behind it
LONGEST = 120  # characters of such a name: with the rest of a file's name, file systems take 255
VARIANT = re.compile(r"[a-z0-9_.]+")  # a part of such a name, such as "epochs_10"; it becomes part of a folder's name


def split_training(training: str) -> tuple[str, list[str]]:
    """Return the kind of a training and its variants: "adversarial" and ["long"] of "adversarial-long"."""
    kind, *variants = training.split("-")
    return kind, variants


def training_suffix(training: str) -> str:
    """Return how the name of a model's folder says how the model was trained: "" for "standard"."""
    kind, variants = split_training(training)
    return "".join(f"-{part}" for part in ([] if kind == "standard" else [kind]) + variants)


def check_training(training: str) -> str:
    """Return a training's name.

    Raises:
        ValueError: it is none.
    """
    kind, variants = split_training(training)
    if problem := choice_problem(kind, TRAININGS):
        raise ValueError(f"in {training!r}, {problem}" if variants else problem)
    if repeated := [variant for variant in variants if variant in TRAININGS]:
        raise ValueError(f"in {training!r}, expected a kind at the beginning only, got {repeated[0]!r} behind it")
    if wrong := [variant for variant in variants if not VARIANT.fullmatch(variant)]:
        raise ValueError(
            f"in {training!r}, expected lower-case letters, digits, _ and . between hyphens, got {wrong[0]!r}"
        )
    if len(training) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} characters, got {training!r:.200}. Choose a shorter name.")
    return training
