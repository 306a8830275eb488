"""Parts of one run become one; parts of two runs do not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_results import planted_results

from helpers import StudyError


def part(seed, **changes):
    """Return planted results of one training, as if another machine had made the others."""
    results = planted_results(effect=1, images=6, seeds=1, rng=np.random.default_rng(seed))
    tables = {name: getattr(results, name).assign(seed=seed) for name in ("models", "radii", "clean")}
    about = {"profile": "planted", "epsilons": [0.1], "sources": {"skin_lesion": "phantom"}, "python": f"3.1{seed}"}
    return replace(results, about=about | changes, **tables)


def test_models_that_only_the_other_part_has_are_added_and_the_others_stay():
    joined = part(1).join(part(2)).join(part(1, python="3.13"))
    assert joined.models.seed.tolist() == [1, 1, 2, 2]
    without = replace(part(1), clean=pd.DataFrame(columns=part(1).clean.columns))
    assert without.join(part(2)).clean.dtypes.equals(part(2).clean.dtypes)  # numbers stay whole
    assert joined.radii.groupby("seed").radius.sum().tolist() == [part(s).radii.radius.sum() for s in (1, 2)]
    mine = replace(part(1), radii=part(1).radii.assign(radius=7.0))
    assert (mine.join(part(1)).radii.radius == 7).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("profile", "other"), ("epsilons", [0.2]), ("parameters", {"epochs": 3})],
)
def test_parts_of_different_runs_are_refused_and_the_difference_is_named(name, value):
    with pytest.raises(StudyError, match=f"{name} differs.*Choose another folder"):
        part(1).join(part(2, **{name: value}))


def test_parts_about_different_tasks_are_one_run():
    joined = part(1).join(part(2, sources={"retinopathy": "folder"}))
    assert joined.about["sources"] == {"skin_lesion": "phantom", "retinopathy": "folder"}


def test_tasks_stand_in_the_order_of_the_study_whichever_part_was_made_first():
    def of(task, seed):
        made = part(seed)
        return replace(made, **{name: getattr(made, name).assign(task=task) for name in ("models", "radii", "clean")})

    joined = of("pneumothorax", 2).join(of("skin_lesion", 1)).join(of("pneumothorax", 3))
    expected = [("skin_lesion", 1)] * 2 + [("pneumothorax", 2)] * 2 + [("pneumothorax", 3)] * 2
    assert list(joined.models[["task", "seed"]].itertuples(index=False, name=None)) == expected
    for task, made in ("skin_lesion", part(1)), ("pneumothorax", part(2)):
        rows = joined.radii[(joined.radii.task == task) & joined.radii.seed.isin(made.radii.seed)]
        assert rows.radius.tolist() == made.radii.radius.tolist()


def test_the_first_trainings_are_those_of_the_smallest_seeds():
    tables = {name: part(1).models.iloc[:0] for name in ("explanations", "maps", "detection")}
    joined = part(3).join(part(1)).join(part(2))
    first = replace(joined, **tables).first_trainings(2)
    assert set(first.models.seed) == set(first.radii.seed) == set(first.clean.seed) == {1, 2}
    assert len(first.radii) == 2 * len(part(1).radii)
