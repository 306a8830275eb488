"""Grids in profiles: every combination of tasks, backbones, attentions, trainings, seeds and other parameters."""

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from helpers.config import Config, check_values
from helpers.errors import StudyError, check_choice
from helpers.parameters import AttackParameters, ImageParameters, TrainingParameters
from helpers.trainings import TRAININGS, VARIANT

# What a grid lists, and the key of a model that takes each value; what stands first changes slowest
AXES = {"seeds": "seed", "tasks": "task", "backbones": "backbone", "trainings": "training", "attentions": "attention"}
# Models of a task and a backbone are compared image by image: these parameters are the same for all of them.
SHARED_BY_COMPARED = ("image_size", "attack_images", "protocol", "epsilons", "pretraining")
SHARED_PARAMETERS = {*ImageParameters.model_fields, *SHARED_BY_COMPARED} - {"task"}
VARIED = [  # other parameters that a grid may list
    name
    for name in (*TrainingParameters.model_fields, *AttackParameters.model_fields)
    if name not in {*AXES.values(), *SHARED_PARAMETERS}
]


def expand_grids(
    entry: str, grids: Any, trainings: Mapping[str, Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the models of a profile's `grid` as `models` would name them, and the trainings as `trainings` would.

    With other parameters than `AXES`, each combination of their values is a training: `learning_rate: [0.001, 0.01]`
    makes the trainings standard-learning_rate_0.001 and standard-learning_rate_0.01.

    Args:
        entry: Where the grids are, for errors.
        grids: One grid, or a list of grids. A grid maps `AXES` and `VARIED` to a value or a list; its `exclude` may
            hold models, or parts of them such as {training: adversarial, epochs: 20}, that are left out.
        trainings: What the profile says of trainings, {name: {parameter: value}}.

    Raises:
        StudyError: it is no such mapping, an axis is empty, an exclusion leaves nothing out, or a value makes no name.
    """
    several = isinstance(grids, list)
    models: list[dict[str, Any]] = []
    variants: dict[str, dict[str, Any]] = {}
    for number, grid in enumerate(grids if several else [grids], start=1):
        place = f"{entry}, number {number}" if several else entry
        for model in _expand(place, grid):
            if varied := {key: model.pop(key) for key in VARIED if key in model}:
                base = check_choice(
                    f"{place}: trainings", model.get("training", "standard"), dict.fromkeys((*TRAININGS, *trainings))
                )
                model["training"] = name = "-".join([base, *(_variant(place, *each) for each in varied.items())])
                overrides = {**trainings.get(base, {}), **varied}
                if {**variants, **trainings}.get(name, overrides) != overrides:
                    raise StudyError(
                        f"{place}: expected new trainings, {name} has other values elsewhere in the profile."
                    )
                variants[name] = overrides
            models.append(model)
    return models, variants


def _variant(place: str, key: str, value: Any) -> str:
    """Return the part of a training's name for a parameter, such as epochs_10."""
    text = value if isinstance(value, str) else str(value).lower()  # true, none
    if isinstance(value, float):
        text = f"{Decimal(text):f}"  # 0.00001, not 1e-05
    if not VARIANT.fullmatch(text):
        raise StudyError(
            f"{place}: {key}: expected a number, or a word of lower-case letters, digits, _ and ., got {value!r:.80}. "
            "For other values, name the trainings under `trainings`, and list these names."
        )
    return f"{key}_{text}"


def _expand(entry: str, grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, dict) or not grid:
        raise StudyError(f"{entry}: expected lists, such as seeds: [0, 1, 2], got {grid!r:.80}.")
    for name in grid:
        if name in SHARED_PARAMETERS:
            raise StudyError(
                f"{entry}: {name}: expected a parameter of single models; models that are compared share this one. "
                "Write a profile for each value."
            )
        check_choice(entry, name, [*AXES, *VARIED, "exclude"])
    keys = AXES | {name: name for name in VARIED}
    values = {key: _values(f"{entry}: {name}", key, grid[name]) for name, key in keys.items() if name in grid}
    models = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    for excluded in _exclusions(f"{entry}: exclude", grid.get("exclude", [])):
        kept = [model for model in models if not _matches(model, excluded)]
        if len(kept) == len(models):
            raise StudyError(
                f"{entry}: exclude: expected a part of the grid, got {excluded!r:.80}, which is not in it."
            )
        models = kept
    return models


def _exclusions(entry: str, excluded: Any) -> list[Mapping[str, Any]]:
    exclusions = excluded if isinstance(excluded, list) else [excluded]
    for each in exclusions:
        if not isinstance(each, dict) or not each:
            raise StudyError(f"{entry}: expected models such as {{task: skin_lesion, seed: 1}}, got {each!r:.80}.")
        for key in each:
            check_choice(entry, key, [*AXES.values(), *VARIED])
    return exclusions


def _values(entry: str, key: str, value: Any) -> list[Any]:
    """Return what a grid lists of a parameter, as its type has it: of learning_rate, 0.001 for the text "1e-3"."""
    if not (listed := value if isinstance(value, list) else [value]):
        raise StudyError(f"{entry}: expected at least one, got none.")
    if key not in VARIED:
        return listed
    try:
        return [check_values(**{key: each})[key] for each in listed]
    except StudyError as error:
        raise StudyError(f"{entry.removesuffix(key)}{error}") from error


def _matches(model: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    named = {key: Config.model_fields[key].default for key in AXES.values()} | dict(model)
    return all(named.get(key) in _values("exclude", key, value) for key, value in part.items())
