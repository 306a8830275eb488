"""One ratio over all tasks and networks is a geometric mean with Student's interval, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.judge.together import together


def of_ratios(values):
    """Return rows of a ledger."""
    return pd.DataFrame({"value": values, "verdict": "cannot tell"})


def test_three_ratios_by_hand():
    """Logarithms -ln 2, 0 and ln 2 have the deviation ln 2; t is 4.3027 with two degrees of freedom."""
    found = together(of_ratios([0.5, np.nan, 1.0, 2.0]))
    half = 4.3027 * np.log(2) / np.sqrt(3)
    assert (found.value, found.count) == (pytest.approx(1), 3)
    assert (found.low, found.high) == (pytest.approx(np.exp(-half), rel=1e-4), pytest.approx(np.exp(half), rel=1e-4))


def test_two_ratios_are_too_few():
    assert together(of_ratios([0.5, np.nan, 1.0])) is None


def test_a_ratio_whose_attack_is_not_trusted_does_not_count():
    rows = of_ratios([0.5, 1.0, 2.0, 100.0])
    rows.loc[3, "verdict"] = "attack not trusted"
    assert together(rows) == together(rows[:3])


def test_the_interval_holds_the_truth_where_combinations_differ():
    """In 2,000 studies of six combinations, whose effects differ around .8, 95% intervals hold .8 in 94 to 96%."""
    rng = np.random.default_rng(0)
    ratios = 0.8 * np.exp(rng.normal(0, 0.2, (2000, 6)) + rng.normal(0, 0.1, (2000, 6)))
    found = [together(of_ratios(row)) for row in ratios]
    assert 0.94 <= np.mean([one.low < 0.8 < one.high for one in found]) <= 0.96
