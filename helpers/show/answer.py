"""Write the answer: its figures, the parts of README.md between two marks, and summaries, from folders of results.

python -m helpers.show.answer --results results/reference results/quick --real results/real
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts.results import StudyResults
from helpers.errors import StudyError
from helpers.judge.claims import Claim, read_claims
from helpers.judge.learned import hardly_learned
from helpers.judge.ledger import judge, judge_by_first, overall
from helpers.judge.thresholds import CANNOT_TELL
from helpers.paths import ROOT, display_path, from_root
from helpers.show import answer_sentences as say
from helpers.show.answer_figures import QUESTIONS, draw_answer
from helpers.show.answer_models import model_table
from helpers.show.answer_on_real import on_real_images, without_longer
from helpers.show.answer_ratios import ratio_table
from helpers.show.answer_runs import run_table
from helpers.show.beside_paper import figures_beside, numbers_beside, robustness_beside
from helpers.show.figures import save_figure
from helpers.show.names import join_distinct
from helpers.show.short_answer import in_numbers, in_words, verdict_in_words
from helpers.show.summaries import draw_accuracies, save_summaries

README = ROOT / "README.md"
WIDEST = 1.4  # the upper end of an interval over its lower one: what the reference run aimed at
RESULTS = ("results/reference", "results/quick")  # what README shows; the second where the first has no such models
REAL = "results/real"  # the same models on real images
BEGIN, END = "<!-- {name}: written by helpers/show/answer.py -->", "<!-- end of {name} -->"
MAIN = ("robustness", "no-sacrifice", "resnet50-two-of-three", "inception-not-improved", "mostly-harmless")
OWN = tuple(name for name in QUESTIONS if name not in MAIN)  # what the paper does not ask


def answer(runs: Sequence[StudyResults], ledger: pd.DataFrame, real: StudyResults, on_real: pd.DataFrame) -> str:
    """Return the answer in words, of drawn images and of real ones.

    Args:
        runs: On drawn images.
        ledger: Of these runs: each claim is answered by the first of them that measured it.
        real: On real images.
        on_real: The ledger of that run.
    """
    claim = _main_claim()
    main, main_on_real = (rows[rows.claim == claim.id] for rows in (ledger, on_real))
    verdict = _overall(ledger).loc[claim.id]
    others = {cell: row.verdict if row else CANNOT_TELL for cell, row in without_longer(real, claim).items()}
    real_in_words = verdict_in_words(claim, verdict, main_on_real, hardly_learned(real), others)
    return f"{in_words(claim, main, verdict, say.source(runs))} {real_in_words}"


def how_sure(runs: Sequence[StudyResults], ledger: pd.DataFrame, on_real: pd.DataFrame) -> str:
    """Return all ratios together, what would tell where there is no verdict, and how many claims came out how."""
    claim = _main_claim()
    main, main_on_real = (rows[rows.claim == claim.id] for rows in (ledger, on_real))
    judged = _answering(runs, main)
    sure = " ".join(filter(None, [say.what_would_tell(main), say.fewer(judged, claim, main)]))
    of_attention = [claim, next(each for each in read_claims() if each.id == "attention-alone")]
    wide = say.widths(judged, of_attention, backbone="resnet50", wanted=WIDEST)
    numbers = in_numbers(main, main_on_real)
    return "\n\n".join(filter(None, [numbers, sure, wide, say.counts(_overall(ledger), read_claims())]))


def _answering(runs: Sequence[StudyResults], rows: pd.DataFrame) -> StudyResults:
    """Return the run that judged a claim, from its rows of the ledger."""
    return next(each for each in runs if each.about["profile"] == rows.profile.iloc[0])


def _main_claim() -> Claim:
    return next(each for each in read_claims() if each.id == MAIN[0])


def _overall(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each claim, by its name, with one verdict over its cells."""
    return overall(ledger, read_claims()).set_index("claim")


def table_of_verdicts(ledger: pd.DataFrame) -> str:
    """Return in Markdown the table of the main claims with their verdicts."""
    verdicts, readings = _overall(ledger), {claim.id: claim.reading for claim in read_claims()}
    lines = ["| claim | verdict | tasks and networks | rests on |", "|---|---|---|---|"]
    for name in (*MAIN, *OWN):
        row = verdicts.loc[name]
        found = ledger[(ledger.claim == name) & (ledger.rests_on != "")]
        rests = join_distinct(f"{each.rests_on}, `{each.profile}`" for each in found.itertuples()) or "–"
        of = "; ".join(filter(None, [row.section, readings[name]]))
        lines.append(f"| {row.says} ({of}) | **{row.verdict}** | {row.cells} | {rests} |")
    return "\n".join(lines)


def beside_paper(runs: Sequence[StudyResults], ledger: pd.DataFrame) -> str:
    """Return the paper's figures, what it says of each task and network, and its numbers, beside ours, in Markdown."""
    figures = figures_beside(ROOT, {f"figures/{results.about['profile']}": results.cells for results in runs})
    parts = {
        "Figures": figures,
        "Each task and network under attack": robustness_beside(ledger, read_claims(), MAIN[0]),
        "Sentences with a number": numbers_beside(runs, ledger, read_claims()),
    }
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in parts.items())


def parts_of_readme(runs: Sequence[StudyResults], real: StudyResults) -> dict[str, str]:
    """Return what stands between README's marks, by the names of the marks."""
    claims = read_claims()
    ledger, on_real = judge_by_first(runs, claims), judge(real, claims)
    claim = _main_claim()
    models = model_table(_answering(runs, ledger[ledger.claim == claim.id]), [str(claim.other_arm), claim.arm])
    return {
        "answer": answer(runs, ledger, real, on_real),
        "verdicts": table_of_verdicts(ledger),
        "runs": run_table([*runs, real], claim),
        "ratios": ratio_table(ledger, runs, claim),
        "models": models,
        "how sure": how_sure(runs, ledger, on_real),
        "on real images": on_real_images(real, on_real, ledger, claim, shown=(*MAIN[:2], *OWN)),
        "beside the paper": beside_paper(runs, ledger),
    }


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


def draw(runs: Sequence[StudyResults], real: StudyResults, path: Path) -> None:
    """Draw the forest plot into a file."""
    claims = [claim for claim in read_claims() if claim.id in QUESTIONS]
    ledger = pd.concat([judge_by_first(runs, claims), judge(real, claims)], ignore_index=True)
    save_figure(draw_answer(ledger, [*runs, real]), path)


def main() -> None:
    """Read the command line, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = f"folders of results, the first of which counts; default: {' '.join(RESULTS)}"
    parser.add_argument("--results", nargs="+", default=RESULTS, help=default)
    parser.add_argument("--real", default=REAL, help=f"folder of results of real images; default: {REAL}")
    arguments = parser.parse_args()
    try:
        folders = [from_root(folder) for folder in (*arguments.results, arguments.real)]
        *runs, real = results = [StudyResults.load(folder) for folder in folders]
        for each, folder in zip(results, folders, strict=True):
            save_summaries(each, folder)
            draw_accuracies(each, ROOT / "figures" / each.about["profile"])
        draw(runs, real, ROOT / "figures" / "answer.png")
        with files.atomic_write(README) as temporary:
            temporary.write_text(write_into(README.read_text(), parts_of_readme(runs, real)))
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")
    print(f"wrote figures, {display_path(README)} and summaries of the results")


if __name__ == "__main__":
    main()
