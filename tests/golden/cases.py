"""What the stages after drawing make on a tiny case: numbers that the golden files pin."""

import tempfile

import numpy as np
import pandas as pd
import tiny_backbones

from helpers import (
    attack,
    build_model,
    check_attack,
    explain_model,
    phantom,
    predict_test,
    prepare_manifest,
    read_config,
    train,
)
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import PretrainedFolder, RunFolder
from helpers.artifacts.tables import DETECTION, EXPLANATIONS, HISTORY
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.eight_bit import search_levels
from helpers.backend import keras
from helpers.datasets.sample import in_sampling_order
from helpers.datasets.split import split_by_group, split_like_datta
from helpers.files import make_folder
from helpers.paths import ROOT

PROFILE = str(ROOT / "tests" / "smoke_tiny.yaml")
SIZE = 32  # pixels
EPSILONS = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
tiny_backbones.register()


def splitting_numbers() -> dict[str, list[float]]:
    """Return which of 60 images of 40 groups are for validation (1) and for testing (2), under both splits."""
    groups = np.repeat(np.arange(40), [1, 2] * 20)
    table = pd.DataFrame({"group": groups, "label": np.array(["a", "a", "b", "c"])[groups % 4]})
    codes = {"train": 0, "validation": 1, "test": 2}
    splits = {"grouped": split_by_group(table, folds=5, seed=3), "datta": split_like_datta(table, seed=3)}
    return {name: split.map(codes).tolist() for name, split in splits.items()}


def training_numbers() -> dict[str, list[float]]:
    """Return the losses of a tiny network's pretraining, and of its trainings, standard and adversarial, by epoch."""
    numbers = {}
    with tempfile.TemporaryDirectory() as runs:
        for task in ("skin_lesion", "retinopathy"):
            prepare_manifest(read_config(profile=PROFILE, runs_dir=runs, task=task))
        for kind, augment in (("standard", "affine"), ("adversarial", "flips")):
            config = read_config(profile=PROFILE, runs_dir=runs, backbone="tiny", training=kind, augment=augment)
            predictions = predict_test(config, train(config))
            history = HISTORY.load(RunFolder.from_config(config).history)
            numbers[kind] = history[["loss", "val_loss"]].round(3).to_numpy().ravel().tolist()
            numbers[f"probabilities, {kind}"] = predictions.iloc[:6, 4:].round(3).to_numpy().ravel().tolist()
        pretraining = HISTORY.load(PretrainedFolder.from_config(config).history)
        numbers["pretraining"] = pretraining.loss.round(3).tolist()
    return numbers


def _network_and_images() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """Return a tiny network with random weights, 8 phantoms, and the classes that it predicts for them."""
    model = build_model(backbone="tiny", attention="soft", image_size=SIZE, classes=7)
    model.get_layer("tiny_branch_bn").gamma.assign(np.ones(16))
    labels = ("nv", "mel", "bkl", "bcc", "akiec", "vasc", "df", "nv")
    images = np.array([phantom("dermatoscopy", label, seed, SIZE).image for seed, label in enumerate(labels)])
    images = (images / 255).astype(np.float32)
    return model, images, model.predict(images, verbose=0).argmax(axis=1)


def attack_numbers() -> dict[str, list[float]]:
    """Return each image's radius in units of .0025, under both protocols and searched thoroughly; and cheap checks."""
    model, images, labels = _network_and_images()
    settings = {
        "paper": {"protocol": "paper", "epsilons": EPSILONS, "steps": 5, "rel_stepsize": 0.4},
        "thorough": {"steps": 2, "thorough": True},
        "minimal": {"steps": 8},
    }
    numbers = {}
    for name, chosen in settings.items():
        found = attack(model, images, labels, **chosen)
        numbers[name] = np.where(np.isfinite(found.radii), found.radii / 0.0025, -1).round(1).tolist()
    compiled = CompiledModel(model, batch_size=8)
    numbers["levels"] = search_levels(compiled, images, labels, steps=8, known=found.adversarials)[0].tolist()
    checks = check_attack(model, images, labels, found)
    exact = {"outputs are logits", "adversarials confirmed", "large epsilon breaks all"}
    numbers["checks"] = [check.value for check in checks.checks if check.name in exact]
    numbers["thresholds"] = [check.threshold for check in checks.checks]
    rows = pd.DataFrame({"group": [0, 0, 1, 2, 3, 4], "label": list("aababa")}, index=list("uvwxyz"))
    order = in_sampling_order(rows, seed=1)
    numbers["order"] = [list(rows.index).index(name) for name in order.index]
    return numbers


def explanation_numbers() -> dict[str, list[float]]:
    """Return the mean of each measure under each condition, of a network with random weights; -9 without any value."""
    model, images, labels = _network_and_images()
    count = len(images)
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[:, 8:24, 8:24] = True
    kept = Adversarials(
        images=images,
        adversarials=images,
        radii=np.full(count, np.inf),
        labels=labels,
        names=np.array([f"{number}.png" for number in range(count)]),
        groups=np.array([str(number // 2) for number in range(count)]),
        masks=masks,
        has_mask=np.ones(count, bool),
    )
    with tempfile.TemporaryDirectory() as runs:
        config = read_config(
            profile=PROFILE, runs_dir=runs, backbone="tiny", attention="soft", source="folder", data_dir="nowhere"
        )
        folder = RunFolder.from_config(config)
        make_folder(folder.path)
        model.save(folder.model)
        kept.save(folder.adversarials)
        explained = explain_model(config)
        table, detection = EXPLANATIONS.load(explained.explanations), DETECTION.load(explained.detection)
    means = table.groupby(["condition", "epsilon", "target", "measure"], sort=False).value.mean().fillna(-9).round(3)
    numbers = {" ".join(map(str, key)).strip(): [value] for key, value in means.items()}
    return numbers | {"detection": detection.auc.round(2).tolist()}
