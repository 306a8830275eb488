import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from helpers import wilson
from helpers.judge.statistics import accuracy_by_epsilon, clean_summary, majority_share


@pytest.mark.parametrize(("correct", "total"), [(0, 10), (7, 10), (10, 10), (81, 263), (1, 1)])
def test_wilson_solves_its_equation(correct, total):
    """The interval's ends are the shares p for which the observed share lies 1.96 of p's standard errors away."""
    z = norm.ppf(0.975)
    for p in wilson(correct, total):
        assert abs(correct / total - p) == pytest.approx(z * np.sqrt(p * (1 - p) / total), abs=1e-6)


def test_wilson_gives_newcombes_published_values():
    # Newcombe (1998), table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0000, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_accuracy_by_epsilon_counts_rows():
    table = pd.DataFrame({"epsilon": [0.0] * 4 + [0.1] * 4, "correct": [True] * 4 + [True, False, False, False]})
    result = accuracy_by_epsilon(table)
    assert result.epsilon.tolist() == [0.0, 0.1]
    assert result.images.tolist() == [4, 4]
    assert result.accuracy.tolist() == [1.0, 0.25]
    assert (result.low[1], result.high[1]) == wilson(1, 4)


def test_clean_summary_by_hand():
    predictions = pd.DataFrame({"label": list("aaab"), "prediction": list("aaba")})
    summary = clean_summary(predictions)
    assert (summary["images"], summary["accuracy"]) == (4, 0.5)
    assert summary["balanced accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert summary["majority share"] == majority_share(predictions.label) == 0.75
