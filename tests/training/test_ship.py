"""The weights that come with the study are pretrained, rounded, and described by a card."""

import json

import yaml

from helpers import files, prepare_manifest, read_config
from helpers.backbones import BACKBONES
from helpers.networks.weights import shipped_weights
from helpers.profile_files import read_profile
from helpers.training.card import describe
from helpers.training.ship import ship


def test_a_tiny_backbone_is_pretrained_rounded_and_described(tmp_path, smoke_profile):
    content = read_profile(smoke_profile)
    content["models"] = [{"task": "skin_lesion", "backbone": "tiny"}, {"task": "pneumothorax", "backbone": "tiny"}]
    profile = tmp_path / "pretrain.yaml"
    profile.write_text(yaml.safe_dump(content))
    path = tmp_path / "tiny.npz"
    card = ship("tiny", profile=str(profile), runs_dir=str(tmp_path / "runs"), to=path)
    assert card["sha256"] == files.digest(path)
    text = path.with_suffix(".md").read_text()
    assert card["sha256"] in text
    manifest = prepare_manifest(read_config(profile=str(profile), runs_dir=str(tmp_path / "runs"), task="skin_lesion"))
    counts = [(manifest.split == split).sum() for split in ("train", "test")]
    assert f"| skin_lesion | {counts[0]} | {counts[1]} | {card['balanced_accuracy']['skin_lesion']:.3f} |" in text
    assert "must" in text.split("What it must not be used for")[1]
    assert json.loads(path.with_suffix(".json").read_text()) == card
    for name in ("balanced_accuracy", "balanced_accuracy_in_8_bits"):
        assert set(card[name]) == {"skin_lesion", "pneumothorax"}
        assert all(0 <= value <= 1 for value in card[name].values())
    assert card["balanced_accuracy"].keys() == card["learned_from"].keys()


def test_the_weights_that_come_with_the_study_fit_their_records():
    for name, backbone in BACKBONES.items():
        path = shipped_weights(name)
        assert path.is_file() == bool(backbone.shipped_digest)
        if backbone.shipped_digest:
            card = json.loads(path.with_suffix(".json").read_text())
            assert card["sha256"] == backbone.shipped_digest == files.digest(path)
            assert describe(card) == path.with_suffix(".md").read_text()
            assert path.stat().st_size < 30e6
