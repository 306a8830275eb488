import pandas as pd

from helpers.show import training_plots


def test_confusion_counts_by_true_class(axis):
    predictions = pd.DataFrame({"label": list("aab"), "prediction": list("aba")})
    training_plots.confusion(axis, predictions, ["a", "b"])
    assert [text.get_text() for text in axis.texts] == ["1", "1", "1", "·"]


def test_confusion_names_classes_in_words(axis):
    training_plots.confusion(axis, pd.DataFrame({"label": ["mel"], "prediction": ["nv"]}), ["mel", "nv"])
    for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["melanoma", "melanocytic naevus"]


def test_training_curve_shows_both_splits_by_epoch(axis):
    history = pd.DataFrame({"epoch": [1, 2], "accuracy": [0.1, 0.2], "val_accuracy": [0.1, 0.3]})
    training_plots.training_curve(axis, history)
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0.1, 0.2], [0.1, 0.3]]
