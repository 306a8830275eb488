"""The figure of the answer: what attention, and what else, does to the radii, for every task and backbone."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.errors import StudyError
from helpers.judge.ledger import RESTS_ON
from helpers.judge.together import together
from helpers.show.answer_sentences import source_of_each
from helpers.show.forest_plots import forest, with_text
from helpers.show.names import cell_name, with_interval
from helpers.tasks import TASKS

QUESTIONS = {  # claim, and what it compares
    "robustness": "soft attention / none",
    "attention-alone": "soft attention / placebo",
    "surgery": "placebo / none",
    "as-released": "attention as released / none",
    "remedy": "adversarial training / none",
}
MAIN_CLAIM = "robustness"
MATTERS = (1 / 1.15, 1.15)
LINE_HEIGHT = 0.27  # inches


def draw_answer(ledger: pd.DataFrame, runs: Sequence[StudyResults]) -> plt.Figure:
    """Draw the ratios of radii of all questions, in every task and backbone that has them.

    Args:
        ledger: From `helpers.judge.ledger`.
        runs: What it was judged from; the title names the images of those from which a ratio is shown.

    Raises:
        StudyError: there is none.
    """
    found = ledger[ledger.claim.isin(QUESTIONS) & ledger.value.notna()]
    if found.empty:
        raise StudyError("results: expected two kinds of models of one task and backbone to compare, found none.")
    questions, backbones, tasks = list(QUESTIONS), list(BACKBONES), list(TASKS)
    places = [(questions.index(r.claim), backbones.index(r.backbone), tasks.index(r.task)) for r in found.itertuples()]
    found = found.iloc[sorted(range(len(found)), key=places.__getitem__)]
    has_several = len(set(found.profile)) > 1
    rows = pd.DataFrame(
        {
            "group": found.claim.map(QUESTIONS),
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "says": with_text(found),
            "label": [
                f"{cell_name(row.task, row.backbone)}: {QUESTIONS[row.claim]}"
                + (f" ({row.profile})" if has_several else "")
                for row in found.itertuples()
            ],
        }
    )
    is_main = (found.claim == MAIN_CLAIM) & (found.rests_on == RESTS_ON["phantom"])
    if all_of_them := together(found[is_main]):
        numbers = {name: getattr(all_of_them, name) for name in ("value", "low", "high")}
        numbers["says"] = f"{with_interval(all_of_them.value, all_of_them.low, all_of_them.high)}  no verdict"
        numbers["label"] = f"the {all_of_them.count} on drawn images together: {QUESTIONS[MAIN_CLAIM]}"
        last = int(np.flatnonzero(is_main)[-1]) + 1
        rows = pd.concat([rows[:last], pd.DataFrame([numbers | {"group": "together"}]), rows[last:]])
    figure, axis = plt.subplots(figsize=(9.5, 1.5 + LINE_HEIGHT * len(rows)))
    forest(axis, rows, matters=MATTERS, xlabel="ratio of geometric mean radii, 95% intervals; above 1: more robust")
    shown = source_of_each([run for run in runs if run.about["profile"] in set(found.profile)])
    axis.set_title(f"{shown}\nin the grey band, differences do not matter", loc="left")
    return figure
