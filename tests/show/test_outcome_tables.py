import numpy as np
import pandas as pd
import pytest

from helpers.artifacts.reports import ChecksReport
from helpers.show.accuracy_figures import compare_models
from helpers.show.outcome_tables import tabulate_accuracies, tabulate_checks, tabulate_pairs

EPSILONS = (0.1, 0.2)


def test_accuracies_have_a_row_an_epsilon_and_a_column_a_model(smoke, leave_attack):
    numbers = compare_models([leave_attack(config) for config in smoke[:2]], epsilons=[0.12, 0.32])[1]
    table = tabulate_accuracies(numbers, ["plain", "soft"])
    assert list(table) == [("attacked", "plain"), ("attacked", "soft")]
    assert list(table.index) == [(0.0, "0"), (0.12, "30.6"), (0.32, "81.6")]
    assert [text.split()[0] for text in table["attacked", "soft"]] == ["0.90", "0.70", "0.30"]


def test_whole_grey_levels_have_columns_of_their_own_where_a_model_has_them():
    curve = pd.DataFrame({"epsilon": [0.0, 0.1], "accuracy": 0.5, "low": 0.25, "high": 0.75})
    numbers = pd.concat([curve.assign(accuracy_8_bit=0.625), curve.assign(accuracy_8_bit=np.nan)])
    table = tabulate_accuracies(numbers, ["one", "other"])
    assert set(table["attacked", "one"]) == {"0.50 (0.25 to 0.75)"}
    assert set(table["attacked in whole grey levels", "one"]) == {"0.62"}
    assert ("attacked in whole grey levels", "other") not in table  # it has none


def test_each_model_is_compared_with_the_first_one(robustness):
    """The last model's radii are twice as large: images at .05 to .45 come to .1 to .9, and the first stays wrong."""
    one = robustness()
    table = tabulate_pairs({"one": one, "same": one, "twice": one.assign(radius=2 * one.radius)}, EPSILONS)
    assert table["model (against: one)"].tolist() == ["same", "twice"]
    assert table["both right"].tolist() == [9, 9]
    assert table["ratio of medians"].tolist() == ["1.00 (1.00 to 1.00)", "2.00 (2.00 to 2.00)"]
    assert table["area between curves"][0] == "0.00 (0.00 to 0.00)"


def test_the_smallest_p_is_adjusted_for_all_tests_of_the_table(robustness):
    """Nine images hold at .45 under the second model alone, four at 5: the smallest p is 2 / 2^9, times four tests."""
    one = robustness()
    table = tabulate_pairs({"one": one, "same": one, "far": one.assign(radius=20 * one.radius)}, (0.45, 5))
    assert table["smallest p"].tolist() == pytest.approx([1, 4 * 2 / 2**9])


def test_a_single_model_is_compared_with_none(robustness):
    assert tabulate_pairs({"one": robustness()}, EPSILONS).empty


def test_checks_have_a_row_a_check_and_a_column_a_model(smoke, leave_attack):
    folders = {"one": leave_attack(smoke[0]), "other": leave_attack(smoke[1])}
    made = {"name": "found", "value": 0.5, "passed": False, "threshold": "at least 0.8", "meaning": "a share"}
    ChecksReport("doubtful", [made | {"low": 0.25, "high": 0.75}]).save(folders["one"].checks)
    ChecksReport("trusted", [made | {"value": 1, "passed": True, "low": None, "high": None}]).save(
        folders["other"].checks
    )
    table = tabulate_checks(folders)
    assert list(table) == ["name", "one", "other", "threshold", "meaning"]
    assert table[["one", "other"]].to_numpy().tolist() == [["0.50 (0.25 to 0.75), failed", "1"]]
