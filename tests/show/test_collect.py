"""What results take from a run: maps that vanish under attack count as nothing left; predictions need groups."""

import numpy as np
import pandas as pd
import pytest

from helpers import StudyError, files
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import PREDICTIONS
from helpers.show.collect import _clean, with_vanished_maps


def test_only_a_map_that_was_there_before_can_vanish():
    rows = [
        ("seen", "clean", "all zero", 0.0),
        ("blank", "clean", "all zero", 1.0),
        ("seen", "attack", "rank correlation", np.nan),
        ("blank", "attack", "rank correlation", np.nan),
        ("seen", "shuffled weights", "rank correlation", np.nan),
        ("seen", "attack", "size of a splotch", np.nan),
        ("seen", "noise", "rank correlation", 0.9),
    ]
    found = with_vanished_maps(pd.DataFrame(rows, columns=["image", "condition", "measure", "value"]))
    assert found.index.tolist() == [0, 1, 2, 6]
    assert found.value.tolist() == [0.0, 1.0, 0.0, 0.9]


def test_predictions_that_do_not_say_the_groups_are_refused(smoke):
    folder = RunFolder.from_config(smoke[0])
    files.make_folder(folder.path)
    table = pd.DataFrame({"image": ["a", "b"], "label": ["0", "1"], "prediction": ["0", "0"]})
    PREDICTIONS.save(table, folder.predictions)
    with pytest.raises(StudyError, match=r"predictions.csv: expected a column group. Delete it, and run the training"):
        _clean(smoke[0], folder)
    PREDICTIONS.save(table.assign(group=["p", "q"]), folder.predictions)
    found = _clean(smoke[0], folder)
    assert found.to_dict("list") == {"image": ["a", "b"], "group": ["p", "q"], "label": ["0", "1"], "right": [1, 0]}
