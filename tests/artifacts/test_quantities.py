"""The names of quantities: those that are computed, and those in results."""

import pytest

from helpers.artifacts.quantities import DETECTORS, QUANTITIES
from helpers.artifacts.results import StudyResults
from helpers.explain.measure_table import MAP_MEASURES, MAP_PAIR_MEASURES, MEANINGS, PERTURBATION_MEASURES
from helpers.paths import ROOT


def test_each_quantity_that_is_computed_has_a_range():
    assert QUANTITIES.keys() == MEANINGS.keys() == {*PERTURBATION_MEASURES, *MAP_MEASURES, *MAP_PAIR_MEASURES}


@pytest.mark.parametrize("profile", ["reference", "quick", "real"])
def test_values_in_committed_results_have_a_known_name_and_lie_in_its_range(profile):
    results = StudyResults.load(ROOT / "results" / profile)
    for table in (results.explanations, results.maps):
        assert set(table.measure) <= QUANTITIES.keys()
        for name, values in table.groupby("measure").value:
            low, high = QUANTITIES[name]
            assert values.between(low - 1e-6, high + 1e-6).all(), name
    assert set(results.detection.features) == set(DETECTORS)
