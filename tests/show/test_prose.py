"""Numbers in README.md and results/README.md that no script writes are those of results, profiles and benchmarks."""

from itertools import product

import pytest

from helpers.artifacts.results import StudyResults
from helpers.judge.claims import read_claims
from helpers.judge.learned import balanced_accuracies
from helpers.judge.ledger import judge
from helpers.paths import ROOT
from helpers.profiles import read_models
from helpers.show.answer import README, REAL, RESULTS
from helpers.show.answer_models import attacked_longer

OF_RESULTS = ROOT / "results" / "README.md"
IN_WORDS = {3: "Three", 13: "thirteen", 18: "eighteen"}


def prose(path):
    """Return a document on one line."""
    return " ".join(path.read_text().split())


@pytest.fixture(scope="module")
def real():
    return StudyResults.load(ROOT / REAL)


def test_readme_says_how_the_models_of_reference_were_trained_and_attacked():
    results, models = StudyResults.load(ROOT / RESULTS[0]), read_models("reference")
    sizes = " and ".join(map(str, sorted(results.models.image_size.unique())))
    (epochs,), (head,) = ({getattr(model, name) for model in models} for name in ("epochs", "head_epochs"))
    images = results.radii.groupby("task").image.nunique()
    attacked = f"{images.min()} or {images.max()} attacked images a task"
    assert f"of {sizes} pixels instead of 224 and 299, and of {attacked}" in prose(README)
    assert f"three trainings of each, {attacked}" in prose(README)
    said = "{skin_lesion} phantoms of skin lesions, {retinopathy} of retinas and {pneumothorax} of chests"
    assert said.format(**images) in prose(OF_RESULTS)
    assert f"trained for {epochs} epochs after {head} of the head alone" in prose(README)
    assert prose(README).count(f"at {sizes} pixels") == 2
    assert len(results.models) == len(models) == 57
    is_dirty = results.models.commit.str.endswith("-dirty")
    assert set(results.models[is_dirty].arm + results.models[is_dirty].task) == {"soft_releasedskin_lesion"}
    assert "that is so of ResNet-50 with soft attention as released on skin lesions" in prose(OF_RESULTS)
    assert "`real/` holds its whole profile, too, three trainings of each model" in prose(OF_RESULTS)
    assert len(StudyResults.load(ROOT / REAL).models) == len(read_models("real")) == 18
    assert "`reference/` holds its whole profile, three trainings of each model" in prose(OF_RESULTS)


def test_readme_says_how_many_of_the_real_retinas_are_diseased(real):
    labels = real.clean[real.clean.task == "retinopathy"].drop_duplicates("image").label
    assert "two thirds of the sampled retinas are diseased" in prose(README)
    assert (labels != "grade 0").mean() == pytest.approx(2 / 3, abs=0.02)


def test_what_readme_says_of_the_judge_of_checks_stands_in_the_benchmarks():
    benchmarks = prose(ROOT / "benchmarks" / "README.md")
    assert "caught 26 of 30, and they doubted 2 of 42 sound settings" in prose(README)
    assert "26 of 30 faults were caught" in benchmarks
    assert "2 of 42 sound settings doubted" in benchmarks
    assert "In our latest test, today's checks missed 4 of 30 planted faults" in prose(README)


def test_the_results_say_what_became_of_the_attacks_on_real_images(real):
    text = prose(OF_RESULTS)
    assert (real.models.verdict == "trusted").all()
    assert f"The checks trust all {IN_WORDS[len(real.models)]} attacks of `real/`" in text
    cells = real.radii.groupby(["task", "backbone"])
    longer = {task: attacked_longer(radii)[lambda repeated: repeated].index.tolist() for (task, _), radii in cells}
    assert (
        f"{IN_WORDS[sum(map(len, longer.values()))]} of them had been doubted at first, all on models with soft" in text
    )
    assert "one on skin lesions, two on retinas" in text
    assert {task: len(models) for task, models in longer.items()} == {"skin_lesion": 1, "retinopathy": 2}
    calls = real.radii[real.radii.radius > 0].groupby(["task", "arm", "seed"]).calls.mean()
    of_longer = [calls[(task, *model)] for task, models in longer.items() for model in models]
    assert f"{round(min(of_longer), -1):.0f} to {round(max(of_longer), -1):.0f} gradient calls" in text


def test_the_results_say_how_little_the_models_of_real_retinas_have_learned_and_the_ratio_on_lesions(real):
    retinas = real.clean[real.clean.task == "retinopathy"].assign(arm=lambda rows: rows.arm + rows.seed.astype(str))
    found = balanced_accuracies(retinas)
    assert f"balanced accuracy is {found.min():.2f} to {found.max():.2f}".replace("0.", ".") in prose(OF_RESULTS)
    (claim,) = (claim for claim in read_claims() if claim.primary)
    (value,) = judge(real, [claim]).query("task == 'skin_lesion'").value.dropna()
    assert f"the ratio of radii stayed at {value:.2f}".replace("0.", ".") in prose(OF_RESULTS)


def test_the_results_say_which_version_of_the_attack_each_model_was_attacked_with(real):
    """The table of versions, as a rule."""
    reference, quick = (StudyResults.load(ROOT / folder).models for folder in RESULTS)
    third = {(task, "resnet50", "placebo", 2) for task in ("retinopathy", "pneumothorax")}
    kinds = product(("retinopathy", "pneumothorax"), ["resnet50"], ("none", "soft", "placebo"), range(3))
    first = {("pneumothorax", "inception_resnet_v2", arm, 0) for arm in ("none", "soft")}
    expected = dict.fromkeys(set(kinds) - third, 4) | dict.fromkeys(third | first, 5)
    for row in reference.itertuples():
        assert row.attack_version == expected.get((row.task, row.backbone, row.arm, row.seed), 6), row
    assert set(quick.attack_version) == {6}
    assert (real.models.attack_version == 6).sum() == 12
    assert "the other twelve of `real/`" in prose(OF_RESULTS)


def test_the_caption_of_the_curves_on_real_images_says_what_they_show(real):
    assert "The curve of soft attention is the lowest; all reach 0 at ε = .01." in prose(README)
    lesions = real.radii[(real.radii.task == "skin_lesion") & (real.radii.seed == 0)]
    curves = {epsilon: (lesions.radius > epsilon).groupby(lesions.arm).mean() for epsilon in (0.00125, 0.0025, 0.005)}
    assert all(curve.idxmin() == "soft" for curve in curves.values())
    assert lesions.radius.max() <= 0.01
    assert 'all three models are right less often than one that always says "diseased"' in prose(README)
    retinas = real.clean[(real.clean.task == "retinopathy") & (real.clean.seed == 0)]
    diseased = (retinas.drop_duplicates("image").label != "grade 0").mean()
    assert (retinas.groupby("arm").right.mean() < diseased).all()
