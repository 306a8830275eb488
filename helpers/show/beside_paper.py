"""The paper's figures and numbers, each beside ours, as tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.accuracy_measures import cells_with
from helpers.judge.claims import Claim
from helpers.judge.gains import largest_gains, robust_accuracies
from helpers.show.answer_ratios import ratio
from helpers.show.ledger_tables import what_is_measured
from helpers.show.names import cell_name
from helpers.tasks import TASKS

PAPER_FIGURES = (  # numbers in the paper, what they show, and the beginning of our file's name
    (
        "1",
        "examples of perturbations (ours: at each image's radius; at a fixed ε: beside 12 and 13)",
        "perturbation_examples-*",
    ),
    ("2, 3, 4", "accuracy against ε, ResNet-50", "accuracy_against_epsilon-*-resnet50"),
    ("5, 6, 7", "accuracy against ε, InceptionResNetV2", "accuracy_against_epsilon-*-inception*"),
    ("8", "shapes in perturbations", "perturbation_shapes-*"),
    ("9, 10", "activation maps of chest x-rays, with attention and without", "grad_cam-pneumothorax-*"),
    ("11", "dark splotches in perturbations of retinas", "perturbation_shapes-retinopathy-*"),
    ("12", "perturbations and maps of all tasks, ResNet-50", "grad_cam-*-resnet50"),
    ("13", "perturbations and maps of all tasks, InceptionResNetV2", "grad_cam-*-inception*"),
)

RESULTS_OF_PAPER = ("4.1", "4.2")  # sections


def figures_beside(root: Path, folders: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Return a table of the paper's figures, with links to ours.

    Args:
        root: Where the links start.
        folders: {folder of figures, below the root: task and backbone of the models that it may show}. Of two figures
            with the same name, the one in the first folder is taken; what is not there is said to be of another.
    """
    first, *_ = folders
    about = {folder: set(map("-".join, cells)) for folder, cells in folders.items()}
    lines = ["| figure of the paper | what it shows | ours |", "|---|---|---|"]
    for number, shows, pattern in PAPER_FIGURES:
        found = {
            path.name: path
            for folder in reversed(list(folders))
            for path in (root / folder).glob(f"{pattern}-seed0.*")
            if path.stem.split("-", 1)[1].removesuffix("-seed0") in about[folder]
        }
        links = [
            f"[{_named(path)}]({path.relative_to(root)})" + f" ({path.parent.name})" * (path.parent != root / first)
            for path in sorted(found.values(), key=_place)
        ]
        lines.append(f"| {number} | {shows} | {', '.join(links) or '– (no such models yet)'} |")
    return "\n".join(lines)


def _place(path: Path) -> tuple[int, int]:
    """Return where a figure stands: by its network, then by its task."""
    _, task, backbone, _ = path.stem.split("-")
    return list(BACKBONES).index(backbone), list(TASKS).index(task)


def _named(path: Path) -> str:
    """Return what a figure is about: its task and its network."""
    _, task, backbone, _ = path.stem.split("-")
    return cell_name(task, backbone)


def robustness_beside(ledger: pd.DataFrame, claims: Iterable[Claim], main: str) -> str:
    """Return a table of what the paper reports of each task and network under attack, beside our ratio of radii.

    Where a sentence is about another number, ours stands before the verdict.

    Args:
        ledger: Of the runs.
        claims: Of which it is. Of the sections with the paper's results, those that compare robustness are shown, and
            those on one kind of model for which `numbers_beside` has no number.
        main: The claim that attention makes models more robust.
    """
    claims = list(claims)
    measures = {claim.id: claim.measure for claim in claims}
    reported = {
        claim.id: claim.says + f" ({claim.reading})" * bool(claim.reading)
        for claim in claims
        if claim.section in RESULTS_OF_PAPER and (claim.compares_robustness or (claim.is_level and not claim.gives))
    }
    lines = ["| task, network | the paper says, and whether it is so here | ours: ratio of radii |", "|---|---|---|"]
    for cell in ledger[ledger.claim == main].itertuples():
        rows = ledger[(ledger.task == cell.task) & (ledger.backbone == cell.backbone)]
        found = rows[rows.claim.isin(reported)].itertuples()
        said = "<br>".join(
            f"{reported[row.claim]}: "
            + f"{_value(row)}, " * (pd.notna(row.value) and measures[row.claim] != measures[main])
            + f"*{row.verdict}*"
            for row in found
        )
        ours = ratio(cell) if pd.notna(cell.value) else "–"
        lines.append(f"| {cell_name(cell.task, cell.backbone)} | {said} | {ours} |")
    return "\n".join(lines)


def numbers_beside(runs: Sequence[StudyResults], ledger: pd.DataFrame, claims: Iterable[Claim]) -> str:
    """Return a table of the claims for which the paper gives a number, with ours and its 95% interval.

    Args:
        runs: The results that were judged; the largest gains are those of the first.
        ledger: Of these results.
        claims: Those to show, as far as the paper gives a number.
    """
    lines = ["| the paper says | task, network | we measured | ours | verdict |", "|---|---|---|---|---|"]
    headline = _headline(runs[0])
    for claim in claims:
        for row in ledger[ledger.claim == claim.id].itertuples() if claim.gives else ():
            cell = cell_name(row.task, row.backbone) if row.task else "all"
            measured = what_is_measured(claim) if claim.measure else "–"
            ours = _value(row)
            if claim.measure == "difference of clean accuracies" and pd.notna(row.value):
                ours = f"{_clean_accuracies(runs, row, claim)}: {ours}"
            measured, ours = headline.get(claim.id, (measured, ours))
            measured += f" ({claim.reading})" * bool(claim.reading)
            says = row.says if row.gives.strip("<% ") in row.says else f"{row.says}: {row.gives}"
            verdict = row.verdict + " (of these images)" * (claim.is_level and pd.notna(row.value))
            lines.append(f"| {says} ({row.section}) | {cell} | {measured} | {ours} | {verdict} |")
    return "\n".join(lines)


def _headline(results: StudyResults) -> dict[str, tuple[str, str]]:
    """Return what we measured, and found, for the two gains of the paper's abstract."""
    arms = ("soft", "none")
    accuracies = robust_accuracies(results, arms)
    if accuracies.empty:
        return {}
    single = robust_accuracies(results, arms, each_training=True)
    soft, none, single_soft, single_none = (
        largest_gains(table, *order) for table in (accuracies, single) for order in (arms, arms[::-1])
    )
    points = f"soft over none {100 * soft.points:+.0f} points; as a control, none over soft {100 * none.points:+.0f}"
    ratios = f"soft over none {soft.ratio:+.0%}; as a control, none over soft {none.ratio:+.0%}"
    if soft.unbounded + none.unbounded:
        ratios += f"; in {soft.unbounded + none.unbounded} comparisons, only one accuracy is 0, so there is no ratio"
    if len(results.models.seed.unique()) > 1:  # the paper has one training of each model
        points += f" (of single trainings {100 * single_soft.points:+.0f} and {100 * single_none.points:+.0f})"
        unbounded = single_soft.unbounded + single_none.unbounded
        ratios += (
            f" (of single trainings {single_soft.ratio:+.0%} and {single_none.ratio:+.0%}; no ratio in {unbounded})"
        )
    networks = ", ".join(BACKBONES[name].title for name in accuracies.backbone.unique())
    of = f"{networks}, `{results.about['profile']}`"
    shown = set(zip(accuracies.task, accuracies.backbone, strict=True))
    if left_out := [cell_name(*cell) for cell in cells_with(results, *arms) if cell not in shown]:
        of += f", without {'; '.join(left_out)} (attack not trusted)"
    return {
        "up-to-16-percent": (f"largest gain in points: {of}", points),
        "up-to-2700-percent": (f"largest gain as a ratio: {of}", ratios),
    }


def _clean_accuracies(runs: Sequence[StudyResults], row: Any, claim: Claim) -> str:
    """Return the two clean accuracies that a row of the ledger compares, in words."""
    clean = next(run.clean for run in runs if run.about["profile"] == row.profile)
    clean = clean[(clean.task == row.task) & (clean.backbone == row.backbone)]
    of_both = clean[clean.arm == claim.arm].merge(clean[clean.arm == claim.other_arm], on="seed").seed.unique()
    clean = clean[clean.seed.isin(of_both)].groupby("arm").right.mean()
    return ", ".join(f"{arm} {clean[arm]:.3f}" for arm in (claim.arm, claim.other_arm))


def _value(row: Any) -> str:
    """Return a measured value with its interval, in percent if the paper's is; or why nothing was measured."""
    if pd.isna(row.value):
        return f"– ({row.why})"
    if row.low == row.high:  # counted, not estimated
        return f"{row.value:.2%}"
    value, low, high = (f"{x:.1%}" if "%" in row.gives else f"{x:.3f}" for x in (row.value, row.low, row.high))
    return f"{value} ({low} to {high})"
