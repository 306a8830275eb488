"""Write the answer: the figure, and the part of README.md between two marks, from a folder of results.

python -m helpers.show.answer --results results/quick
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from helpers import files
from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.errors import StudyError
from helpers.judge.claims import read_claims
from helpers.judge.ledger import judge, overall
from helpers.judge.thresholds import NOT_TRUSTED, VERDICTS
from helpers.paths import ROOT, display_path, from_root
from helpers.show.answer_figures import draw_answer
from helpers.show.beside_paper import figures_beside, numbers_beside
from helpers.show.names import IMAGES_OF, SOURCES, join_distinct

README = ROOT / "README.md"
RESULTS = "results/quick"  # what README shows
BEGIN, END = "<!-- {name}: written by helpers/show/answer.py -->", "<!-- end of {name} -->"
MAIN = ("robustness", "no-sacrifice", "resnet50-two-of-three", "inception-not-improved", "mostly-harmless")
OWN = ("attention-alone", "surgery", "as-released", "remedy")


def answer(results: StudyResults) -> str:
    """Return the answer in Markdown: three sentences, and a table of claims with their verdicts."""
    claims = read_claims()
    ledger = judge(results, claims)
    verdicts = overall(ledger, claims).set_index("claim")
    source = join_distinct(SOURCES[name] for name in results.models.source)
    sentences = [_effect(ledger, verdicts, source), _parts(ledger), _counts(verdicts)]
    lines = ["| claim | verdict | tasks and networks | rests on |", "|---|---|---|---|"]
    for name in (*MAIN, *OWN):
        row = verdicts.loc[name]
        rests = join_distinct(ledger[(ledger.claim == name) & (ledger.rests_on != "")].rests_on) or "–"
        lines.append(f"| {row.says} ({row.section}) | **{row.verdict}** | {row.cells} | {rests} |")
    about = f"Profile `{results.about['profile']}`, {source}; {_size(results)}."
    return "\n\n".join([*sentences, "\n".join(lines), about])


def _effect(ledger: pd.DataFrame, verdicts: pd.DataFrame, source: str) -> str:
    """Return the sentence on what attention does to radii."""
    parts = []
    rows = ledger[ledger.claim == "robustness"]
    for backbone, cells in rows[rows.value.notna()].groupby("backbone", sort=False):
        parts.append(f"{BACKBONES[str(backbone)].title}'s radii by {_ratios(cells)}")
    reasons = rows[rows.verdict == verdicts.verdict["robustness"]].why
    why = f" ({reasons.mode()[0]})" if len(reasons) else ""
    return (
        f"On {source}, soft attention multiplies {'; '.join(parts)}. Does attention make such classifiers more robust? "
        f"The verdict is **{verdicts.verdict['robustness']}**{why}."
    )


def _parts(ledger: pd.DataFrame) -> str:
    """Return the sentence on what of it is attention, and what the surgery around it."""
    ratios = {name: _ratios(ledger[(ledger.claim == name) & ledger.value.notna()]) for name in OWN}
    split = "This run does not separate attention from the surgery around it (no placebo)"
    if ratios["attention-alone"]:
        split = (
            f"Attention itself, over the same surgery with a uniform map, multiplies ResNet-50's radii by "
            f"{ratios['attention-alone']}; the surgery by {ratios['surgery']}"
        )
    return f"{split}. Adversarial training, the known remedy, multiplies them by {ratios['remedy'] or '– (not run)'}."


def _ratios(decisions: pd.DataFrame) -> str:
    """Return ratios with their intervals, in words; those of an attack that is not trusted are marked."""
    marks = {NOT_TRUSTED: ", attack not trusted"}
    return ", ".join(
        f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f}{marks.get(row.verdict, '')}) on {IMAGES_OF[row.task]}"
        for row in decisions.itertuples()
    )


def _counts(verdicts: pd.DataFrame) -> str:
    """Return the sentence on how many tests have which verdict."""
    counts = verdicts[verdicts.section != "ours"].verdict.value_counts()
    listed = ", ".join(f"{counts[name]} *{name}*" for name in VERDICTS if name in counts)
    return f"Of {counts.sum()} tests made from the paper's sentences, the run leaves {listed}."


def _size(results: StudyResults) -> str:
    trainings = results.models.groupby(["task", "backbone", "arm"]).seed.nunique()
    images = results.radii.groupby(["task", "backbone"]).image.nunique()
    return (
        f"{len(results.models)} models, trainings of each: {_span(trainings)}, attacked images of each: {_span(images)}"
    )


def _span(counts: pd.Series) -> str:
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def beside_paper(results: StudyResults) -> str:
    """Return the paper's figures and numbers beside ours, as two tables in Markdown."""
    claims = read_claims()
    figures = figures_beside(ROOT / "figures", results.cells)
    return f"{figures}\n\n{numbers_beside(results, judge(results, claims), claims)}"


PARTS_OF_README = {"answer": answer, "beside the paper": beside_paper}  # of README, and what writes them


def write_into(document: str, parts: Mapping[str, str]) -> str:
    """Return a document in which what stands between the marks of each part is replaced.

    Raises:
        StudyError: the marks are not there.
    """
    for name, text in parts.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        if begin not in document or end not in document:
            raise StudyError(f"README.md: expected the marks {begin} and {end}, found none.")
        before, rest = document.split(begin, 1)
        document = f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"
    return document


def draw(results: StudyResults, path: Path) -> None:
    """Draw the forest plot into a file."""
    source = join_distinct(SOURCES[name] for name in results.models.source)
    figure = draw_answer(judge(results, read_claims()), source=source)
    with files.atomic_write(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def main() -> None:
    """Read the command line, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default=RESULTS, help=f"folder of results; default: {RESULTS}")
    arguments = parser.parse_args()
    try:
        results = StudyResults.load(from_root(arguments.results))
        draw(results, ROOT / "figures" / "answer.png")
        with files.atomic_write(README) as temporary:
            parts = {name: write(results) for name, write in PARTS_OF_README.items()}
            temporary.write_text(write_into(README.read_text(), parts))
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")
    print(f"wrote {display_path(ROOT / 'figures' / 'answer.png')} and {display_path(README)}")


if __name__ == "__main__":
    main()
