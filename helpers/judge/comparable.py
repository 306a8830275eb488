"""Whether the models of a run can be compared: attacked on the same images, in the same way."""

from helpers.artifacts.results import StudyResults
from helpers.errors import StudyError


def check_comparable(results: StudyResults) -> None:
    """Raise a StudyError unless all models of a task were attacked on the same images, in the same way."""
    for task, models in results.models.groupby("task"):
        for name in ("source", "classes", "data_seed", "protocol", "attack_version"):
            found = sorted(map(str, models[name].unique()))
            if len(found) > 1:
                raise StudyError(
                    f"models of {task}: expected the same {name}, got {', '.join(found)}. Attack all alike."
                )
        for table in ("radii", "clean"):
            rows = getattr(results, table)
            names = ["backbone", "arm", "seed"]
            sets = {key: set(part.image) for key, part in rows[rows.task == task].groupby(names)}
            if missing := set(models[names].itertuples(index=False, name=None)) - sets.keys():
                raise StudyError(
                    f"{table} of {task}: expected rows of {sorted(missing)[0]}, found none. Attack it first."
                )
            first_key, first = next(iter(sets.items()))
            for key, images in sets.items():
                if images != first:
                    raise StudyError(
                        f"{table} of {task}: expected the same images for all models; {'-'.join(map(str, key))} has "
                        f"{len(images - first)} that {'-'.join(map(str, first_key))} has not, and lacks "
                        f"{len(first - images)}. Use the same data_seed, split and attack_images."
                    )
