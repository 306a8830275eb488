import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers import evaluate, files, load_manifest, prepare_manifest, read_config
from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import ROBUSTNESS
from helpers.attacks import attack_checks, checks, model_checks
from helpers.attacks import evaluate as evaluation
from helpers.attacks.attack import attack
from helpers.attacks.checks import Checks, check_attack
from helpers.backend import keras
from helpers.datasets.manifest import data_folder
from helpers.datasets.pipeline import load_arrays
from helpers.paths import ROOT


@pytest.fixture(scope="module")
def trained_once(ham10000, tmp_path_factory):
    """Return the parameters of an attack on a small network that has learned a little. Do not attack it; copy it."""
    runs = tmp_path_factory.mktemp("runs")
    settings = {"profile": "smoke", "source": "folder", "data_dir": str(ham10000), "runs_dir": str(runs)}
    settings |= {"image_size": 32, "weights": "random", "folds": 3, "attack_images": 14, "attack_batch_size": 4}
    settings |= {"epsilons": [0.002, 0.005, 0.01, 0.02, 0.04], "steps": 4}
    config = read_config(**settings)
    prepare_manifest(config)
    rows = load_manifest(config).query("split == 'train'")
    images, labels = load_arrays(rows, data_dir=data_folder(config), classes=config.classes, image_size=32)
    keras.utils.set_random_seed(0)
    steps = [keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 5, 2, activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([*steps, keras.layers.Dense(7)])
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, epochs=30, verbose=0)
    files.make_folder(RunFolder.from_config(config).path)
    model.save(RunFolder.from_config(config).model)
    return settings


@pytest.fixture
def trained(trained_once, tmp_path):
    """Return the parameters of an attack on a copy of the network."""
    runs = tmp_path / "runs"
    shutil.copytree(trained_once["runs_dir"], runs)
    return trained_once | {"runs_dir": str(runs)}


FEW_CHECKS = (attack_checks.another_search_finds_no_more, model_checks.predictions_vary)


@pytest.fixture(autouse=True)
def few_checks(monkeypatch):
    """Leave out checks that attack with planted models and other packages: here, files matter, not outcomes."""
    monkeypatch.setattr(checks, "CHECKS", FEW_CHECKS)
    monkeypatch.setattr(attack_checks, "HARD_IMAGES", 1)


def test_a_deleted_file_of_an_evaluation_is_made_again(trained):
    config = read_config(**trained)
    folder = evaluate(config)
    names = ("checks", "adversarials", "robustness")
    before = {name: getattr(folder, name).read_bytes() for name in names}
    for name in names:
        getattr(folder, name).unlink()
        evaluate(config)
        assert {which: getattr(folder, which).read_bytes() for which in names} == before


def test_a_killed_evaluation_goes_on_with_the_next_block_of_images(trained, monkeypatch):
    monkeypatch.setattr(evaluation, "BLOCK", 4)
    config = read_config(**trained)
    folder = evaluate(config)
    names = ("robustness", "checks", "adversarials")
    whole = {name: getattr(folder, name).read_bytes() for name in names}
    assert len(pd.read_csv(folder.robustness)) == 14
    for name in names:
        getattr(folder, name).unlink()
    command = (
        "import os; from helpers import read_config; "
        "from helpers.attacks import attack_checks, checks, evaluate as evaluation, model_checks; "
        "checks.CHECKS = (attack_checks.another_search_finds_no_more, model_checks.predictions_vary); "
        "kill = lambda *args, **more: os.kill(os.getpid(), 9) if more['first'] == 8 else attack(*args, **more); "
        "attack, evaluation.attack = evaluation.attack, kill; "
        f"evaluation.BLOCK = 4; attack_checks.HARD_IMAGES = 1; evaluation.evaluate(read_config(**{trained!r}))"
    )
    killed = subprocess.run([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert not folder.robustness.exists()
    assert not list(folder.path.glob(".*.part*.npz"))  # what was kept of the first block for its checks
    attacked = []
    monkeypatch.setattr(
        evaluation, "attack", lambda *args, **more: attacked.append(more["first"]) or attack(*args, **more)
    )
    evaluate(config)
    assert attacked == [8, 12]
    assert not folder.parts()
    assert {name: getattr(folder, name).read_bytes() for name in names} == whole


@pytest.mark.parametrize("is_doubted", [False, True], ids=["trusted", "repeated"])
def test_an_attack_that_was_killed_while_it_was_checked_is_not_made_again(trained, monkeypatch, is_doubted):
    """Kill it in its checks, or, where they asked for another attack, in the checks of that one."""

    def check(*args, **more):
        found = check_attack(*args, **more).checks
        is_passed = not is_doubted
        return Checks(tuple(replace(c, passed=is_passed or c.name != "another search finds no more") for c in found))

    config, checked = read_config(**trained), []
    monkeypatch.setattr(evaluation, "check_attack", check)
    folder = evaluate(config)
    names = ("robustness", "checks", "adversarials")
    whole = {name: getattr(folder, name).read_bytes() for name in names}
    for name in names:
        getattr(folder, name).unlink()

    def kill(*args, **more):
        if len(checked) == is_doubted:
            raise KeyboardInterrupt
        checked.append(None)
        return check(*args, **more)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(evaluation, "check_attack", kill)
        evaluate(config)
    assert len(checked) == is_doubted
    assert [path.name[0] for path in folder.parts()] == ["."]  # so that the images in it are not shared
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "attack", lambda *args, **more: pytest.fail("attacked again"))
        evaluate(config)
    assert {name: getattr(folder, name).read_bytes() for name in names} == whole
    assert not list(folder.path.glob("*.part*"))


def test_the_block_hardly_changes_the_outcome_and_the_parts_of_another_attack_do_not(trained, monkeypatch):
    config = read_config(**trained)
    folder = evaluate(config)
    whole = pd.read_csv(folder.robustness)
    folder.robustness.unlink()
    folder.part(0, "12345678").write_text("of another attack")
    monkeypatch.setattr(evaluation, "BLOCK", 5)
    blocks = pd.read_csv(evaluate(config).robustness)
    # Other images are the hardest of a block than of all, and are searched longer.
    pd.testing.assert_frame_equal(blocks.drop(columns="calls"), whole.drop(columns="calls"), rtol=0.02)
    assert not folder.parts()


def test_checks_and_adversarials_of_an_attack_that_was_killed_are_not_taken_for_those_of_another(trained, monkeypatch):
    """Kill one attack after its first block, then another, then run the first to its end."""
    monkeypatch.setattr(evaluation, "BLOCK", 5)
    strong, weak = read_config(**trained), read_config(**trained | {"steps": 1})
    monkeypatch.setattr(evaluation, "attack_variant", lambda config: "")
    expected = {name: getattr(evaluate(strong), name).read_bytes() for name in ("checks", "adversarials")}

    def kill_after_the_first_block(*args, **more):
        if more["first"]:
            raise KeyboardInterrupt
        return attack(*args, **more)

    folder = RunFolder.from_config(strong)
    folder.robustness.unlink()
    for config in (strong, weak):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(evaluation, "attack", kill_after_the_first_block)
            evaluate(config)
    evaluate(strong)
    assert {name: getattr(folder, name).read_bytes() for name in expected} == expected


def test_a_block_of_an_earlier_version_of_the_attack_is_not_used(trained, monkeypatch):
    monkeypatch.setattr(evaluation, "BLOCK", 5)
    config = read_config(**trained)
    folder = evaluate(config)
    folder.robustness.unlink()

    def stop(*args, **more):
        if more["first"] == 10:
            raise KeyboardInterrupt
        return attack(*args, **more)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(evaluation, "attack", stop)
        evaluate(config)
    attacked = []
    monkeypatch.setitem(records.STAGES, "attack", records.STAGES["attack"] + 1)
    monkeypatch.setattr(
        evaluation, "attack", lambda *args, **more: attacked.append(more["first"]) or attack(*args, **more)
    )
    evaluate(config)
    assert attacked == [0, 5, 10]


def test_a_doubtful_attack_is_made_again_once_in_more_steps(trained, monkeypatch, capsys):
    """Real checks, of which one is turned to failed: for the first attack only, or always."""
    config = read_config(**trained)
    monkeypatch.setattr(evaluation, "BLOCK", 5)
    verdicts = iter([False, True, False, False])

    def doubt(*args, **more):
        found, passed = check_attack(*args, **more).checks, next(verdicts)
        is_doubted = [check.name == "another search finds no more" for check in found]
        assert sum(is_doubted) == 1
        return Checks(tuple(replace(c, passed=passed) if d else c for c, d in zip(found, is_doubted, strict=True)))

    attacked = []

    def observed(*args, steps, thorough=False, **more):
        attacked.append((more["first"], steps, thorough))
        return attack(*args, steps=steps, thorough=thorough, **more)

    monkeypatch.setattr(evaluation, "check_attack", doubt)
    monkeypatch.setattr(evaluation, "attack", observed)
    for verdict in ("trusted", "doubtful"):
        folder = evaluate(config)
        assert set(ROBUSTNESS.load(folder.robustness).attack) == {"minimum_norm_8"}  # of all blocks
        assert ChecksReport.load(folder.checks).verdict == verdict
        assert "the checks doubt the attack; again, in 8 steps" in capsys.readouterr().out
        folder.checks.unlink()
    assert not list(verdicts)
    assert attacked == 2 * [(0, 4, False), (0, 8, True), (5, 8, True), (10, 8, True)]


def test_a_longer_attack_that_finds_less_takes_nothing_away(trained, monkeypatch):
    """The second attack is read with radii twice as large; the first one's radii stay."""

    def doubt(*args, **more):
        found = check_attack(*args, **more).checks
        return Checks(tuple(replace(c, passed=c.name != "another search finds no more") for c in found))

    radii, seeds = {}, set()

    def worse(*args, steps, **more):
        seeds.add(more["seed"])
        found = attack(*args, steps=steps, **more)
        radii[steps] = found.radii * (2 if radii else 1)
        return replace(found, radii=radii[steps], table=found.table.assign(radius=radii[steps]))

    monkeypatch.setattr(evaluation, "check_attack", doubt)
    monkeypatch.setattr(evaluation, "attack", worse)
    folder = evaluate(read_config(**trained))
    assert list(radii) == [4, 8]
    assert len(seeds) == 2  # so the second attack has starts of its own
    table = ROBUSTNESS.load(folder.robustness)
    assert table.radius.to_numpy() == pytest.approx(radii[4])
    assert (table.seed == 0).all()


def test_a_table_says_what_survives_a_file(trained):
    table = ROBUSTNESS.load(evaluate(read_config(**trained)).robustness)
    broken = table[(table.radius > 0) & np.isfinite(table.radius)]
    assert len(broken)
    assert (broken.levels + 0.5 >= 255 * broken.radius).all()  # rounding the image moves it by up to half a level
    assert (broken.levels <= 255 * broken.radius + 2).all()
    assert broken.fools_rounded.dtype == broken.fools_jpeg.dtype == bool
