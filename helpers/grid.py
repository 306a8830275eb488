"""Grids in profiles: every combination of tasks, backbones, attentions, trainings and seeds, in a few lines."""

import itertools
from collections.abc import Mapping
from typing import Any

from helpers.errors import StudyError, check_choice

# What a grid lists, and the key of a model that takes each value; what stands first changes slowest
AXES = {"seeds": "seed", "tasks": "task", "backbones": "backbone", "trainings": "training", "attentions": "attention"}


def expand_grids(entry: str, grids: Any) -> list[dict[str, Any]]:
    """Return the models of a profile's `grid`, each as the `models` of a profile name it.

    Args:
        entry: Where the grids are, for errors.
        grids: One grid, or a list of grids. A grid maps `AXES` to a value or a list; its `exclude` may hold models, or
            parts of them such as {training: adversarial, attention: soft}, that are left out.

    Raises:
        StudyError: it is no such mapping, an axis is empty, or an exclusion leaves nothing out.
    """
    several = isinstance(grids, list)
    models = []
    for number, grid in enumerate(grids if several else [grids], start=1):
        models += _expand(f"{entry}, number {number}" if several else entry, grid)
    return models


def _expand(entry: str, grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, dict) or not grid:
        raise StudyError(f"{entry}: expected lists, such as seeds: [0, 1, 2], got {grid!r:.80}.")
    for name in grid:
        check_choice(entry, name, [*AXES, "exclude"])
    values = {key: _listed(grid[axis]) for axis, key in AXES.items() if axis in grid}
    for axis, key in AXES.items():
        if axis in grid and not values[key]:
            raise StudyError(f"{entry}: {axis}: expected at least one, got none.")
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
            check_choice(entry, key, AXES.values())
    return exclusions


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(model: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return all(model.get(key) in _listed(value) for key, value in part.items())
