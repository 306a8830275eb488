"""Profile smoke on the real backbones: each is trained, attacked and explained once, in one process."""

import numpy as np
import pytest

from helpers import evaluate, explain_model, predict_test, prepare_manifest, read_config, train
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.explanations import ExplanationArrays
from helpers.artifacts.reports import ChecksReport
from helpers.artifacts.tables import EXPLANATIONS, HISTORY, ROBUSTNESS
from helpers.attacks import attack_checks, checks


@pytest.mark.slow  # minutes, most of it tracing
@pytest.mark.parametrize(
    ("task", "backbone", "cells"),
    [("skin_lesion", "resnet50", 2), ("pneumothorax", "inception_resnet_v2", 1)],
)
def test_a_real_backbone_goes_all_the_way(task, backbone, cells, tmp_path, monkeypatch):
    """Its numbers mean nothing after a few steps; their ranges and shapes do."""
    # To save time: tiny networks pass through these checks, and ResNet-50 through the planted adversarials.
    left_out = [attack_checks.other_attacks_find_no_more, attack_checks.another_search_finds_no_more]
    if backbone == "inception_resnet_v2":
        left_out.append(attack_checks.planted_adversarials_are_found)
    monkeypatch.setattr(checks, "CHECKS", [check for check in checks.CHECKS if check not in left_out])
    model = {"profile": "smoke", "task": task, "backbone": backbone, "attention": "soft", "runs_dir": str(tmp_path)}
    config = read_config(**model, weights="random", epoch_fraction=0.2, head_epochs=0)
    prepare_manifest(config)
    predictions = predict_test(config, train(config))
    assert predictions.iloc[:, 4:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    folder = evaluate(config)
    assert np.isfinite(HISTORY.load(folder.history).loss).all()
    robustness = ROBUSTNESS.load(folder.robustness)
    assert 6 <= robustness.image.nunique() == len(robustness) <= 8  # whole lesions
    assert robustness.radius.max() < 0.32
    some_right = robustness.radius.any()  # without one, no attack can be judged
    assert (ChecksReport.load(folder.checks).verdict == "broken") <= (not some_right)
    kept = Adversarials.load(folder.adversarials)
    distance = np.abs(kept.adversarials - kept.images).reshape(len(kept.images), -1).max(axis=1)
    assert (distance[kept.is_broken] <= kept.radii[kept.is_broken] + 1e-6).all()
    explained = explain_model(config)
    assert ExplanationArrays.load(explained.maps).maps["true"].shape[2:] == (cells, cells)
    assert EXPLANATIONS.load(explained.explanations).image.nunique() == len(kept.names)
