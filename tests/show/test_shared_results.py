"""The tables in results/ hold what their summaries say, and lack nothing that notebooks read."""

import numpy as np
import pandas as pd
import pytest

from helpers import StudyError
from helpers.artifacts.results import StudyResults
from helpers.paths import ROOT
from helpers.show.accuracy_figures import Outcome
from helpers.show.model_tables import measures_of_results
from helpers.show.summaries import draw_accuracies, models_of, save_summaries

PROFILES = ("quick", "reference", "real")


@pytest.fixture(scope="module", params=PROFILES)
def results(request):
    return StudyResults.load(ROOT / "results" / request.param)


def test_the_summaries_are_those_of_the_tables(results, tmp_path):
    written = save_summaries(results, tmp_path / results.about["profile"])
    assert len(written) == 2
    for path in written:
        assert path.read_bytes() == (ROOT / "results" / path.name).read_bytes(), f"{path.name}: run make answer"


def test_curves_are_drawn_of_every_task_and_backbone(results, tmp_path):
    drawn = draw_accuracies(results, tmp_path)
    cells = results.models[["task", "backbone"]].drop_duplicates()
    names = {
        f"accuracy_against_epsilon-{task}-{backbone}-seed0.png" for task, backbone in cells.itertuples(index=False)
    }
    assert {path.name for path in drawn} == names
    committed = ROOT / "figures" / results.about["profile"]
    assert results.about["profile"] == "real" or {path.name for path in committed.glob("accuracy_*")} == names


def test_accuracies_of_the_summary_are_shares_of_radii_above_epsilon(results):
    summary = pd.read_csv(ROOT / "results" / f"{results.about['profile']}.csv")
    assert set(summary.source) == set(results.models.source)
    assert len(summary) == len(results.models) * (len(results.about["epsilons"]) + 1)
    summary["arm"] = summary.attention.mask(summary.training == "adversarial", "adversarial")
    for row in summary.itertuples():
        wanted = {"task": row.task, "backbone": row.backbone, "arm": row.arm, "seed": row.seed}
        radii = results.radii[np.logical_and.reduce([results.radii[name] == value for name, value in wanted.items()])]
        assert row.images == len(radii)
        assert row.accuracy == pytest.approx((radii.radius > row.epsilon).mean(), abs=1e-6)
        assert row.accuracy_8_bit == pytest.approx((radii.levels / 255 > row.epsilon).mean(), abs=1e-6)


def test_means_of_the_summary_are_those_of_the_rows(results):
    names = {"none": "without attention", "soft": "with soft attention", "placebo": "with placebo attention"}
    names |= {"soft_released": "with soft attention as released"}
    keys = ["task", "backbone", "model", "condition", "epsilon", "target", "measure"]
    path = ROOT / "results" / f"{results.about['profile']}_explanations.csv"
    summary = pd.read_csv(path, dtype={"target": str}).fillna({"target": ""})  # not the bool true
    rows = results.explanations.assign(model=results.explanations.arm.map(names))
    by_hand = rows.groupby(keys).value.agg(["mean", "count"]).reset_index()
    both = summary.merge(by_hand, on=keys, suffixes=("", "_by_hand"), validate="1:1")
    assert len(both) == len(summary) > 500
    np.testing.assert_allclose(both["mean"], both.mean_by_hand, atol=1e-5)
    assert (both.images == both["count"]).all()


def test_a_model_that_the_results_lack_is_named(results):
    other = models_of(results)[0].replace(seed=7)
    for read in (lambda: Outcome.of_results(results, other), lambda: measures_of_results(results, [other])):
        with pytest.raises(StudyError, match="skin_lesion.*7.*found none"):
            read()
