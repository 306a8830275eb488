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
    text = on_real_images(real, judge(real, CLAIMS), drawn, SHOWN)
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
    too = "All of them were made on drawn images, too. Decided alike in both: "
    decided = same[same.value.notna() & (same.section != "ours")].verdict.ne("cannot tell").sum()
    assert decided in (1, 2)
    rest = f"*cannot tell* in both: {3 - decided}; decided the other way:"
    assert f"{too}{decided}; {rest} 0; decided in one of them only: 0." in on_real_images(real, same, same, SHOWN)
    assert f"{too}{decided - 1}; {rest} 1; decided in one of them only: 0." in on_real_images(real, same, other, SHOWN)
    unknown = same.assign(verdict=same.verdict.where(same.claim != "robustness", "cannot tell"))
    assert f"{too}{decided - 1}; {rest} 0; decided in one of them only: 1." in on_real_images(
        real, same, unknown, SHOWN
    )


def test_an_attack_that_was_repeated_is_said_with_the_models_it_was_on(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn, SHOWN)
    assert text.count("| 3 |\n") == 2
    assert "attacked longer" not in text
    is_repeated = (real.radii.arm == "soft") & (real.radii.seed > 0)
    radii = real.radii.assign(attack=real.radii.attack.mask(is_repeated, "minimum_norm_400"))
    text = on_real_images(replace(real, radii=radii), judge(real, CLAIMS), drawn, SHOWN)
    assert re.search(r"ResNet-50 without attention [^\n]*\| 3 \|\n", text)
    assert re.search(r"ResNet-50 with soft attention [^\n]*\| 3, 2 attacked longer \|\n", text)
    share = real.clean.drop_duplicates("image").label.value_counts().max() / real.clean.image.nunique()
    assert f"| {real.clean.image.nunique()}, {share:.0%} of one class, {real.radii.image.nunique()} attacked |" in text


def test_a_claim_that_drawn_images_do_not_answer_has_a_dash(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn[drawn.claim != "robustness"], ["robustness"])
    assert text.endswith("| – | – |")


def test_clean_accuracy_and_median_radius_are_those_of_the_tables(real, drawn):
    text = on_real_images(real, judge(real, CLAIMS), drawn, SHOWN)
    soft = real.clean[real.clean.arm == "soft"].right.mean()
    middle = real.radii[(real.radii.arm == "soft") & (real.radii.radius > 0)].radius.median()
    assert f"ResNet-50 with soft attention | {soft:.2f} | {soft:.2f} | {middle:.4f} | 3 |" in text


def test_models_without_a_partner_are_not_compared(real, drawn):
    tables = {name: getattr(real, name) for name in TABLES}
    alone = replace(real, **{name: table[table.arm == "none"] for name, table in tables.items()})
    assert "no two kinds of models" in on_real_images(alone, judge(alone, CLAIMS), drawn, SHOWN)


@pytest.mark.parametrize(("recalls", "is_hardly"), [((0.8, 0.36), True), ((0.8, 0.44), False), ((0.62, 0.62), False)])
def test_models_that_do_hardly_better_than_guessing_are_said_to(real, recalls, is_hardly):
    """With two classes, of which the frequent one has three quarters of the images, guessing has .5, not .75."""
    clean = pd.concat([real.clean.iloc[:0], _tested("none", (0.9, 0.9)), _tested("soft", recalls)])
    results = replace(real, clean=clean, models=real.models.assign(classes=2))
    assert hardly_learned(results) == ([("skin_lesion", "resnet50")] if is_hardly else [])
    text = on_real_images(results, judge(real, CLAIMS), judge(real, CLAIMS), SHOWN)
    assert ("have hardly learned the task" in text) == is_hardly
    assert ("No test counts" in text) == is_hardly
    balanced = sum(recalls) / 2
    assert f"with soft attention | {0.75 * recalls[0] + 0.25 * recalls[1]:.2f} | {balanced:.2f} | " in text


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
