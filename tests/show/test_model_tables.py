import pandas as pd
import pytest

from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import PREDICTIONS
from helpers.errors import StudyError
from helpers.profile_files import MODEL_KEYS
from helpers.show.model_tables import clean_accuracies, read_measures, summarise_measures


def leave_predictions(config):
    folder = RunFolder.from_config(config)
    table = pd.DataFrame({"image": list("abcd"), "label": list("0011"), "prediction": list("0010")})
    records.make_once(
        folder.predictions,
        stage="training",
        parameters={},
        make=lambda: PREDICTIONS.save(table, folder.predictions),
        config=config,
    )


def test_clean_accuracies_have_a_row_for_each_model_that_is_trained(smoke):
    for config in smoke[1:3]:
        leave_predictions(config)
    table = clean_accuracies("smoke", runs_dir=smoke[0].runs_dir)
    assert list(table)[:5] == list(MODEL_KEYS)
    assert list(zip(table.attention, table.training, strict=True)) == [("soft", "standard"), ("none", "adversarial")]
    assert table.accuracy.tolist() == [0.75, 0.75]  # labels that look like numbers are compared as text
    assert table["majority share"].tolist() == [0.5, 0.5]


def test_measures_of_several_models_come_with_their_names_in_front(smoke, leave_explanation):
    measured = read_measures([leave_explanation(config) for config in smoke[:2]])
    assert list(measured)[:3] == ["task", "backbone", "model"]
    assert set(measured.model) == {"without attention", "with soft attention"}
    assert set(measured.target) == {"true", ""}
    summary = summarise_measures(measured)
    assert len(summary) == 2 * 7 * 2  # models, conditions and epsilons, measures
    assert set(summary.images) == {4}


def test_without_an_explanation_there_are_no_measures(smoke):
    with pytest.raises(StudyError, match=r"explanations.csv: .*Run notebook 06_explain_gradcam"):
        read_measures([RunFolder.from_config(smoke[0])])
