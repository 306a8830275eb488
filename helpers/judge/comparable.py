"""Whether the models of a run can be compared: attacked on the same images, in the same way."""

from collections.abc import Sequence

import pandas as pd

from helpers.artifacts.results import MODEL, TABLES, StudyResults
from helpers.artifacts.tables import REPEAT_FACTOR, steps_of
from helpers.errors import StudyError

# Versions of the attack that find the same radii, unless an adversarial is rejected or the attack is repeated: 5 added
# searches towards each of several wrong classes, 6 changed repeated attacks only.
SAME = (5, 6)
SAME_WITH_TWO_CLASSES = (4, *SAME)
MAY_DIFFER = 0.05  # share of images, or one of them, that rounding may put on the other side of a boundary


def check_comparable(results: StudyResults) -> None:
    """Raise a StudyError unless all models of a task and backbone were attacked on the same images, in the same way."""
    _check_models(results)
    for task, models in results.models.groupby("task"):
        is_same = models.attack_version.isin(SAME)
        is_same |= (models.classes == 2) & models.attack_version.isin(SAME_WITH_TWO_CLASSES)
        models = models.assign(attack_version=models.attack_version.mask(is_same, max(SAME)))
        _check_same(models, ("source", "classes", "data_seed", "protocol", "attack_version"), of=str(task))
        _check_images("clean", results.clean, models, of=str(task))
    for (task, backbone), models in results.models.groupby(["task", "backbone"]):  # no claim compares backbones
        _check_same(models, ("image_size",), of=f"{task}, {backbone}")
        _check_images("radii", results.radii, models, of=f"{task}, {backbone}")
    for backbone, radii in results.radii.groupby("backbone"):  # claims compare its tasks
        _check_steps(radii, of=str(backbone))
    _check_same_models(results)
    for (task, backbone), rows in results.explanations.groupby(["task", "backbone"]):
        explained = rows.drop_duplicates([*MODEL, "image"])
        _check_images("explanations", explained, explained.drop_duplicates(list(MODEL)), of=f"{task}, {backbone}")


def _check_models(results: StudyResults) -> None:
    """Raise a StudyError if a table has rows of a model that the table of models lacks."""
    known = set(results.models[list(MODEL)].itertuples(index=False, name=None))
    for name in TABLES:
        found = getattr(results, name)[list(MODEL)].drop_duplicates().itertuples(index=False, name=None)
        if unknown := sorted(set(found) - known):
            model = "-".join(map(str, unknown[0]))
            raise StudyError(f"{name}: expected rows of models that models.csv has, got {model}. Collect it again.")


def _check_same(models: pd.DataFrame, names: Sequence[str], *, of: str) -> None:
    """Raise a StudyError unless these models have the same values of some columns."""
    for name in names:
        found = sorted(map(str, models[name].unique()))
        if len(found) > 1:
            raise StudyError(f"models of {of}: expected the same {name}, got {', '.join(found)}. Attack all alike.")


def _check_images(table: str, rows: pd.DataFrame, models: pd.DataFrame, *, of: str) -> None:
    """Raise a StudyError unless a table has rows of each of these models, and of the same images."""
    names = list(MODEL)
    repeated = rows[rows.duplicated([*names, "image"])]
    if len(repeated):
        raise StudyError(
            f"{table} of {repeated.task.iloc[0]}: expected one row for each model and image, got several of "
            f"{repeated.image.iloc[0]}. Collect the results again."
        )
    truth = [rows[name] for name in ("image", "group", "label") if name in rows]
    with_truth = pd.Series(list(zip(*truth, strict=True)), index=rows.index)
    images = with_truth.groupby([rows[name] for name in names]).agg(set)
    keys = list(models[names].itertuples(index=False, name=None))
    if missing := [key for key in keys if key not in images.index]:
        raise StudyError(f"{table} of {of}: expected rows of {missing[0]}, found none. Attack it first.")
    first = images[keys[0]]
    for key in keys:
        if images[key] != first:
            raise StudyError(
                f"{table} of {of}: expected the same images, groups and labels for all models; {_named(key)} has "
                f"{len(images[key] - first)} that {_named(keys[0])} has not, and lacks {len(first - images[key])}. "
                "Use the same data_seed, split and attack_images."
            )


def _check_steps(radii: pd.DataFrame, *, of: str) -> None:
    """Raise a StudyError unless each attack took as many steps as the shortest, or was repeated in more."""
    steps = radii.groupby(["task", "arm", "seed"])[["attack"]].apply(steps_of)
    if not (steps / steps.min()).isin([1, REPEAT_FACTOR]).all():
        found = ", ".join(map(str, sorted(steps.unique())))
        raise StudyError(f"radii of {of}: expected attacks of the same steps, got {found}. Attack all alike.")


def _check_same_models(results: StudyResults) -> None:
    """Raise a StudyError if an attack found other images right without perturbation than the test of the model did."""
    both = results.radii.merge(results.clean, on=[*MODEL, "image"])
    differ = ((both.radius > 0) != (both.right > 0)).groupby([both[name] for name in MODEL]).agg(["sum", "mean"])
    differ = differ["mean"][differ["sum"] > 1]
    if (differ > MAY_DIFFER).any():
        raise StudyError(
            f"radii of {_named(('', *differ.idxmax()))}: expected those of the model in clean.csv, got another's: "
            f"of {differ.max():.0%} of the images, only one of the two says that they are right. Attack it again."
        )


def _named(key: tuple) -> str:
    return "-".join(map(str, key[1:]))
