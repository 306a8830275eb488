"""Write the answer: the figure, and the parts of README.md between two marks, from folders of results.

python -m helpers.show.answer --results results/reference results/quick
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import files
from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.errors import StudyError
from helpers.judge.accuracy_measures import cells_with, paired_radii
from helpers.judge.claims import Claim, read_claims
from helpers.judge.ledger import judge_by_first, overall
from helpers.judge.thresholds import CANNOT_TELL, NOT_TRUSTED, VERDICTS
from helpers.paths import ROOT, display_path, from_root
from helpers.show.answer_figures import draw_answer
from helpers.show.beside_paper import figures_beside, numbers_beside
from helpers.show.names import IMAGES_OF, SOURCES, join_distinct

README = ROOT / "README.md"
RESULTS = ("results/reference", "results/quick")  # what README shows; the second where the first has no such models
BEGIN, END = "<!-- {name}: written by helpers/show/answer.py -->", "<!-- end of {name} -->"
MAIN = ("robustness", "no-sacrifice", "resnet50-two-of-three", "inception-not-improved", "mostly-harmless")
OWN = ("attention-alone", "surgery", "as-released", "remedy")


def answer(runs: Sequence[StudyResults]) -> str:
    """Return the answer in Markdown: three sentences, and a table of claims with their verdicts.

    Args:
        runs: Each claim is answered by the first of them that measured it.
    """
    claims = read_claims()
    ledger = judge_by_first(runs, claims)
    verdicts = overall(ledger, claims).set_index("claim")
    main = ledger[ledger.claim == "robustness"]
    judged = next(each for each in runs if each.about["profile"] == main.profile.iloc[0])
    claim = next(each for each in claims if each.id == "robustness")
    effect = _effect(claim, main, verdicts.loc["robustness"], _source(runs)) + _fewer(judged, claim, main)
    sentences = [effect, _medians(judged), _parts(ledger), _counts(verdicts)]
    lines = ["| claim | verdict | tasks and networks | rests on |", "|---|---|---|---|"]
    for name in (*MAIN, *OWN):
        row = verdicts.loc[name]
        found = ledger[(ledger.claim == name) & (ledger.rests_on != "")]
        rests = join_distinct(f"{each.rests_on}, `{each.profile}`" for each in found.itertuples()) or "–"
        lines.append(f"| {row.says} ({row.section}) | **{row.verdict}** | {row.cells} | {rests} |")
    about = "\n".join(f"- Profile `{each.about['profile']}`, {_source([each])}: {_size(each)}." for each in runs)
    return "\n\n".join([" ".join(sentences[:2]), *sentences[2:], "\n".join(lines), about])


def _source(runs: Sequence[StudyResults]) -> str:
    return join_distinct(SOURCES[name] for results in runs for name in results.models.source)


def _effect(claim: Claim, rows: pd.DataFrame, overall_row: pd.Series, source: str) -> str:
    """Return the sentences on what attention does to radii, from the ledger's rows and its one verdict over them."""
    measured = rows[rows.value.notna()]
    if measured.empty:
        return f"On {source}, there are no models with soft attention and without to compare."
    parts = [
        f"for {BACKBONES[str(backbone)].title}, {_ratios(cells)}"
        for backbone, cells in measured.groupby("backbone", sort=False)
    ]
    enough = f", in at least {claim.at_least or len(rows)} of {len(rows)} combinations of task and network"
    open_cells = measured[measured.verdict == CANNOT_TELL]
    would = "".join(
        f" On {IMAGES_OF[row.task]}, {BACKBONES[row.backbone].title}: {row.why}." for row in open_cells.itertuples()
    )
    return (
        f"On {source}, the ratio of radii with soft attention to radii without is, {'; '.join(parts)}. Does "
        f"attention make such classifiers more robust{enough}? The verdict is "
        f"**{overall_row.verdict}** ({overall_row.cells}).{would}"
    )


def _fewer(results: StudyResults, claim: Claim, rows: pd.DataFrame) -> str:
    """Return the sentence on what one training fewer would have said, beside a claim's rows of the ledger."""
    count = results.models.seed.nunique() - 1
    if count < claim.seeds:
        return ""
    before = judge_by_first([results.first_trainings(count)], [claim])
    both = before.merge(rows, on=["task", "backbone"], suffixes=("", "_now"))
    changed = both[both.verdict != both.verdict_now]
    listed = ", ".join(f"*{row.verdict}* on {IMAGES_OF[row.task]}" for row in changed.itertuples())
    return f" The first {count} trainings alone said {listed or 'the same'}."


def _medians(results: StudyResults) -> str:
    """Return the sentence on the median image: a geometric mean gives much weight to a few images."""
    medians = []
    for task, backbone in cells_with(results, "soft", "none"):
        middle = float(np.exp(paired_radii(results, task, backbone, "soft", "none").ratio.median()))
        medians.append(f"{middle:.2f} on {IMAGES_OF[task]}, {BACKBONES[backbone].title}")
    return f"Ratios are geometric means over images; the median image has {'; '.join(medians)}." if medians else ""


def _parts(ledger: pd.DataFrame) -> str:
    """Return the sentence on what of it is attention, and what the surgery around it."""
    ratios = {name: _ratios(ledger[(ledger.claim == name) & ledger.value.notna()]) for name in OWN}
    profiles = join_distinct(f"`{name}`" for name in ledger[ledger.claim.isin(OWN) & ledger.value.notna()].profile)
    split = "Nothing here separates attention from the surgery around it (no placebo)"
    if ratios["attention-alone"]:
        split = (
            f"What of it is attention? The placebo is the same surgery on the network, with attention that is the same "
            f"everywhere. Soft attention over the placebo has {ratios['attention-alone']}; the placebo over none, "
            f"{ratios['surgery']}"
        )
    remedy = f"Adversarial training, the known remedy, reaches {ratios['remedy'] or '– (not run)'}"
    return f"{split}. {remedy}{f'. These are of profile {profiles}' if profiles else ''}."


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
    return f"Of {counts.sum()} tests made from the paper's sentences, {listed}."


def _size(results: StudyResults) -> str:
    trainings = results.models.groupby(["task", "backbone", "arm"]).seed.nunique()
    images = results.radii.groupby(["task", "backbone"]).image.nunique()
    return (
        f"{len(results.models)} models, trainings of each: {_span(trainings)}, attacked images of each: {_span(images)}"
    )


def _span(counts: pd.Series) -> str:
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def beside_paper(runs: Sequence[StudyResults]) -> str:
    """Return the paper's figures and numbers beside ours, as two tables in Markdown."""
    claims = read_claims()
    figures = figures_beside(ROOT, {f"figures/{results.about['profile']}": results.cells for results in runs})
    return f"{figures}\n\n{numbers_beside(runs[0], judge_by_first(runs, claims), claims)}"


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


def draw(runs: Sequence[StudyResults], path: Path) -> None:
    """Draw the forest plot into a file."""
    figure = draw_answer(judge_by_first(runs, read_claims()), source=_source(runs))
    with files.atomic_write(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def main() -> None:
    """Read the command line, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = f"folders of results, the first of which counts; default: {' '.join(RESULTS)}"
    parser.add_argument("--results", nargs="+", default=RESULTS, help=default)
    arguments = parser.parse_args()
    try:
        runs = [StudyResults.load(from_root(folder)) for folder in arguments.results]
        draw(runs, ROOT / "figures" / "answer.png")
        with files.atomic_write(README) as temporary:
            parts = {name: write(runs) for name, write in PARTS_OF_README.items()}
            temporary.write_text(write_into(README.read_text(), parts))
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")
    print(f"wrote {display_path(ROOT / 'figures' / 'answer.png')} and {display_path(README)}")


if __name__ == "__main__":
    main()
