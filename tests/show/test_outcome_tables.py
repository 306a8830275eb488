import numpy as np
import pandas as pd
import pytest

from helpers.artifacts.folders import RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import ROBUSTNESS
from helpers.show.accuracy_figures import compare_models
from helpers.show.outcome_tables import (
    say_what_survives,
    say_where_accuracies_end,
    tabulate_accuracies,
    tabulate_beside_paper,
    tabulate_checks,
    tabulate_pairs,
)

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


def curves(*accuracies, epsilons=(0.0, 0.01, 0.04), training="standard", attention="none"):
    """Return the numbers of a model of skin lesions."""
    named = {"task": "skin_lesion", "backbone": "resnet50", "attention": attention, "training": training}
    return pd.DataFrame({**named, "epsilon": epsilons, "accuracy": accuracies, "low": 0.1, "high": 0.9})


def test_it_says_where_each_curve_ends():
    numbers = pd.concat([curves(0.9, 0.5, 0.25), curves(0.8, 0, 0), curves(0, 0, 0)])
    assert list(say_where_accuracies_end(numbers, ["one", "two", "three"])) == [
        "one: 0.900 clean, 0.500 at epsilon = 0.01, still 0.250 at epsilon = 0.04",
        "two: 0.800 clean, 0.000 at epsilon = 0.01, 0 from epsilon = 0.01 on",
        "three: 0.000 clean, 0.000 at epsilon = 0.01, 0 from epsilon = 0.01 on",
    ]


def test_an_accuracy_that_rises_again_does_not_end_at_0_and_grids_may_differ():
    numbers = pd.concat([curves(0.9, 0, 0.25), curves(0.9, 0, epsilons=(0.0, 0.02))])
    assert list(say_where_accuracies_end(numbers, ["one", "other"])) == [
        "one: 0.900 clean, 0.000 at epsilon = 0.01, still 0.250 at epsilon = 0.04",
        "other: 0.900 clean, 0.000 at epsilon = 0.02, 0 from epsilon = 0.02 on",
    ]


def test_the_papers_numbers_stand_beside_those_of_the_same_epsilon_and_attention():
    """Of two sentences on clean skin lesions, one has a partner; the adversarially trained model is nobody's."""
    numbers = pd.concat([curves(0.75, 0.5, 0.25), curves(0.99, 0.99, 0.99, training="adversarial")])
    about = {"task": "skin_lesion", "backbone": "resnet50", "epsilon": 0.0}
    said = [about | {"attention": "none", "accuracy": 0.905, "says": "clean accuracy .905"}]
    said += [about | {"attention": "soft", "accuracy": 0.88, "says": "clean accuracy .88"}]
    said += [about | {"task": "retinopathy", "attention": "none", "accuracy": 0.7, "says": "of another task"}]
    table = tabulate_beside_paper(pd.DataFrame(said), numbers)
    assert table["the paper says"].tolist() == ["clean accuracy .905", "clean accuracy .88"]
    assert table["accuracy here"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)
    assert table.low.tolist() == pytest.approx([0.1, np.nan], nan_ok=True)


def leave_table(tmp_path, table):
    """Return a run folder with a table of robustness."""
    folder = RunFolder(tmp_path)
    ROBUSTNESS.save(table, folder.robustness)
    return folder


def test_it_counts_what_survives_a_file(robustness, tmp_path):
    """Of ten images one is wrong from the start, and one holds: eight adversarials; rounding leaves 4, JPEG none.

    One of the eight has no adversarial in whole levels. The others need 1, 1, 2, 2, 3, 4 and 5.
    """
    table = robustness()
    table.loc[9, "radius"] = np.inf
    table["levels"] = [0.0, 1, 1, 2, 2, 3, 4, 5, np.inf, np.inf]
    table["fools_rounded"], table["fools_jpeg"] = table.index < 5, False
    assert list(say_what_survives(leave_table(tmp_path, table))) == [
        "Of 8 adversarials, 4 still fool the model after rounding.",
        "Of 8 adversarials, 0 still fool the model after JPEG of quality 95.",
        "An image needs 1 to 5 whole grey levels, 2 in the median; for 1, none was found.",
    ]


def test_where_nothing_was_broken_no_levels_are_named(robustness, tmp_path):
    table = robustness().assign(radius=np.inf, levels=np.inf, fools_rounded=False, fools_jpeg=False)
    said = list(say_what_survives(leave_table(tmp_path, table)))
    assert [sentence[:4] for sentence in said] == ["Of 0"] * 2


def test_protocol_paper_searches_no_levels(paper_robustness, tmp_path):
    (said,) = say_what_survives(leave_table(tmp_path, paper_robustness()))
    assert said == "Protocol paper does not search whole grey levels."
