"""A map that vanishes under attack counts as nothing left, not as no value."""

import numpy as np
import pandas as pd

from helpers.show.collect import with_vanished_maps


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
