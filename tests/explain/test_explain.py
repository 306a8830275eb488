"""Explaining a small model of the study, from its adversarials to its table."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import StudyError, attack, build_model, files, prepare_manifest, read_config
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import DETECTION, EXPLANATIONS
from helpers.attacks.evaluate import attacked_rows, sample_adversarials
from helpers.datasets.manifest import data_folder, load_manifest
from helpers.datasets.masks import read_mask
from helpers.datasets.pipeline import load_arrays
from helpers.explain import map_measures
from helpers.explain.compare_maps import compare_maps
from helpers.explain.controls import others, shuffled
from helpers.explain.counterfactuals import draw_sign_differences
from helpers.explain.explanation import Explanation, explain_model, explained_folder
from helpers.explain.measure_table import COLUMNS, MAP_MEASURES, MAP_PAIR_MEASURES, PERTURBATION_MEASURES
from helpers.explain.responses import attack_and_controls
from helpers.networks.build import load_model
from helpers.networks.weights import shuffle_weights


@pytest.fixture(scope="module")
def runs(tmp_path_factory, smoke_profile):
    """Return configurations without and with attention, of untrained models with what a weak attack kept of them."""
    folder = tmp_path_factory.mktemp("runs")
    configs = [
        read_config(profile=smoke_profile, backbone="tiny", runs_dir=str(folder), attention=name, epsilons=[0.02, 0.3])
        for name in ("none", "soft")
    ]
    prepare_manifest(configs[0])
    rows = attacked_rows(configs[0])
    shown = {"data_dir": data_folder(configs[0]), "classes": configs[0].classes, "image_size": 32}
    images, labels = load_arrays(rows, **shown)
    for config in configs:
        model = build_model(backbone="tiny", attention=config.attention, image_size=32, classes=len(config.classes))
        files.make_folder(RunFolder.from_config(config).path)
        model.save(RunFolder.from_config(config).model)
        found = attack(model, images, labels, steps=2, batch_size=8)
        sample_adversarials(config, rows, images, labels, found).save(RunFolder.from_config(config).adversarials)
    return configs


@pytest.fixture(scope="module")
def explained(runs):
    return [explain_model(config) for config in runs]


def test_the_table_has_a_row_for_every_image_condition_and_measure(runs, explained):
    table = EXPLANATIONS.load(explained[0].explanations)
    assert list(table.columns) == list(COLUMNS)
    kept = Adversarials.load(RunFolder.from_config(runs[0]).adversarials)
    assert list(table.image.unique()) == list(kept.names)
    counts = table.groupby("condition").size() / len(kept.names)
    perturbed = len(PERTURBATION_MEASURES) + 2 * (len(MAP_MEASURES) + len(MAP_PAIR_MEASURES))  # two targets
    shuffled = 2 * (len(MAP_MEASURES) + len(MAP_PAIR_MEASURES))
    assert counts.to_dict() == {
        "clean": 2 * len(MAP_MEASURES),
        "attack": 2 * perturbed,  # two epsilons
        "noise": 2 * perturbed,
        "other image": 2 * perturbed,
        "shuffled head": shuffled,
        "shuffled weights": shuffled,
    }


def test_where_there_is_no_value_there_is_a_reason_and_nowhere_else(explained):
    table = EXPLANATIONS.load(explained[1].explanations)
    assert (table.value.isna() == (table.reason != "")).all()
    assert table.value.notna().mean() > 0.5


def test_noise_and_attack_keep_to_their_radius(explained):
    kept = ExplanationArrays.load(explained[0].maps)
    assert kept.epsilons.tolist() == [0.02, 0.3]
    assert np.abs(kept.changes).max() <= 1 + 1e-3
    assert kept.changes.shape == (2, len(kept.images), 32, 32, 3)
    assert kept.maps["true"].shape == kept.maps["predicted"].shape == (3, len(kept.names), 4, 4)
    assert kept.attention is None
    assert ExplanationArrays.load(explained[1].maps).attention.sum(axis=(2, 3)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["maps", "detection"])
def test_a_deleted_file_of_an_explanation_is_made_again(runs, explained, name):
    path = getattr(explained[0], name)
    before = path.read_bytes()
    path.unlink()
    explain_model(runs[0])
    assert path.read_bytes() == before


def test_nothing_is_explained_twice(runs, explained, capsys):
    before = explained[0].explanations.stat().st_mtime_ns
    explain_model(runs[0])
    assert explained[0].explanations.stat().st_mtime_ns == before
    assert not capsys.readouterr().out


def test_explained_otherwise_it_lies_beside(runs, explained):
    how = Explanation.from_config(runs[0], method="gradcam++", sample=4, epsilons=(0.1,))
    other = explain_model(runs[0], how)
    assert other.explanations != explained[0].explanations
    assert EXPLANATIONS.load(other.explanations).image.nunique() == 4
    assert explained_folder(runs[0], Explanation.from_config(runs[0])).explanations == explained[0].explanations


def test_detection_has_an_area_for_all_epsilons_features_and_others(explained):
    table = DETECTION.load(explained[0].detection)
    assert len(table) == 2 * 2 * 2
    assert table.auc.between(0, 1).all()
    assert (table.low <= table.auc).all()
    assert (table.auc <= table.high).all()


def test_two_models_are_compared_on_the_same_images(explained):
    table = compare_maps(*explained)
    assert set(table.condition) == {"other model", "other model, other image"}
    same = compare_maps(explained[0], explained[0]).query("condition == 'other model'")
    alike = same.query("measure == 'SSIM'").value.dropna()
    assert len(alike)
    assert alike.to_numpy() == pytest.approx(1)
    assert len(table) == 2 * len(MAP_PAIR_MEASURES) * table.image.nunique()


def test_the_control_of_two_models_has_images_of_other_groups_or_is_left_out(explained, monkeypatch):
    arrays = ExplanationArrays.load(explained[0].maps)
    names, at = np.unique(arrays.names, return_index=True)
    groups = np.array([f"P{number // 2}" for number in range(len(names))])  # neighbours by name are of one patient
    by_name = dict(zip(names, groups, strict=True))
    paired = replace(arrays, groups=np.array([by_name[name] for name in arrays.names]))
    monkeypatch.setattr(ExplanationArrays, "load", lambda path: paired)
    table = compare_maps(explained[0], explained[0]).query("condition != 'other model' and measure == 'SSIM'")
    maps = arrays.maps["true"][0][at]
    expected = [map_measures.ssim(one, maps[other]) for one, other in zip(maps, others(groups), strict=True)]
    assert table.value.to_numpy() == pytest.approx(np.array(expected), nan_ok=True)
    monkeypatch.setattr(ExplanationArrays, "load", lambda path: replace(arrays, groups=np.full(len(names), "P")))
    assert set(compare_maps(explained[0], explained[0]).condition) == {"other model"}


def test_the_default_epsilons_are_those_of_the_grid_nearest_to_the_papers():
    grid = [0.00125 * 2**k for k in range(9)]
    assert Explanation.from_config(read_config(profile="smoke", epsilons=[0, *grid])).epsilons == (0.00125, 0.01, 0.32)
    assert Explanation.from_config(read_config(profile="smoke", epsilons=[0.1])).epsilons == (0.1,)


def test_given_epsilons_are_explained_as_given():
    config = read_config(profile="smoke")
    found = Explanation.from_config(config, epsilons="0.01,0.02,0.03,0.05").epsilons
    assert found == (0.01, 0.02, 0.03, 0.05)
    assert Explanation.from_config(config, epsilons=None) == Explanation(epsilons=(0.01, 0.32))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epsilons": "0, 0.01"}, "epsilons: expected radii above 0, got 0"),
        ({"epsilons": "0,01"}, "epsilons: expected a decimal point, got '0,01'"),
        ({"sample": True}, "sample: expected a number, got True"),
        ({"sample": -1}, "sample: input should be greater than 0, got -1"),
        ({"sample": "x"}, "sample: input should be a valid integer"),
        ({"method": "foo"}, "method: expected one of gradcam, .*'foo'"),
        ({"method": ["gradcam"]}, "method: input should be a valid string"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_runs(wrong, message):
    with pytest.raises(StudyError, match=f"^{message}"):
        Explanation.from_config(read_config(profile="smoke"), **wrong)


def test_a_phantom_differs_from_itself_without_signs_inside_its_mask(runs):
    config = runs[0]
    rows = load_manifest(config).iloc[:6]
    found = draw_sign_differences(config, list(rows.image))
    for difference, mask in zip(found, rows["mask"], strict=True):
        lesion = read_mask(mask, data_dir=data_folder(config), size=32)
        assert difference.any()
        assert (difference & lesion).sum() > 0.6 * difference.sum()  # vessels and networks may grow beyond the outline
    assert draw_sign_differences(config.replace(source="folder", data_dir="x"), list(rows.image)) is None


def test_shuffling_keeps_every_weights_numbers():
    model = build_model(backbone="tiny", attention="soft", image_size=32, classes=2)
    before = [weight.numpy() for weight in model.get_layer("logits").weights]
    body = model.get_layer("tiny_1_conv").kernel.numpy()
    shuffle_weights(model, behind="features")
    after = model.get_layer("logits").weights
    assert not np.array_equal(before[0], after[0])
    np.testing.assert_array_equal(np.sort(before[0], axis=None), np.sort(after[0].numpy(), axis=None))
    np.testing.assert_array_equal(body, model.get_layer("tiny_1_conv").kernel)
    shuffle_weights(model)
    assert not np.array_equal(body, model.get_layer("tiny_1_conv").kernel)


def test_without_a_model_or_adversarials_it_names_the_notebook_that_makes_them(runs):
    with pytest.raises(StudyError, match=r"adversarials.npz: expected adversarials.*04_evaluate_pgd"):
        explain_model(runs[0].replace(attention="placebo"))


def test_noise_has_the_values_of_the_attack_elsewhere():
    rng = np.random.default_rng(1)
    changes = rng.uniform(-0.1, 0.1, (3, 8, 8, 3)).astype(np.float32)
    images = rng.choice(np.array([0, 0.5, 1], np.float32), changes.shape)  # two thirds at an edge
    noise = shuffled(images, changes, seed=0)
    assert noise.dtype == np.float32
    assert (images + noise).min() >= 0
    assert (images + noise).max() <= 1
    for change, mixed in zip(changes, noise, strict=True):
        assert np.sort(np.abs(mixed), axis=None).tolist() == np.sort(np.abs(change), axis=None).tolist()
        assert abs(np.corrcoef(np.abs(mixed).ravel(), np.abs(change).ravel())[0, 1]) < 0.3
        assert 0.3 < (mixed > 0).mean() < 0.7
    assert np.array_equal(shuffled(images, changes, seed=0), noise)
    assert not np.array_equal(shuffled(images, changes, seed=1), noise)


def test_each_condition_changes_the_images_as_it_says(runs):
    folder = RunFolder.from_config(runs[0])
    kept = Adversarials.load(folder.adversarials)
    settings = {"epsilons": [0.02], "steps": 2, "rel_stepsize": 0.5}
    ((_, changed),) = attack_and_controls(runs[0], load_model(folder.path), kept, **settings)
    change = changed["attack"] - kept.images
    elsewhere = np.clip(kept.images + change[others(kept.groups)], 0, 1)
    assert np.array_equal(changed["other image"], elsewhere)
    assert not np.array_equal(changed["other image"], changed["attack"])
    energy = [((changed[name] - kept.images) ** 2).sum() for name in ("attack", "noise")]
    assert energy[0] == pytest.approx(energy[1], rel=1e-4)
    assert list(changed) == ["attack", "noise", "other image"]
    alone = replace(kept, groups=np.full(len(kept.groups), "A"))
    ((_, of_one_group),) = attack_and_controls(runs[0], load_model(folder.path), alone, **settings)
    assert list(of_one_group) == ["attack", "noise"]


@pytest.mark.parametrize(
    ("groups", "expected"), [("abc", [1, 2, 0]), ("aab", [2, 2, 0]), ("aa", []), ("a", []), ("abab", [1, 2, 3, 0])]
)
def test_the_other_image_is_of_another_group(groups, expected):
    assert others(np.array(list(groups))).tolist() == expected


def test_outcomes_tell_what_was_wrong_before_from_what_was_broken(runs, explained):
    table = EXPLANATIONS.load(explained[0].explanations)
    arrays = ExplanationArrays.load(explained[0].maps)
    right = arrays.predictions == arrays.labels
    attacked = table[(table.condition == "attack") & (table.epsilon == 0.3)].drop_duplicates("image").outcome
    expected = np.where(~right[0], "wrong before", np.where(right[2], "held", "broken"))
    assert attacked.tolist() == expected.tolist()
    assert {"wrong before", "broken"} <= set(expected)
    assert set(table[table.condition == "clean"].outcome) <= {"held", "wrong before"}


def test_a_map_that_is_all_zero_is_counted(explained):
    table = EXPLANATIONS.load(explained[1].explanations)
    empty = table[table.measure == "all zero"].set_index(["image", "condition", "epsilon", "target"]).value
    other = table[table.measure == "entropy"].set_index(["image", "condition", "epsilon", "target"]).value
    assert empty.notna().all()
    assert set(empty) == {0, 1}
    assert (other.isna() == (empty == 1)).all()


def test_the_default_method_follows_the_head(runs):
    assert Explanation.from_config(runs[0]).method == "gradcam"
    assert Explanation.from_config(runs[0].replace(backbone="tiny_flat")).method == "hirescam"
    assert Explanation.from_config(runs[0].replace(backbone="tiny_flat"), method="gradcam").method == "gradcam"
