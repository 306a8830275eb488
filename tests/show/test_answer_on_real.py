"""What README says of real images: its numbers are those of the ledger, and drawn images stand beside them."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_results import planted_results

from helpers.artifacts.results import TABLES
from helpers.judge.claims import read_claims
from helpers.judge.learned import hardly_learned
from helpers.judge.ledger import judge
from helpers.show.answer_models import model_table
from helpers.show.answer_on_real import on_real_images
from helpers.show.answer_sentences import source_of_each

CLAIMS = [claim for claim in read_claims() if claim.id in ("robustness", "no-sacrifice", "skin-resnet50-robustness")]
SHOWN = ["no-sacrifice", "robustness"]


def planted(*, source="folder", profile="real", effect=0.6, seed=0):
    """Return results of which the truth is known, with these images."""
    found = planted_results(effect=effect, images=60, seeds=3, rng=np.random.default_rng(seed))
    return replace(found, models=found.models.assign(source=source), about=found.about | {"profile": profile})


@pytest.fixture(scope="module")
def real():
    return planted()


@pytest.fixture(scope="module")
def drawn():
    return judge(planted(source="phantom", profile="reference", effect=1.8, seed=1), CLAIMS)


def test_the_table_has_both_verdicts_and_the_ratio_by_hand(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn, CLAIMS[0], SHOWN)
    rows = [line.strip("| ").split(" | ") for line in text.split("| claim |")[1].splitlines()[2:]]
    assert [row[0] for row in rows] == [claim.says for name in SHOWN for claim in CLAIMS if claim.id == name]
    radii = real.radii.pivot_table(index=["image", "seed"], columns="arm", values="radius")
    radii = radii[(radii > 0).all(axis=1)]
    by_seed = np.log(radii.soft / radii.none).groupby("seed").mean()
    assert float(rows[1][2].split()[0]) == pytest.approx(np.exp(by_seed.mean()), abs=0.03)
    assert (rows[1][3], rows[1][5]) == ("**contradicted**", "supported, `reference`")


def test_tests_with_the_same_verdict_are_counted(real):
    same = judge(real, CLAIMS)
    other = same.assign(verdict=same.verdict.where(same.claim != "robustness", "supported"))
    decided = same[same.value.notna() & (same.section != "ours")].verdict.ne("cannot tell").sum()
    assert decided in (1, 2)

    def said(drawn):
        text = on_real_images(real, same, drawn, CLAIMS[0], SHOWN)
        found = re.search(r"All of them .* in both: (\d); .* in both: (\d); .* only: (\d); .* way: (\w+)(.*)\.\n", text)
        return found.groups()

    assert said(same) == (str(decided), str(3 - decided), "0", "none", "")
    named = f' ("{CLAIMS[0].says}", skin lesions: *contradicted* here)'
    assert said(other) == (str(decided - 1), str(3 - decided), "0", "1", named)
    unknown = same.assign(verdict=same.verdict.where(same.claim != "robustness", "cannot tell"))
    assert said(unknown) == (str(decided - 1), str(3 - decided), "1", "none", "")
    doubted = same.assign(verdict=same.verdict.where(same.claim != "robustness", "attack not trusted"))
    assert said(doubted) == (str(decided - 1), str(3 - decided), "0", "none", "; an attack is not trusted: 1")


def test_an_attack_that_was_repeated_is_said_with_the_models_it_was_on_and_the_ratio_without(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn, CLAIMS[0], SHOWN)
    assert "attacked longer" not in text
    is_repeated = (real.radii.arm == "soft") & (real.radii.seed == 1)
    radii = real.radii.assign(attack=real.radii.attack.mask(is_repeated, "minimum_norm_400"))
    text = on_real_images(replace(real, radii=radii), judge(real, CLAIMS), drawn, CLAIMS[0], SHOWN)
    assert "| 3; attacked longer: 0 / 1 |" in text
    (row,) = judge(real.trainings([0, 2]), CLAIMS[:1]).dropna(subset="value").itertuples()
    without = f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f}), *{row.verdict}*."
    assert f"longer, the ratio of radii, soft / none, is on skin lesions, ResNet-50, {without}" in text
    all_repeated = real.radii.assign(attack=real.radii.attack.mask(real.radii.arm == "soft", "minimum_norm_400"))
    text = on_real_images(replace(real, radii=all_repeated), judge(real, CLAIMS), drawn, CLAIMS[0], SHOWN)
    assert "soft / none, is on skin lesions, ResNet-50, unknown, as none is left." in text


def test_a_claim_that_drawn_images_do_not_answer_has_a_dash(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn[drawn.claim != "robustness"], CLAIMS[0], ["robustness"])
    assert text.endswith("| – | – |")


def test_accuracies_and_median_radii_of_the_models_are_those_of_the_tables(real):
    table = model_table(real, ["none", "soft", "placebo"])
    (line,) = table.splitlines()[2:]
    name, images, trainings, clean, balanced, medians = (cell.strip() for cell in line.strip("|").split("|"))
    assert (name, trainings) == ("skin lesions, ResNet-50", "3")
    share = real.clean.drop_duplicates("image").label.value_counts(normalize=True).max()
    tested, attacked = real.clean.image.nunique(), real.radii.image.nunique()
    assert images == f"{tested}, {share:.0%} in the largest class; {attacked} attacked"
    of_arms = [real.clean[real.clean.arm == arm].right.mean() for arm in ("none", "soft")]
    assert clean == balanced == f"{of_arms[0]:.2f} / {of_arms[1]:.2f} / –"
    right = real.radii[real.radii.radius > 0]
    middles = [255 * right[right.arm == arm].radius.median() for arm in ("none", "soft")]
    assert medians == f"{middles[0]:.2f} / {middles[1]:.2f} / –"


def test_radii_of_an_attack_that_is_not_trusted_are_marked(real):
    assert "not trusted" not in model_table(real, ["none", "soft"])
    doubted = replace(real, models=real.models.assign(verdict="doubtful"))
    assert model_table(doubted, ["none", "soft"]).splitlines()[-1].endswith(" (attack not trusted) |")


def test_models_without_a_partner_are_not_compared(real, drawn):
    tables = {name: getattr(real, name) for name in TABLES}
    alone = replace(real, **{name: table[table.arm == "none"] for name, table in tables.items()})
    assert "no two kinds of models" in on_real_images(alone, judge(alone, CLAIMS), drawn, CLAIMS[0], SHOWN)


@pytest.mark.parametrize(("recalls", "is_hardly"), [((0.8, 0.36), True), ((0.8, 0.44), False), ((0.62, 0.62), False)])
def test_models_that_do_hardly_better_than_guessing_are_said_to(real, recalls, is_hardly):
    """With two classes, of which the frequent one has three quarters of the images, guessing has .5, not .75."""
    clean = pd.concat([real.clean.iloc[:0], _tested("none", (0.9, 0.9)), _tested("soft", recalls)])
    results = replace(real, clean=clean, models=real.models.assign(classes=2))
    assert hardly_learned(results) == ([("skin_lesion", "resnet50")] if is_hardly else [])
    text = on_real_images(results, judge(real, CLAIMS), judge(real, CLAIMS), CLAIMS[0], SHOWN)
    assert ("have hardly learned their task" in text) == is_hardly
    assert ("No test counts" in text) == is_hardly
    balanced = sum(recalls) / 2
    assert f"| 0.90 / {0.75 * recalls[0] + 0.25 * recalls[1]:.2f} | 0.90 / {balanced:.2f} | " in text


def _tested(arm, recalls):
    """Return a clean table of 200 images, of which those of each class are recalled so often."""
    rows = [
        {"label": label, "right": number < recall * count, "image": f"{label}{number}", "group": f"{label}{number}"}
        for label, recall, count in zip("ab", recalls, (150, 50), strict=True)
        for number in range(count)
    ]
    return pd.DataFrame(rows).assign(task="skin_lesion", backbone="resnet50", arm=arm, seed=0)


def test_the_forest_plot_says_which_profile_has_real_images(real):
    drawn = planted(source="phantom", profile="reference")
    title = source_of_each([drawn, replace(drawn, about=drawn.about | {"profile": "quick"}), real])
    assert title == "reference, quick: phantoms (drawn images); real: a sample of real images"
