"""The results of one run of the study, small enough to be shared: a folder of tables in results/.

They hold a row for each image and model, so everything that the study says of a run can be computed from them, on a
clone that has no run. They hold no image.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers import files
from helpers.artifacts.origin import ORIGIN
from helpers.artifacts.tables import Table
from helpers.backbones import BACKBONES
from helpers.config import Config
from helpers.errors import StudyError
from helpers.tasks import TASKS
from helpers.trainings import training_suffix

ABOUT = "about.json"
MODEL = ("task", "backbone", "arm", "seed")  # columns that say which model a row is about
ARMS = ("none", "soft", "placebo", "soft_released", "adversarial")  # adversarial: no attention, trained adversarially
_TEXT = (*ORIGIN, "task", "backbone", "arm", "image", "group", "label", "attack")  # columns that hold text
_TEXT += ("condition", "target", "outcome", "measure")
TABLES = {  # of StudyResults, and their files
    "models": "models.csv",
    "radii": "radii.csv.gz",
    "clean": "clean.csv.gz",
    "explanations": "explanations.csv.gz",
    "maps": "maps.csv.gz",
    "detection": "detection.csv",
}


def arm_of(config: Config) -> str:
    """Return what tells a model from the others of its task, backbone and seed.

    That is its attention, and what is special about its training; no attention and adversarial: "adversarial".
    """
    if (config.attention, config.training) == ("none", "adversarial"):
        return "adversarial"
    return config.attention + training_suffix(config.training)


def rows_of_model(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the rows of a table of results that are about a model, without the columns `MODEL`.

    Raises:
        StudyError: there are none.
    """
    wanted = dict(zip(MODEL, (config.task, config.backbone, arm_of(config), config.seed), strict=True))
    rows = table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])]
    if rows.empty:
        listed = ", ".join(f"{name} {value}" for name, value in wanted.items())
        raise StudyError(
            f"results: expected rows of the model {listed}, found none. Train and attack it, or take another profile, "
            "such as reference."
        )
    return rows.drop(columns=list(MODEL))


def _is_about(rows: pd.DataFrame, models: pd.DataFrame) -> np.ndarray:
    """Return which rows are about these models only, bool (n,)."""
    keys = pd.MultiIndex.from_frame(models[list(MODEL)])
    columns = [MODEL] if "other_arm" not in rows else [MODEL, tuple("other_arm" if c == "arm" else c for c in MODEL)]
    return np.logical_and.reduce([pd.MultiIndex.from_frame(rows[list(each)]).isin(keys) for each in columns])


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows by task, backbone, seed and arm, in the study's order; those of one model stay in theirs."""
    places = {name: place for place, name in enumerate([*TASKS, *BACKBONES, *ARMS])}
    by = ["task", "backbone", "seed", "arm"]
    return rows.sort_values(
        by, key=lambda values: values.map(lambda value: places.get(value, value)), kind="stable", ignore_index=True
    )


@dataclass(frozen=True)
class StudyResults:
    """The tables of one run.

    Attributes:
        about: Name of the profile, its parameters, source of the images of each task, epsilons, versions.
        models: A row per model: `MODEL`, source of its images, classes, image_size, parameters (number of weights),
            data_seed, protocol, attack_version, verdict (of the attack's checks); made, commit, machine: of the attack.
        radii: A row per attacked image and model: `MODEL`, image, group, label, attack, radius, failed_at, calls,
            levels, fools_rounded, fools_jpeg.
        clean: A row per test image and model: `MODEL`, image, group, label, right.
        explanations: A row per image, model, condition and measure: `MODEL`, image, group, condition, epsilon, target,
            outcome, measure, value.
        maps: How alike the maps of two models are: task, backbone, arm, other_arm, seed, image, group, condition,
            measure, value.
        detection: A row per model, epsilon and detector: `MODEL`, epsilon, features, against, images, auc, low, high.
    """

    about: dict[str, Any]
    models: pd.DataFrame
    radii: pd.DataFrame
    clean: pd.DataFrame
    explanations: pd.DataFrame
    maps: pd.DataFrame
    detection: pd.DataFrame

    def save(self, folder: Path) -> list[Path]:
        """Write all tables to a folder, each whole or not at all; the same tables give the same bytes."""
        for name, file in TABLES.items():
            files.write_table(getattr(self, name), folder / file)
        files.write_json(self.about, folder / ABOUT)
        return [folder / name for name in (*TABLES.values(), ABOUT)]

    @classmethod
    def load(cls, folder: Path) -> "StudyResults":
        """Read them from a folder.

        Raises:
            StudyError: the folder is not there, or a table is missing or unreadable.
        """
        made_by = "make study, or .venv/bin/python -m helpers.show.collect,"
        if not (folder / ABOUT).is_file():
            raise StudyError(
                f"{folder / ABOUT}: expected the results of a run, they are not there. Run {made_by} first."
            )
        table = Table(made_by, text=_TEXT, never_missing=("target", "outcome"))
        tables = {name: table.load(folder / file) for name, file in TABLES.items()}
        return cls(json.loads((folder / ABOUT).read_text()), **tables)

    def join(self, other: "StudyResults") -> "StudyResults":
        """Return these results with the models that only `other` has: two parts of one run, made on two machines.

        They stand in the order in which the study has tasks and backbones, by seed and arm.

        Raises:
            StudyError: they are not of one run; the message says what differs.
        """
        for name in (self.about.keys() | other.about.keys()) - {"python", "sources"}:
            ours, theirs = self.about.get(name), other.about.get(name)
            if ours != theirs:
                raise StudyError(
                    f"results: expected two parts of one run, but {name} differs: {ours!r:.200} and {theirs!r:.200}. "
                    "Choose another folder for one of them."
                )
        tables = {}
        for name in TABLES:
            only_there = ~_is_about(getattr(other, name), self.models)
            parts = [getattr(self, name), getattr(other, name)[only_there]]
            parts = [part for part in parts if len(part)] or parts  # an empty one has no types
            tables[name] = _in_order(pd.concat(parts))
        return StudyResults(self.about | {"sources": other.about["sources"] | self.about["sources"]}, **tables)

    def first_trainings(self, count: int) -> "StudyResults":
        """Return the results of the trainings with the `count` smallest seeds."""
        return self.trainings(sorted(self.models.seed.unique())[:count])

    def trainings(self, seeds: Collection[int]) -> "StudyResults":
        """Return the results of the trainings with some seeds."""
        tables = {name: getattr(self, name) for name in TABLES}
        return StudyResults(self.about, **{name: table[table.seed.isin(seeds)] for name, table in tables.items()})

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Return task and backbone of all models, each pair once."""
        return list(dict.fromkeys(zip(self.models.task, self.models.backbone, strict=True)))
