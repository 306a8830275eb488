"""README's table of runs: its numbers worked out by hand, or taken from what another script wrote."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_results import planted_results
from scipy.stats import binomtest

from helpers.artifacts.results import TABLES, StudyResults
from helpers.judge.claims import read_claims
from helpers.judge.ledger import judge
from helpers.paths import ROOT
from helpers.profiles import read_models
from helpers.show.answer_ratios import medians
from helpers.show.answer_runs import COLUMNS, run_table

(CLAIM,) = (claim for claim in read_claims() if claim.primary)


def row_of(results):
    """Return the row of a run, by column."""
    _, _, line, *_ = run_table([results], CLAIM).splitlines()
    return dict(zip(COLUMNS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))


@pytest.mark.parametrize("profile", ["reference", "quick", "real"])
def test_the_widest_interval_is_that_of_the_committed_curves(profile):
    curves = pd.read_csv(ROOT / "results" / f"{profile}.csv")
    row = row_of(StudyResults.load(ROOT / "results" / profile))
    attacked = curves[curves.epsilon > 0]
    width = float(row["robust accuracy: width of the widest 95% interval"])
    assert width == pytest.approx((attacked.high - attacked.low).max(), abs=0.0051)


def test_the_width_of_a_clean_accuracy_is_that_of_the_model_of_which_it_is_widest():
    """Where each image is a group of its own, intervals are Wilson's: here of 20 and of 36 of 40 images."""
    results = planted_results(effect=1, images=40, seeds=1, rng=np.random.default_rng(0))
    clean, number = results.clean, results.clean.groupby("arm").cumcount()
    names = clean.image + " unattacked"
    clean = clean.assign(image=names, group=names, right=(number < np.where(clean.arm == "soft", 20, 36)).astype(int))
    low, high = binomtest(20, 40).proportion_ci(method="wilson")
    width = float(row_of(replace(results, clean=clean))["clean accuracy: width of the widest 95% interval"])
    assert width == pytest.approx(high - low, abs=0.0101)


def test_calls_are_means_over_images_that_are_right_and_spans_over_models():
    results = planted_results(
        effect=1, images=40, seeds=2, rng=np.random.default_rng(0), tasks=("skin_lesion", "retinopathy")
    )
    is_two = results.models.task == "retinopathy"
    models = results.models.assign(classes=results.models.classes.mask(is_two, 2))
    radii = results.radii
    calls = np.where(radii.radius == 0, 900, np.where(radii.task == "skin_lesion", 100 + 7 * radii.seed, 50))
    row = row_of(replace(results, models=models, radii=radii.assign(calls=calls)))
    assert row["mean gradient calls an image: two classes"] == "50"
    assert row["more classes"] == "100 to 107"
    assert (row["models"], row["trainings of each"], row["test images"]) == ("8", "2", "40")
    only_seven = replace(results, models=results.models, radii=radii)
    assert row_of(only_seven)["mean gradient calls an image: two classes"] == "–"


def test_a_run_that_goes_on_says_how_many_models_its_profile_has():
    results = StudyResults.load(ROOT / "results" / "quick").trainings([0])
    is_left = {name: getattr(results, name)[lambda rows: rows.task != "retinopathy"] for name in TABLES}
    fewer = replace(results, **is_left)
    total, others = len(read_models("quick")), len(fewer.models)
    assert (row_of(results)["models"], row_of(fewer)["models"]) == (f"{total}", f"{others} of {total}")
    assert 0 < others < total


def test_a_task_without_an_image_that_both_models_classify_right_has_no_median():
    two = planted_results(
        effect=1, images=40, seeds=1, rng=np.random.default_rng(0), tasks=("skin_lesion", "retinopathy")
    )
    is_lost = (two.radii.task == "retinopathy") & (two.radii.arm == "soft")
    nothing = replace(two, radii=two.radii.assign(radius=two.radii.radius.mask(is_lost, 0.0)))
    assert list(medians(two, "resnet50")) == ["skin_lesion", "retinopathy"]
    assert list(medians(nothing, "resnet50")) == ["skin_lesion"]


def test_what_single_trainings_say_stands_below_the_table_and_what_several_say_does_not():
    quick, reference = (StudyResults.load(ROOT / "results" / name) for name in ("quick", "reference"))
    said = run_table([reference, quick], CLAIM).split("\n\n", 1)[1]
    rows = judge(quick, [CLAIM]).dropna(subset="value")
    assert len(rows) > 0
    for row in rows.itertuples():
        radii = quick.radii[(quick.radii.task == row.task) & (quick.radii.backbone == row.backbone)]
        radii = radii.pivot_table(index="image", columns="arm", values="radius")
        median = np.log(radii.soft / radii.none)[(radii.soft > 0) & (radii.none > 0)].median()
        numbers = f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f}), the median {np.exp(median):.2f}, on "
        assert numbers in said
    assert said.startswith("In `quick` alone")
    assert "\n\n" not in said
