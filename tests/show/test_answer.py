"""README's answer is what the committed results say, and a document without its marks is refused."""

import re
from dataclasses import replace

import pytest

from helpers import StudyError
from helpers.artifacts.results import StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.claims import read_claims
from helpers.judge.ledger import judge_by_first, overall
from helpers.paths import ROOT
from helpers.show.answer import README, REAL, RESULTS, draw, parts_of_readme, write_into
from helpers.show.answer_sentences import effect, fewer, parts
from helpers.show.beside_paper import figures_beside, numbers_beside
from helpers.show.names import IMAGES_OF


def runs():
    """Return the results that README shows."""
    return [StudyResults.load(ROOT / folder) for folder in RESULTS]


def test_the_answer_in_readme_comes_from_the_committed_results():
    document = README.read_text()
    assert write_into(document, parts_of_readme(runs(), StudyResults.load(ROOT / REAL))) == document


def test_the_figure_of_the_answer_is_drawn_from_the_same_results(tmp_path):
    draw(runs(), StudyResults.load(ROOT / REAL), tmp_path / "answer.png")
    assert (tmp_path / "answer.png").stat().st_size > 10_000


def test_what_one_training_fewer_would_have_said_is_judged_from_these_alone():
    run, claims = runs()[0], [claim for claim in read_claims() if claim.id == "robustness"]
    rows, before = judge_by_first([run], claims), judge_by_first([run.first_trainings(2)], claims)
    said = re.findall(r"\*([a-z ]+)\* on ([a-z ]+) \(([A-Za-z0-9-]+)\)", fewer(run, claims[0], rows))
    changed = before[before.verdict != rows.verdict]
    expected = [(row.verdict, IMAGES_OF[row.task], BACKBONES[row.backbone].title) for row in changed.itertuples()]
    assert sorted(said) == sorted(expected)
    assert "alone gave the same verdicts" in fewer(run, claims[0], before)
    assert not fewer(run.first_trainings(2), claims[0], before)  # one training says nothing of attention in general


def test_parts_of_another_run_stand_beside_that_runs_own_ratio():
    both, claims = runs(), [claim for claim in read_claims() if claim.section == "ours" or claim.id == "robustness"]
    first = replace(both[0], **{name: _without_own(getattr(both[0], name)) for name in ("models", "radii", "clean")})
    text = parts(judge_by_first([first, both[1]], claims), [first, both[1]], claims[0])
    (own,) = judge_by_first([both[1]], claims[:1]).query("task == 'skin_lesion' and value == value").itertuples()
    assert f"over none has {own.value:.2f} ({own.low:.2f} to {own.high:.2f}) on skin lesions" in text
    assert "profile `quick`: other networks, with 1 training of each" in text
    alone = parts(judge_by_first([both[1]], claims), [both[1]], claims[0])
    assert "other networks" not in alone  # the ratio of the first sentence is of the same run


def test_fewer_trainings_of_the_placebo_are_said_with_the_images_they_are_of():
    run, claims = runs()[0], [claim for claim in read_claims() if claim.section == "ours" or claim.id == "robustness"]
    is_last = {
        name: (getattr(run, name).arm == "placebo")
        & (getattr(run, name).task == "retinopathy")
        & (getattr(run, name).seed > 0)
        for name in ("models", "radii", "clean")
    }
    lacking = replace(run, **{name: getattr(run, name)[~dropped] for name, dropped in is_last.items()})
    text = parts(judge_by_first([lacking], claims), [lacking], claims[0])
    assert re.search(r"Trainings of the placebo so far: [^;.]*\b1 on retinas", text)
    assert " on chests" not in text.split("so far: ")[1].split(";")[0]  # of these there are three, as of the others


def _without_own(table):
    return table[table.arm.isin(["none", "soft"])]


def test_a_figure_is_linked_from_the_first_profile_that_has_it(tmp_path):
    names = {
        "reference": ["resnet50-seed0", "resnet50-seed1"],
        "quick": ["resnet50-seed0", "inception_resnet_v2-seed0"],
    }
    for profile, ends in names.items():
        (tmp_path / profile).mkdir()
        for end in ends:
            (tmp_path / profile / f"accuracy_against_epsilon-pneumothorax-{end}.png").touch()
    (tmp_path / "quick" / "accuracy_against_epsilon-skin_lesion-resnet50-seed0.png").touch()  # of a model that is gone
    cells = [("pneumothorax", "resnet50"), ("pneumothorax", "inception_resnet_v2")]
    table = figures_beside(tmp_path, dict.fromkeys(names, cells))
    rows = dict(line.strip("| ").split(" | ")[::2] for line in table.splitlines()[2:])
    name = "accuracy_against_epsilon-pneumothorax"
    assert rows["4"] == f"[chests, ResNet-50 (reference)](reference/{name}-resnet50-seed0.png)"
    assert rows["7"] == f"[chests, InceptionResNetV2 (quick)](quick/{name}-inception_resnet_v2-seed0.png)"
    assert rows["2"].startswith("–")


def test_a_document_without_the_marks_is_refused():
    with pytest.raises(StudyError, match="expected the marks"):
        write_into("# A document", {"answer": "text"})


def test_results_that_are_not_there_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"about.json: expected the results of a run"):
        StudyResults.load(tmp_path)


def test_a_ratio_of_one_training_is_said_to_be_one():
    run, (claim,) = runs()[0], [claim for claim in read_claims() if claim.id == "robustness"]
    for results, is_said in ((run, False), (run.first_trainings(1), True)):
        rows = judge_by_first([results], [claim])
        said = effect(claim, rows, overall(rows, [claim]).iloc[0], "drawn images")
        assert ("for ResNet-50, one training, " in said) == is_said
        assert f"none of the {rows.value.notna().sum()} combinations" in said


def test_clean_accuracies_beside_the_papers_are_of_the_run_that_judged_them():
    both, claims = runs(), [claim for claim in read_claims() if claim.id in ("skin-resnet50-clean", "up-to-16-percent")]
    lacking = replace(both[0], **{name: _without_soft(getattr(both[0], name)) for name in ("models", "radii", "clean")})
    text = numbers_beside([lacking, both[1]], judge_by_first([lacking, both[1]], claims), claims)
    clean = both[1].clean.query("task == 'skin_lesion' and backbone == 'resnet50'")
    soft, none = (clean[clean.arm == arm].right.mean() for arm in ("soft", "none"))
    assert f"| soft {soft:.3f}, none {none:.3f}: {soft - none:.3f} (" in text
    assert "largest gain in points" not in text  # the first run has nothing to compare
    of_first = numbers_beside(both, judge_by_first(both, claims), claims)
    assert "soft over none; ResNet-50, InceptionResNetV2, `reference`" in of_first


def _without_soft(table):
    return table[table.arm != "soft"]
