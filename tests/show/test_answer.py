"""README's answer is what the committed results say, and a document without its marks is refused."""

import re
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers import StudyError
from helpers.artifacts.results import TABLES, StudyResults
from helpers.backbones import BACKBONES
from helpers.judge.claims import read_claims
from helpers.judge.ledger import judge, judge_by_first, overall
from helpers.paths import ROOT
from helpers.show.answer import README, REAL, RESULTS, draw, parts_of_readme, write_into
from helpers.show.answer_figures import QUESTIONS, draw_answer
from helpers.show.answer_ratios import ratio_table
from helpers.show.answer_sentences import counts, fewer, widths
from helpers.show.beside_paper import figures_beside, numbers_beside, robustness_beside
from helpers.show.names import images_of
from helpers.show.short_answer import in_numbers, in_words, verdict_in_words
from helpers.tasks import TASKS


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
    expected = [(row.verdict, images_of(row.task), BACKBONES[row.backbone].title) for row in changed.itertuples()]
    assert sorted(said) == sorted(expected)
    assert "alone gave the same verdicts" in fewer(run, claims[0], before)
    assert not fewer(run.first_trainings(2), claims[0], before)  # one training says nothing of attention in general


def questions():
    """Return the claims that attention makes models more robust, and those that the paper does not make."""
    return [claim for claim in read_claims() if claim.section == "ours" or claim.id == "robustness"]


def rows_of(table):
    """Return the cells of a table in Markdown, line by line, by what stands in its first three columns."""
    _, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return {tuple(line[:3]): line[3:] for line in lines}


def test_the_table_of_ratios_has_those_of_the_ledger_and_a_dash_where_there_are_none():
    run = runs()[0]
    ledger = judge_by_first([run], questions()).dropna(subset="value")
    table = rows_of(ratio_table(ledger, [run], questions()[0]))
    ledger = ledger[ledger.claim.isin(QUESTIONS)]
    for row in ledger.itertuples():
        name = (QUESTIONS[row.claim], BACKBONES[row.backbone].title)
        (cells,) = (cells for key, cells in table.items() if key[:2] == name)
        assert cells[list(TASKS).index(row.task)] == f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})"
    shown = [cell for key, cells in table.items() if "median" not in key[0] for cell in cells if cell != "–"]
    assert len(shown) == len(ledger)


def test_the_median_is_that_of_all_pairs_of_radii_by_hand():
    run = runs()[0]
    table = rows_of(ratio_table(judge_by_first([run], questions()), [run], questions()[0]))
    radii = run.radii.query("task == 'pneumothorax' and backbone == 'resnet50' and radius > 0")
    by_arm = radii.pivot_table(index=["image", "seed"], columns="arm", values="radius").dropna(subset=["soft", "none"])
    (cells,) = (cells for key, cells in table.items() if key[:2] == ("the same, median", "ResNet-50"))
    assert float(cells[2]) == pytest.approx((by_arm.soft / by_arm.none).median(), abs=0.006)


def test_what_only_another_run_answers_stands_with_that_runs_own_ratio():
    both, claims = runs(), questions()
    first = replace(both[0], **{name: _without_own(getattr(both[0], name)) for name in TABLES})
    table = rows_of(ratio_table(judge_by_first([first, both[1]], claims), [first, both[1]], claims[0]))
    (own,) = judge_by_first([both[1]], claims[:1]).query("task == 'skin_lesion' and value == value").itertuples()
    assert table["soft attention / none", "ResNet-50", "`quick`, 1"][0].startswith(f"{own.value:.2f} (")
    assert ("adversarial training / none", "ResNet-50", "`quick`, 1") in table
    whole = ratio_table(judge_by_first([first], claims), [first], claims[0])
    assert "quick" not in whole


def test_fewer_trainings_of_the_placebo_are_said():
    run, claims = runs()[0], questions()
    is_last = {
        name: (getattr(run, name).arm == "placebo")
        & (getattr(run, name).task == "retinopathy")
        & (getattr(run, name).seed > 0)
        for name in TABLES
    }
    lacking = replace(run, **{name: getattr(run, name)[~dropped] for name, dropped in is_last.items()})
    table = rows_of(ratio_table(judge_by_first([lacking], claims), [lacking], claims[0]))
    assert ("placebo / none", "ResNet-50", "`reference`, 1 to 3") in table
    assert ("soft attention / none", "ResNet-50", "`reference`, 3") in table


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
    assert rows["2, 3, 4"] == f"[chests, ResNet-50](reference/{name}-resnet50-seed0.png)"
    assert rows["5, 6, 7"] == f"[chests, InceptionResNetV2](quick/{name}-inception_resnet_v2-seed0.png) (quick)"
    assert rows["8"].startswith("–")


def test_a_document_without_the_marks_is_refused():
    with pytest.raises(StudyError, match="expected the marks"):
        write_into("# A document", {"answer": "text"})


def test_results_that_are_not_there_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"about.json: expected the results of a run"):
        StudyResults.load(tmp_path)


def ledger_by_hand(*rows):
    """Return a ledger of one claim, from verdicts, values and intervals."""
    table = pd.DataFrame(rows, columns=["task", "backbone", "verdict", "value", "low", "high"])
    return table.assign(seeds=2, groups=20, why="the interval excludes the contrary")


def test_gains_losses_and_what_is_ruled_out_are_counted():
    (claim,) = [claim for claim in read_claims() if claim.id == "robustness"]
    rows = ledger_by_hand(
        ("skin_lesion", "resnet50", "contradicted", 0.8, 0.7, 0.9),
        ("retinopathy", "resnet50", "contradicted", 1.0, 0.9, 1.1),
        ("pneumothorax", "resnet50", "cannot tell", 1.1, 0.9, 1.3),
        ("retinopathy", "inception_resnet_v2", "attack not trusted", 0.5, 0.4, 0.6),
        ("skin_lesion", "inception_resnet_v2", "not testable here", np.nan, np.nan, np.nan),
    )
    said = in_words(claim, rows, pd.Series({"verdict": "cannot tell"}), "drawn images")
    assert said.startswith("We cannot tell: of 4 combinations of task and network on drawn images, none shows that")
    assert ", and 2 rule out a gain of 15% or more (adjusted for 4 tests). In 1, the 95% interval says" in said
    assert said.endswith("less robust; adjusted for 4 tests, this holds in none.")
    opposite = rows.assign(why=["the opposite holds, for one training of each", *rows.why[1:]])
    surely = in_words(claim, opposite, pd.Series({"verdict": "contradicted"}), "drawn images")
    assert surely.startswith("Not here: ")
    assert surely.endswith("adjusted for 4 tests, this holds in 1 (skin lesions, ResNet-50).")
    gained = ledger_by_hand(("skin_lesion", "resnet50", "supported", 1.5, 1.2, 1.9))
    said = in_words(claim, gained, pd.Series({"verdict": "supported"}), "drawn images")
    assert said.startswith("Yes: of 1 ")
    assert "1 shows that soft attention makes the network more robust, and none rules out a gain of 15%" in said
    assert "In none, the 95% interval says that it makes the network less robust;" in said
    of_one = in_words(claim, opposite.assign(seeds=1), pd.Series({"verdict": "cannot tell"}), "drawn images")
    assert "In none, the 95% interval says" in of_one  # another training may say the contrary
    nothing = in_words(claim, rows.iloc[4:], pd.Series({"verdict": "cannot tell"}), "drawn images")
    assert nothing == "On drawn images, there are no models with soft attention and without to compare."


def test_wide_intervals_are_named_with_what_would_make_them_narrower():
    """The ends of the intervals are those of the ledger; an interval that is wide enough needs nothing."""
    results = StudyResults.load(ROOT / "results" / "reference")
    claims = [claim for claim in read_claims() if claim.id == "attention-alone"]
    found = judge(results, claims).set_index("task")
    ratios = {task: row.high / row.low for task, row in found.iterrows()}
    widest = max(ratios, key=ratios.get)
    said = widths(results, claims, backbone="resnet50", wanted=sorted(ratios.values())[-2] * 1.01)
    for task, ratio in ratios.items():
        assert f"{ratio:.2f} ({images_of(task)}, soft attention to placebo)" in said
    assert re.search(rf"That would take about \d+ \w+ \({images_of(widest)}, soft attention to placebo\)\.$", said)
    assert widths(results, claims, backbone="resnet50", wanted=9).endswith("we aimed at 9 at most.")
    assert widths(results, claims, backbone="inception_resnet_v2", wanted=9) == ""


def test_the_numbers_are_those_of_the_ledger_on_drawn_and_on_real_images():
    drawn = ledger_by_hand(
        ("skin_lesion", "resnet50", "contradicted", 0.8, 0.7, 0.9),
        ("pneumothorax", "inception_resnet_v2", "cannot tell", 1.1, 0.9, 1.3),
    )
    real = ledger_by_hand(("skin_lesion", "resnet50", "contradicted", 0.5, 0.4, 0.6))
    three = pd.concat([drawn, drawn.iloc[:1].assign(value=0.8**2 / 1.1)])  # logarithms around that of .8
    text = in_numbers(three, real)
    assert text.startswith("Over the 3 combinations together, the ratio of radii, soft attention to none, is 0.80 (")
    assert text.endswith(" On real images, it is 0.50 (0.40 to 0.60) on skin lesions.")
    alone = in_numbers(drawn, real)
    assert alone.startswith("On real images, the ratio of radii, soft attention to none, is 0.50 (0.40 to 0.60)")
    doubted = in_numbers(drawn, real.assign(verdict="attack not trusted"))
    assert "is 0.50 (0.40 to 0.60, attack not trusted) on skin lesions" in doubted
    assert in_numbers(drawn.iloc[:0], real.iloc[:0]) == ""


def test_the_forest_plot_shows_all_drawn_ratios_together_behind_the_last_of_them():
    ledger = ledger_by_hand(
        ("skin_lesion", "resnet50", "contradicted", 0.5, 0.4, 0.6),
        ("retinopathy", "resnet50", "contradicted", 1.0, 0.9, 1.1),
        ("pneumothorax", "resnet50", "cannot tell", 2.0, 1.9, 2.1),
        ("skin_lesion", "resnet50", "contradicted", 0.1, 0.09, 0.11),
        ("skin_lesion", "resnet50", "contradicted", 0.9, 0.8, 1.0),
    )
    ledger["claim"] = ["robustness"] * 4 + ["surgery"]
    ledger["rests_on"] = ["drawn images"] * 3 + ["a sample of real images", "drawn images"]
    for rows, is_shown in ((ledger, True), (ledger.drop(index=1), False)):
        models = pd.DataFrame({"source": ["phantom"]})
        runs = [SimpleNamespace(about={"profile": name}, models=models) for name in ("reference", "quick")]
        (axis,) = draw_answer(rows.assign(profile="reference"), runs).axes
        assert axis.get_title("left").startswith("reference: phantoms (drawn images)\n")  # no ratio is of quick
        labels = [label.get_text() for label in axis.get_yticklabels()]
        assert [row for row, label in enumerate(labels) if label.startswith("the 3 on drawn images together")] == [
            4
        ] * is_shown
        assert any(text.get_text().startswith("1.00 (0.18 to 5.") for text in axis.texts) == is_shown
        plt.close(axis.figure)


def test_models_that_have_hardly_learned_stand_beside_the_verdict_on_real_images():
    rows = ledger_by_hand(
        ("skin_lesion", "resnet50", "contradicted", 0.8, 0.7, 0.9),
        ("retinopathy", "resnet50", "cannot tell", 1.0, 0.9, 1.1),
        ("pneumothorax", "resnet50", "not testable here", np.nan, np.nan, np.nan),
    )
    claim, overall_row = questions()[0], pd.Series({"verdict": "cannot tell", "cells": "what they say"})
    expected = (
        "So the paper's claim, read as one about at least 4 of its 6 combinations, is **cannot tell** (what they say); "
        "on a sample of real images, it is *contradicted* on skin lesions (*cannot tell* if the trainings whose "
        "attack was repeated are left out), and *cannot tell* on retinas (these models have hardly learned "
        "their task), adjusted for 2 "
        "tests."
    )
    longer = dict.fromkeys([("skin_lesion", "resnet50"), ("retinopathy", "resnet50")], "cannot tell")
    assert verdict_in_words(claim, overall_row, rows, [("retinopathy", "resnet50")], longer) == expected
    alone = verdict_in_words(claim, overall_row, rows[:1], [], {("skin_lesion", "resnet50"): "contradicted"})
    assert alone.endswith("(what they say); on a sample of real images, it is *contradicted* on skin lesions.")
    assert verdict_in_words(claim, overall_row, rows.iloc[2:], [], {}).endswith("**cannot tell** (what they say).")


def test_clean_accuracies_beside_the_papers_are_of_trainings_that_both_kinds_of_models_have():
    (run, *_), claims = runs(), [claim for claim in read_claims() if claim.id == "skin-resnet50-clean"]
    lacks = {
        name: table[(table.arm != "soft") | (table.seed == 0)] for name in TABLES for table in [getattr(run, name)]
    }
    lacking = replace(run, **lacks)
    clean = run.clean[(run.clean.task == "skin_lesion") & (run.clean.backbone == "resnet50") & (run.clean.seed == 0)]
    soft, none = (clean[clean.arm == arm].right.mean() for arm in ("soft", "none"))
    assert f"| soft {soft:.3f}, none {none:.3f}: " in numbers_beside([lacking], judge(lacking, claims), claims)


def test_the_largest_gains_say_which_models_they_leave_out():
    (run, *_), claims = runs(), [claim for claim in read_claims() if claim.id == "up-to-16-percent"]
    assert "not trusted" not in numbers_beside([run], judge(run, claims), claims)
    models = run.models
    is_doubted = (models.task == "pneumothorax") & (models.backbone == "resnet50") & (models.arm == "soft")
    doubted = replace(run, models=models.assign(verdict=models.verdict.mask(is_doubted, "doubtful")))
    text = numbers_beside([doubted], judge(doubted, claims), claims)
    assert "`reference`, without chests, ResNet-50 (attack not trusted) |" in text


def test_clean_accuracies_beside_the_papers_are_of_the_run_that_judged_them():
    both, claims = runs(), [claim for claim in read_claims() if claim.id in ("skin-resnet50-clean", "up-to-16-percent")]
    lacking = replace(both[0], **{name: _without_soft(getattr(both[0], name)) for name in TABLES})
    text = numbers_beside([lacking, both[1]], judge_by_first([lacking, both[1]], claims), claims)
    clean = both[1].clean.query("task == 'skin_lesion' and backbone == 'resnet50'")
    soft, none = (clean[clean.arm == arm].right.mean() for arm in ("soft", "none"))
    assert f"| soft {soft:.3f}, none {none:.3f}: {soft - none:.3f} (" in text
    assert "largest gain in points" not in text  # the first run has nothing to compare
    of_first = numbers_beside(both, judge_by_first(both, claims), claims)
    assert "largest gain in points: ResNet-50, InceptionResNetV2, `reference`" in of_first


def test_numbers_of_the_paper_stand_beside_their_sentence_once_and_levels_are_said_to_be_of_these_images():
    run, claims = runs()[0], read_claims()
    lines = numbers_beside([run], judge_by_first([run], claims), claims).splitlines()
    assert any(
        line.startswith("| without attention, clean accuracy is slightly higher: .905 against .88 (4") for line in lines
    )
    assert any(
        line.startswith("| without attention, the smallest epsilon takes 24% of the accuracy (4") for line in lines
    )
    of_images = [line for line in lines if line.endswith("(of these images) |")]
    assert of_images
    assert not any("soft − none" in line for line in of_images)


def test_what_the_paper_reports_of_each_combination_stands_beside_its_ratio():
    run, claims = runs()[0], read_claims()
    ledger = judge_by_first([run], claims)
    _, _, *lines = robustness_beside(ledger, claims, "robustness").splitlines()
    main = ledger[ledger.claim == "robustness"]
    assert len(lines) == len(main) == 6
    for line, row in zip(lines, main.itertuples(), strict=True):
        _, where, said, ours, _ = (cell.strip() for cell in line.split("|"))
        assert where == f"{images_of(row.task)}, {BACKBONES[row.backbone].title}"
        assert ours == f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})"
        of_paper = [claim for claim in claims if claim.section in ("4.1", "4.2")]
        shown = [claim for claim in of_paper if claim.compares_robustness or (claim.is_level and not claim.gives)]
        named = [claim for claim in shown if f"{row.task}/{row.backbone}" in claim.cells]
        assert named
        for claim in named:
            (decided,) = ledger[
                (ledger.claim == claim.id) & (ledger.task == row.task) & (ledger.backbone == row.backbone)
            ].itertuples()
            sentence, number = claim.says + f" ({claim.reading})" * bool(claim.reading), ""
            if claim.measure != "ratio of radii" and np.isfinite(decided.value):
                values = (decided.value, decided.low, decided.high)
                value, low, high = (f"{100 * each:.1f}%" if "%" in claim.gives else f"{each:.3f}" for each in values)
                number = f"{value} ({low} to {high}), "
            assert f"{sentence}: {number}*{decided.verdict}*" in said.split("<br>")
        assert len(said.split("<br>")) == len(named)


def test_every_claim_of_the_paper_is_counted_once_with_its_verdict():
    claims = read_claims()
    verdicts = overall(judge_by_first(runs(), claims), claims).set_index("claim")
    header, _, *lines = counts(verdicts, claims).splitlines()
    names = [name.strip() for name in header.strip("|").split("|")][2:]
    numbers = np.array([[int(cell) for cell in line.strip("|").split("|")[1:]] for line in lines])
    assert (numbers[:, 0] == numbers[:, 1:].sum(axis=1)).all()
    assert (numbers[-1] == numbers[:-1].sum(axis=0)).all()
    of_paper = verdicts[verdicts.section != "ours"].verdict
    assert dict(zip(names, numbers[-1, 1:].tolist(), strict=True)) == of_paper.value_counts().to_dict()
    for row, kind in enumerate(("compares_robustness", "is_level")):
        of_kind = [claim.id for claim in claims if claim.section != "ours" and getattr(claim, kind)]
        assert numbers[row, 1 + names.index("contradicted")] == (of_paper[of_kind] == "contradicted").sum()


def _without_soft(table):
    return table[table.arm != "soft"]
