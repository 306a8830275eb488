import numpy as np
import pandas as pd
import pytest

from helpers.show.explanation_tables import (
    FEWEST_IMAGES,
    compare_all_maps,
    say_what_shuffling_does,
    tabulate_beside,
    tabulate_differences,
    tabulate_maps_of_models,
    tabulate_outcomes,
)


def measured(**columns):
    """Return a table of measures with a row for each of ten images, each of a group of its own."""
    names = [f"image {number}" for number in range(10)]
    table = pd.DataFrame({"image": names, "group": names, "model": "plain", "measure": "SSIM", "condition": "attack"})
    return table.assign(target="true", epsilon=0.01, outcome="broken", value=0.5).assign(**columns)


def summarised(**columns):
    row = {"model": "plain", "condition": "shuffled weights", "measure": "rank correlation", "target": "true"}
    return pd.DataFrame(
        [row | {"epsilon": 0.01, "images": FEWEST_IMAGES, "mean": 0.5, "low": 0.25, "high": 0.75} | columns]
    )


def test_maps_are_compared_apart_where_the_attack_succeeds_and_where_it_does_not():
    held = measured(outcome="held", value=1.0).head(FEWEST_IMAGES - 1)
    noise, other = measured(condition="noise", value=0.0), measured(target="predicted", value=0.0)
    table = tabulate_outcomes(pd.concat([measured(), held, noise, other]), "true")
    assert table.loc["SSIM"].to_dict() == {("plain", 0.01, "broken"): "0.50 (10)"}  # too few held


def test_all_pairs_of_models_are_compared(smoke, leave_explanation):
    folders = dict(zip(("a", "b", "c"), map(leave_explanation, smoke[:3]), strict=True))
    assert compare_all_maps(folders).models.unique().tolist() == ["a and b", "a and c", "b and c"]
    assert compare_all_maps({"a": folders["a"]}).empty


def test_maps_of_two_models_have_a_row_a_condition_and_a_column_a_measure():
    alike = measured(models="a and b", condition="other model")
    table = tabulate_maps_of_models(pd.concat([alike, alike.assign(measure="overlap", value=0.25)]))
    assert table.loc[("a and b", "other model")].to_dict() == {
        "SSIM": "0.50 (0.50 to 0.50)",
        "overlap": "0.25 (0.25 to 0.25)",
    }


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"low": 0.51, "mean": 0.6, "high": 0.7},
            "correlation 0.60 (0.51 to 0.70) over 8 images, so the map barely changes",
        ),
        ({"low": 0.1, "mean": 0.2, "high": 0.5}, "correlation 0.20 (0.10 to 0.50) over 8 images, so the map changes"),
        (
            {"low": 0.1, "mean": 0.5, "high": 0.51},
            "correlation 0.50 (0.10 to 0.51) over 8 images, so the map may change or not",
        ),
        (
            {"low": 0.4, "mean": 0.6, "high": 0.8},
            "correlation 0.60 (0.40 to 0.80) over 8 images, so the map may change or not",
        ),
    ],
)
def test_shuffled_weights_change_a_map_or_not(row, says):
    (sentence,) = say_what_shuffling_does(summarised(**row), "true")
    assert sentence.startswith("plain, shuffled weights") and says in sentence
    open_questions = [(summarised(**row), "predicted"), (summarised(**row, condition="attack"), "true")]
    for summary, target in [*open_questions, (summarised(**row, images=FEWEST_IMAGES - 1), "true")]:
        (sentence,) = say_what_shuffling_does(summary, target)
        assert sentence.startswith("No model has 8 images")


def test_what_the_paper_says_stands_beside_attack_and_noise():
    said = pd.DataFrame({"section": ["5.1", "5.2"], "says": ["alike", "none"], "measure": ["SSIM", "regions"]})
    means = [summarised(measure="SSIM", condition=c, images=n) for c, n in (("attack", 10), ("noise", 3), ("clean", 9))]
    table = tabulate_beside(said, pd.concat(means), "true")
    assert table["attack, ε = 0.01"].fillna("–").tolist() == ["0.50 (0.25 to 0.75)", "–"]
    assert table["noise, ε = 0.01"][0] == "too few"
    assert table.says.tolist() == ["alike", "none"]


def test_an_image_under_attack_is_compared_with_itself_under_the_control():
    pairs = [f"patient {number // 2}" for number in range(10)]
    attack = measured(value=np.arange(10) + 0.25, group=pairs)  # images differ far more than the attack changes them
    noise = measured(value=np.arange(10.0), condition="noise", group=pairs).head(9)
    table = tabulate_differences(pd.concat([attack, noise, measured(condition="clean")]), ["SSIM"], "true")
    assert table.to_dict() == {0.01: {("SSIM", "plain", "noise"): "0.25 (0.25 to 0.25)"}}
