"""Verdicts are right where the truth is planted, and "cannot tell" where there is too little to go by."""

import re
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from planted_results import planted_results

from helpers import StudyError
from helpers.artifacts.results import StudyResults
from helpers.judge.claims import Claim, read_claims
from helpers.judge.ledger import (
    CANNOT_TELL,
    CONTRADICTED,
    EQUIVALENT,
    NOT_TESTABLE,
    NOT_TRUSTED,
    SUPPORTED,
    judge,
    judge_by_first,
    overall,
)
from helpers.judge.measures import MEASURES
from helpers.paths import ROOT

CELL = "skin_lesion/resnet50"
ABOUT = {"section": "1", "says": "attention helps", "cells": [CELL], "other_arm": "none"}
HELPS = Claim(id="helps", **ABOUT, measure="ratio of radii", supports_above=1, contradicts_below=1.15)
ALIKE = Claim(id="alike", **ABOUT, measure="ratio of radii", within=(0.87, 1.15))
ROUNDS = 60


def verdicts(*, effect, images, seeds, rounds=ROUNDS):
    """Return the shares of verdicts on both claims over so many planted studies: {claim: {verdict: share}}."""
    rng = np.random.default_rng(images)
    drawn = [planted_results(effect=effect, images=images, seeds=seeds, rng=rng) for _ in range(rounds)]
    found = pd.concat([judge(results, [HELPS, ALIKE]) for results in drawn])
    shares = pd.crosstab(found.claim, found.verdict, normalize="index")
    return shares.reindex(columns=[SUPPORTED, CONTRADICTED, EQUIVALENT, CANNOT_TELL], fill_value=0).T


@pytest.mark.parametrize(("images", "seeds"), [(12, 1), (100, 2), (60, 3), (200, 3)])
def test_no_effect_is_hardly_ever_taken_for_one_nor_an_effect_for_none(images, seeds):
    nothing, help_ = (verdicts(effect=effect, images=images, seeds=seeds) for effect in (1.0, 1.4))
    assert nothing.helps[SUPPORTED] <= 0.05
    assert help_.helps[CONTRADICTED] <= 0.05
    assert help_.alike[EQUIVALENT] <= 0.05
    assert nothing.alike[CONTRADICTED] <= 0.05


def test_a_large_sample_tells_help_harm_and_no_difference_apart():
    assert verdicts(effect=1.4, images=200, seeds=3, rounds=20).helps[SUPPORTED] >= 0.9
    assert verdicts(effect=0.7, images=200, seeds=3, rounds=20).helps[CONTRADICTED] >= 0.9
    nothing = verdicts(effect=1.0, images=400, seeds=5, rounds=20)
    assert nothing.helps[CONTRADICTED] >= 0.7
    assert nothing.alike[EQUIVALENT] >= 0.7


def test_a_small_sample_cannot_tell_and_says_what_would():
    results = planted_results(effect=1.1, images=12, seeds=1, rng=np.random.default_rng(0))
    (row,) = judge(results, [HELPS]).itertuples()
    assert row.verdict == CANNOT_TELL
    assert "images would tell" in row.why
    assert row.low < row.value < row.high


def test_trainings_are_asked_for_where_trainings_differ():
    rng = np.random.default_rng(3)
    results = planted_results(effect=1.2, images=400, seeds=3, seed_spread=0.3, rng=rng)
    (row,) = judge(results, [HELPS]).itertuples()
    assert row.verdict == CANNOT_TELL
    assert "trainings would tell" in row.why


def test_the_ratio_is_that_of_geometric_means_over_images_that_both_classify_right():
    results = planted_results(effect=1.3, images=50, seeds=1, rng=np.random.default_rng(0))
    (row,) = judge(results, [HELPS]).itertuples()
    wide = results.radii.pivot_table(index="image", columns="arm", values="radius")
    wide = wide[(wide > 0).all(axis=1)]
    assert row.value == pytest.approx(np.exp(np.log(wide.soft).mean() - np.log(wide.none).mean()))
    assert row.images == len(wide)


def test_a_doubtful_attack_a_missing_partner_and_too_few_trainings_are_said():
    results = planted_results(effect=2, images=100, seeds=1, rng=np.random.default_rng(0))
    doubtful = replace(results, models=results.models.assign(verdict=["trusted", "doubtful"]))
    without = replace(
        results,
        **{name: getattr(results, name)[lambda rows: rows.arm == "none"] for name in ("models", "radii", "clean")},
    )
    assert judge(results, [HELPS]).verdict.item() == SUPPORTED
    assert "for one training of each" in judge(results, [HELPS]).why.item()
    assert judge(doubtful, [HELPS]).verdict.item() == NOT_TRUSTED
    for arm, way in ("soft", "lower"), ("none", "raise"):  # a stronger attack finds smaller radii, never larger ones
        of_one = replace(
            results,
            models=results.models.assign(verdict=np.where(results.models.arm == arm, "doubtful", "trusted")),
        )
        assert judge(of_one, [HELPS]).why.item() == (
            f"the checks call the attack on {arm} doubtful; a stronger attack could only {way} the ratio"
        )
    of_both = replace(results, models=results.models.assign(verdict="doubtful"))
    assert judge(of_both, [HELPS]).why.item() == ("the checks call the attack on none doubtful, and on soft doubtful")
    of_three = planted_results(effect=2, images=100, seeds=3, rng=np.random.default_rng(0))
    first_soft = (of_three.models.arm == "soft") & (of_three.models.seed == 0)
    one_of_three = replace(of_three, models=of_three.models.assign(verdict=np.where(first_soft, "doubtful", "trusted")))
    assert "on soft doubtful, in 1 of 3 trainings" in judge(one_of_three, [HELPS]).why.item()
    broken = replace(results, models=results.models.assign(verdict=["trusted", "broken"]))
    assert "stronger" not in judge(broken, [HELPS]).why.item()  # it may not have been an attack at all
    missing = judge(without, [HELPS])
    assert missing.verdict.item() == NOT_TESTABLE
    assert "no results of soft for skin_lesion, resnet50" in missing.why.item()
    several = judge(results, [HELPS.model_copy(update={"seeds": 3})])
    assert several.verdict.item() == CANNOT_TELL
    assert "takes 3 trainings of each model, this run has 1" in several.why.item()


def test_accuracies_are_compared_at_the_epsilon_and_with_chance():
    results = planted_results(effect=1, images=400, seeds=1, rng=np.random.default_rng(0), accuracy=0.9)
    above = {"measure": "accuracy", "supports_above": "chance", "contradicts_below": "chance"}
    clean = Claim(id="clean", section="1", says="x", cells=[CELL], epsilon=0, **above)
    attacked = Claim(id="attacked", section="1", says="x", cells=[CELL], epsilon=0.1, **above)
    ledger = judge(results, [clean, attacked]).set_index("claim")
    soft = results.clean[results.clean.arm == "soft"].right
    assert ledger.value["clean"] == pytest.approx(soft.mean())
    assert ledger.verdict.to_dict() == {"clean": SUPPORTED, "attacked": CONTRADICTED}
    assert ledger.high["attacked"] < 1 / 7


TASKS, BACKBONES = ("skin_lesion", "retinopathy", "pneumothorax"), ("resnet50", "inception_resnet_v2")
SIX = tuple(f"{task}/{backbone}" for task in TASKS for backbone in BACKBONES)


def test_support_by_some_of_several_cells_is_adjusted_for_their_number():
    every = HELPS.model_copy(update={"cells": SIX})
    some = every.model_copy(update={"id": "some", "at_least": 4})
    counts = {"helps": 0, "some": 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        results = planted_results(effect=1.2, images=60, seeds=1, rng=rng, tasks=TASKS, backbones=BACKBONES)
        ledger = judge(results, [every, some])
        for name in counts:
            counts[name] += (ledger[ledger.claim == name].verdict == SUPPORTED).sum()
    assert 0 < counts["some"] < counts["helps"]


def test_a_claim_about_all_cells_is_rarely_contradicted_by_chance_in_one_of_them():
    """At the threshold, where each of six unadjusted tests would contradict it in one study of forty."""
    claim = HELPS.model_copy(update={"cells": SIX, "contradicts_below": 1.0})
    contradicted = 0
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        results = planted_results(
            effect=1.0, images=60, seeds=1, rng=rng, seed_spread=0, tasks=TASKS, backbones=BACKBONES
        )
        contradicted += overall(judge(results, [claim]), [claim]).verdict.item() == CONTRADICTED
    assert contradicted <= 4


def test_few_groups_prove_nothing():
    results = planted_results(effect=5, images=8, seeds=1, rng=np.random.default_rng(0))
    row = judge(results, [HELPS])
    assert row.groups.item() < 5
    assert row.verdict.item() == CANNOT_TELL
    assert "groups of images" in row.why.item()


def test_more_images_than_there_are_would_tell_where_a_verdict_is_missing():
    claim = HELPS.model_copy(update={"cells": SIX, "at_least": 4})
    for seed in range(5):
        rng = np.random.default_rng(seed)
        results = planted_results(effect=1.3, images=120, seeds=3, rng=rng, tasks=TASKS, backbones=BACKBONES)
        ledger = judge(results, [claim])
        for row in ledger[ledger.why.str.contains("images would tell")].itertuples():
            assert int(re.findall(r"about (\d+)", row.why)[0]) > row.images


def test_models_that_cannot_be_compared_are_refused_and_the_difference_is_named():
    results = planted_results(effect=1, images=20, seeds=1, rng=np.random.default_rng(0))
    other_images = replace(results, radii=results.radii[:-1])
    other_attack = replace(results, models=results.models.assign(attack_version=[2, 3]))
    with pytest.raises(StudyError, match="radii of skin_lesion, resnet50: expected the same images.*lacks 1"):
        judge(other_images, [HELPS])
    with pytest.raises(StudyError, match="expected the same attack_version, got 2, 3"):
        judge(other_attack, [HELPS])
    sizes = results.models.assign(image_size=[128, *[224] * (len(results.models) - 1)])
    with pytest.raises(StudyError, match="models of skin_lesion, resnet50: expected the same image_size, got 128, 224"):
        judge(replace(results, models=sizes), [HELPS])
    twice = pd.concat([results.radii, results.radii[:1]])
    with pytest.raises(StudyError, match="radii of skin_lesion: expected one row for each model and image, got sev"):
        judge(replace(results, radii=twice), [HELPS])
    other_truth = results.radii.assign(label=results.radii.label.mask(results.radii.arm == "soft", "mel"))
    with pytest.raises(
        StudyError, match="expected the same images, groups and labels for all models; resnet50-soft-0 has 20"
    ):
        judge(replace(results, radii=other_truth), [HELPS])
    for steps, is_refused in ((40, False), (60, True)):
        named = results.radii.attack.mask(results.radii.arm == "soft", f"minimum_norm_{steps}")
        other_steps = replace(results, radii=results.radii.assign(attack=named))
        with pytest.raises(StudyError, match="same steps, got 20, 60") if is_refused else nullcontext():
            judge(other_steps, [HELPS])
    two = planted_results(
        effect=1.0, images=20, seeds=1, rng=np.random.default_rng(0), tasks=("skin_lesion", "retinopathy")
    )
    weaker = two.radii.attack.mask(two.radii.task == "retinopathy", "minimum_norm_1")
    with pytest.raises(StudyError, match="radii of resnet50: expected attacks of the same steps, got 1, 20"):
        judge(replace(two, radii=two.radii.assign(attack=weaker)), [HELPS])
    of_another = results.clean.right.mask(results.clean.arm == "soft", 1 - results.clean.right)
    with pytest.raises(StudyError, match="radii of skin_lesion-resnet50-soft-0: expected those of the model in clean"):
        judge(replace(results, clean=results.clean.assign(right=of_another)), [HELPS])
    of_15, flipped = results.radii.image.unique()[:15], results.clean.right.copy()
    flipped.iloc[0] = 1 - flipped.iloc[0]  # a picture on the boundary, of 15: rounding may do that
    fewer = results.radii[results.radii.image.isin(of_15)]
    judge(replace(results, radii=fewer, clean=results.clean.assign(right=flipped)), [HELPS])
    committed = StudyResults.load(ROOT / "results" / "quick")
    is_soft = committed.explanations.arm == "soft"
    renamed = committed.explanations.assign(
        image=committed.explanations.image.mask(is_soft, "x" + committed.explanations.image)
    )
    with pytest.raises(StudyError, match="explanations of .*: expected the same images"):
        judge(replace(committed, explanations=renamed), [HELPS])
    with pytest.raises(
        StudyError, match="radii: expected rows of models that models.csv has, got skin_lesion-resnet50-non"
    ):
        judge(replace(results, models=results.models[results.models.arm == "soft"]), [HELPS])
    without_rows = replace(results, radii=results.radii[results.radii.arm == "soft"])
    with pytest.raises(StudyError, match=r"radii of skin_lesion, resnet50: expected rows of .*'none'"):
        judge(without_rows, [HELPS])
    with pytest.raises(ValueError, match="expected rows of claim helps"):
        overall(judge(results, [ALIKE]), [HELPS])


def test_with_two_classes_attacks_that_differ_with_more_can_be_compared():
    def judge_with(classes, versions):
        planted = planted_results(effect=1, images=20, seeds=1, rng=np.random.default_rng(0))
        judge(replace(planted, models=planted.models.assign(classes=classes, attack_version=versions)), [HELPS])

    judge_with(2, [4, 5])
    judge_with(7, [5, 6])
    for classes, versions in (7, [4, 5]), (7, [4, 6]), (2, [3, 5]), (2, [4, 7]), (7, [5, 7]):
        with pytest.raises(StudyError, match="expected the same attack_version"):
            judge_with(classes, versions)


def test_of_one_backbone_fewer_images_may_be_attacked_than_of_another():
    results = planted_results(effect=1, images=20, seeds=1, rng=np.random.default_rng(0), backbones=BACKBONES)
    is_left_out = (results.radii.backbone == BACKBONES[1]) & (results.radii.image == results.radii.image.iloc[0])
    assert is_left_out.any()
    judge(replace(results, radii=results.radii[~is_left_out]), [HELPS])


@pytest.mark.parametrize(
    ("found", "at_least", "verdict"),
    [
        ([SUPPORTED, SUPPORTED, CONTRADICTED], 2, SUPPORTED),
        ([SUPPORTED, SUPPORTED, CANNOT_TELL], None, CANNOT_TELL),
        ([SUPPORTED, CANNOT_TELL, CONTRADICTED], 2, CANNOT_TELL),
        ([CONTRADICTED, CANNOT_TELL, CONTRADICTED], 2, CONTRADICTED),
        ([CONTRADICTED, SUPPORTED, SUPPORTED], None, CONTRADICTED),
        ([NOT_TRUSTED, SUPPORTED, SUPPORTED], None, NOT_TRUSTED),
        ([NOT_TESTABLE, NOT_TESTABLE, NOT_TESTABLE], None, NOT_TESTABLE),
    ],
)
def test_a_claim_over_several_cells_has_one_verdict(found, at_least, verdict):
    cells = [CELL, "retinopathy/resnet50", "pneumothorax/resnet50"]
    claim = HELPS.model_copy(update={"cells": tuple(cells), "at_least": at_least})
    ledger = pd.DataFrame({"claim": "helps", "verdict": found})
    assert overall(ledger, [claim]).verdict.item() == verdict


def test_a_claim_is_judged_by_the_first_run_that_measured_it_and_never_by_two():
    rng = np.random.default_rng(3)
    first = planted_results(effect=1.4, images=60, seeds=2, rng=rng)
    second = planted_results(effect=0.7, images=60, seeds=2, rng=rng, tasks=("skin_lesion", "retinopathy"))
    second = replace(second, about=second.about | {"profile": "second"})
    without = replace(
        first,
        models=first.models[first.models.arm != "soft"],
        radii=first.radii[first.radii.arm != "soft"],
        clean=first.clean[first.clean.arm != "soft"],
    )
    elsewhere = HELPS.model_copy(update={"id": "elsewhere", "cells": [CELL, "retinopathy/resnet50"]})
    both = judge_by_first([first, second], [HELPS, elsewhere])
    pd.testing.assert_frame_equal(both, judge(first, [HELPS, elsewhere]))
    assert both[both.task == "retinopathy"].value.isna().all()  # the second run measured it, the first one did not
    filled = judge_by_first([without, second], [HELPS, ALIKE])
    pd.testing.assert_frame_equal(filled, judge(second, [HELPS, ALIKE]))
    assert filled.profile.unique().tolist() == ["second"]
    nowhere = judge_by_first([without, without], [HELPS])
    assert nowhere.verdict.item() == NOT_TESTABLE


def test_where_both_models_are_at_zero_there_is_nothing_to_compare():
    results = planted_results(effect=1.0, images=60, seeds=2, rng=np.random.default_rng(0))
    claims = [
        Claim(id=f"at {epsilon}", **ABOUT, measure="difference of accuracies", epsilon=epsilon, **thresholds)
        for epsilon in (0.001, 1.0)
        for thresholds in ({"supports_above": 0, "contradicts_below": 0.05},)
    ]
    found = judge(results, claims).set_index("claim")
    assert found.verdict["at 0.001"] != NOT_TESTABLE
    assert found.verdict["at 1.0"] == NOT_TESTABLE
    nothing = "at 1, neither model classifies an image right: there is nothing to compare"
    assert found.why["at 1.0"] == f"in profile planted: {nothing}"


def test_the_interval_of_an_accuracy_ends_at_0_and_1():
    results = planted_results(effect=1.0, images=20, seeds=1, rng=np.random.default_rng(0))
    accuracy = {"measure": "accuracy", "arm": "none", "supports_above": 0.5, "contradicts_below": 0.5}
    found = judge(
        results, [Claim(id=f"{at}", **ABOUT | accuracy | {"other_arm": None, "epsilon": at}) for at in (1e-6, 1.0)]
    )
    assert list(found.value) == [0.9, 0]  # two of 20 are wrong without an attack
    assert found.high[0] == 1
    assert found.low[1] == 0
    assert 0.01 < found.high[1] < 0.3
    assert 0.5 < found.low[0] < scipy.stats.binomtest(18, 20).proportion_ci(method="wilson").low  # of pairs of images


def test_a_ratio_of_accuracies_takes_ten_right_images_of_each_model():
    results = planted_results(effect=1.5, images=40, seeds=1, rng=np.random.default_rng(0))
    radii = results.radii.pivot_table(index="image", columns="arm", values="radius")
    ratio = {"measure": "ratio of accuracies", "supports_above": 1.0, "contradicts_below": 1.0}
    at = {count: float(radii.none.nlargest(count + 1).iloc[-1]) for count in (9, 20)}  # so many have a larger radius
    found = judge(results, [Claim(id=f"{n}", **ABOUT | ratio | {"other_arm": "none", "epsilon": at[n]}) for n in at])
    found = found.set_index("claim")
    assert found.verdict["9"] == NOT_TESTABLE
    assert "none classifies 9 of 40 right: a ratio takes 10" in found.why["9"]
    assert found.value["20"] == pytest.approx((radii.soft > at[20]).sum() / 20)
    assert found.low["20"] < found.value["20"] < found.high["20"]


@pytest.mark.parametrize(("vanished", "verdict"), [(9, SUPPORTED), (10, NOT_TESTABLE)])
def test_where_every_map_vanishes_there_is_nothing_to_compare(vanished, verdict):
    results = planted_results(effect=1.0, images=10, seeds=1, rng=np.random.default_rng(0))
    key = {"task": "skin_lesion", "backbone": "resnet50", "arm": "none", "seed": 0, "target": "true"}
    rows = [
        {**key, "image": f"{image}", "group": f"{image}", "condition": "attack", "epsilon": 0.32, "outcome": "broken"}
        | {"measure": measure, "value": value}
        for image in range(10)
        for measure, value in (
            ("all zero", float(image < vanished)),
            ("rank correlation", 0.0 if image < vanished else 0.1),
        )
    ]
    claim = Claim(
        id="change", section="1", says="maps change", cells=[CELL], arm="none", measure="explanation", epsilon=0.32,
        quantity="rank correlation", supports_below=0.95, contradicts_above=0.95,
    )  # fmt: skip
    (row,) = judge(replace(results, explanations=pd.DataFrame(rows)), [claim]).itertuples()
    assert row.verdict == verdict
    assert ("every map vanishes" in row.why) == (verdict == NOT_TESTABLE)


def test_a_claim_about_one_kind_of_model_is_about_its_level():
    alone = Claim(
        id="zero", section="1", says="it is 0", cells=[CELL], measure="accuracy", epsilon=0.1, within=(0.0, 0.1)
    )
    assert alone.is_level
    assert not HELPS.is_level


def test_results_without_pairs_of_maps_can_be_judged():
    reference = StudyResults.load(ROOT / "results" / "reference")
    found = judge(
        replace(reference, maps=reference.maps.head(0)),
        [claim for claim in read_claims() if claim.measure == "likeness of maps"],
    )
    assert len(found)
    assert found.value.isna().all()


@pytest.mark.parametrize("profile", ["reference", "real"])
def test_intervals_of_shares_in_the_committed_results_end_at_0_and_1(profile):
    shares = ("accuracy", "share of accuracy lost", "detection")
    claims = [claim for claim in read_claims() if claim.measure in shares]
    found = judge(StudyResults.load(ROOT / "results" / profile), claims).dropna(subset=["value"])
    assert {claim.measure for claim in claims if claim.id in set(found.claim)} == set(shares)
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()


@pytest.mark.parametrize("profile", ["reference", "real"])
@pytest.mark.parametrize(("quantity", "lowest"), [("rank correlation", -1), ("inverted", 0)])
def test_intervals_of_explanations_in_the_committed_results_end_where_a_mean_can(profile, quantity, lowest):
    claims = [claim for claim in read_claims() if claim.measure == "explanation" and claim.quantity == quantity]
    found = judge(StudyResults.load(ROOT / "results" / profile), claims).dropna(subset=["value"])
    assert found.low.ge(lowest).all()
    assert found.high.le(1).all()


@pytest.mark.parametrize(("effect", "holds"), [(0.5, True), (1.0, False), (2.0, False)])
def test_a_large_loss_is_said_to_be_the_opposite_of_a_gain(effect, holds):
    results = planted_results(effect=effect, images=100, seeds=3, rng=np.random.default_rng(0))
    (why,) = judge(results, [HELPS]).why
    assert (why == "the opposite holds") == holds


def test_the_opposite_of_a_claim_is_adjusted_for_the_number_of_cells():
    """By hand, after Holm: the smallest of n p values is compared with .025 / n, the next one with .025 / (n - 1), …"""
    results = StudyResults.load(ROOT / "results" / "reference")
    (claim,) = [claim for claim in read_claims() if claim.primary]
    p_values = {}
    for cell in claim.cells:
        p_values[cell] = MEASURES["ratio of radii"].estimate(results, claim, *cell.split("/")).p_below(0)
    expected = set()
    for rank, cell in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[cell] >= 0.025 / (len(p_values) - rank):
            break
        expected.add(cell)
    found = judge(results, [claim])
    assert {f"{row.task}/{row.backbone}" for row in found.itertuples() if row.why == "the opposite holds"} == expected
    assert len(expected) < (found.high < 1).sum()


@pytest.mark.parametrize(
    ("effect", "why"), [(1.07, "there is an effect, too small to matter"), (1.0, "an effect that matters is excluded")]
)
def test_a_contradicted_claim_says_whether_there_is_a_small_effect(effect, why):
    rng = np.random.default_rng(0)
    results = planted_results(effect=effect, images=3000, seeds=3, rng=rng, seed_spread=0)
    (row,) = judge(results, [HELPS]).itertuples()
    assert (row.verdict, row.why) == (CONTRADICTED, why)
