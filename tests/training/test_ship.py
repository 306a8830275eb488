"""The weights that come with the study are pretrained, rounded, and described by a card."""

import json

import yaml

from helpers import files
from helpers.profiles import read_profile
from helpers.training.ship import ship


def test_a_tiny_backbone_is_pretrained_rounded_and_described(tmp_path, smoke_profile):
    content = read_profile(smoke_profile)
    content["models"] = [{"task": "skin_lesion", "backbone": "tiny"}, {"task": "pneumothorax", "backbone": "tiny"}]
    profile = tmp_path / "pretrain.yaml"
    profile.write_text(yaml.safe_dump(content))
    path = tmp_path / "tiny.npz"
    card = ship("tiny", profile=str(profile), runs_dir=str(tmp_path / "runs"), to=path)
    assert card["sha256"] == files.digest(path)
    assert json.loads(path.with_suffix(".json").read_text()) == card
    for name in ("balanced_accuracy", "balanced_accuracy_in_8_bits"):
        assert set(card[name]) == {"skin_lesion", "pneumothorax"}
        assert all(0 <= value <= 1 for value in card[name].values())
    assert card["balanced_accuracy"].keys() == card["images"].keys()
