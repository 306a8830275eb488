"""The table of README's answer: ratios of radii, of soft attention and of what else was put into the networks."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.accuracy_measures import cells_with, paired_radii
from helpers.judge.claims import Claim
from helpers.judge.ledger import judge_by_first
from helpers.judge.rows import NotMeasurableError
from helpers.judge.thresholds import NOT_TRUSTED
from helpers.show.answer_figures import QUESTIONS
from helpers.show.names import images_of, span
from helpers.tasks import TASKS


def ratio_table(ledger: pd.DataFrame, runs: Sequence[StudyResults], claim: Claim) -> str:
    """Return in Markdown the ratios of radii: a row for each comparison, network and run, a column for each task.

    A run that only answers a question of our own has a row with its own ratio of soft attention, too: its networks are
    others than those of the run that answers the claim.

    Args:
        ledger: Of all claims.
        runs: The results that it comes from.
        claim: That attention makes models more robust.
    """
    found = ledger[ledger.claim.isin(QUESTIONS) & ledger.value.notna()]
    answering = set(found.profile[found.claim == claim.id])
    profiles = {results.about["profile"]: results for results in runs}
    others = [name for name in dict.fromkeys(found.profile) if name not in answering]
    found = pd.concat([found, *(judge_by_first([profiles[name]], [claim]) for name in others)]).dropna(subset="value")
    found = found.iloc[np.argsort([list(QUESTIONS).index(name) for name in found.claim], kind="stable")]
    tasks = " | ".join(map(images_of, TASKS))
    lines = [
        f"| ratio of radii (95% interval) | network | run, trainings | {tasks} |",
        "|---" * (3 + len(TASKS)) + "|",
    ]
    for (name, profile, backbone), rows in found.groupby(["claim", "profile", "backbone"], sort=False):
        of = f"{BACKBONES[str(backbone)].title} | `{profile}`, {span(rows.seeds)}"
        lines.append(_line(QUESTIONS[str(name)], of, {row.task: ratio(row) for row in rows.itertuples()}))
        if name == claim.id and profile in answering:
            lines.append(_line("the same, median", of, medians(profiles[profile], str(backbone))))
    return "\n".join(lines)


def ratio(row: Any) -> str:
    """Return the ratio of a row of the ledger, a tuple, with its interval; marked if its attack is not trusted."""
    is_trusted = row.verdict != NOT_TRUSTED
    return f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f}{'' if is_trusted else ', attack not trusted'})"


def medians(results: StudyResults, backbone: str) -> dict[str, str]:
    """Return the median over images and trainings, by task: a geometric mean gives much weight to a few of them."""
    arms, found = ("soft", "none"), {}
    for task in (task for task, other in cells_with(results, *arms) if other == backbone):
        with contextlib.suppress(NotMeasurableError):
            median = np.exp(paired_radii(results, task, backbone, *arms).ratio.median())
            found[task] = f"{median:.2f}{mark_untrusted(results, task, backbone, arms)}"
    return found


def mark_untrusted(results: StudyResults, task: str, backbone: str, arms: Sequence[str]) -> str:
    """Return a remark to stand behind a number if the attack on one of its models is not trusted, else nothing."""
    models = results.models
    of = models[(models.task == task) & (models.backbone == backbone) & models.arm.isin(arms)]
    return f" ({NOT_TRUSTED})" * bool((of.verdict != "trusted").any())


def _line(what: str, of: str, cells: Mapping[str, str]) -> str:
    return f"| {what} | {of} | {' | '.join(cells.get(task, '–') for task in TASKS)} |"
