"""Make the weights that come with the study: a pretrained backbone, rounded to 8 bits, and what it is worth.

python -m helpers.training.ship
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import files
from helpers.artifacts.records import versions
from helpers.backbones import BACKBONES
from helpers.backend import keras
from helpers.config import Config
from helpers.datasets.manifest import data_folder, prepare_manifest
from helpers.datasets.pipeline import load_arrays
from helpers.datasets.sample import first_groups, in_sampling_order
from helpers.networks.build import prepared
from helpers.networks.rounded import load_rounded, save_rounded
from helpers.networks.weights import load_backbone, shipped_weights
from helpers.parameters import OptimizerParameters
from helpers.paths import display_path
from helpers.profiles import read_models
from helpers.training.card import describe
from helpers.training.pretrain import pretrain

PROFILE = "pretrain"
PROBED = 1500  # images of a task from which a linear classifier of the features learns


def features_of(network: keras.Model, config: Config, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return a network's pooled features of images, float32 (n, channels), and their labels."""
    images, labels = load_arrays(
        rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
    )
    return network.predict(images, batch_size=32, verbose=0), labels


def probe(network: keras.Model, config: Config) -> float:
    """Return the balanced accuracy, on test images, of a linear classifier of the features."""
    manifest = prepare_manifest(config)
    train = first_groups(in_sampling_order(manifest.query("split == 'train'"), seed=config.data_seed), PROBED)
    x, y = features_of(network, config, train)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)).fit(x, y)
    tested, labels = features_of(network, config, manifest.query("split == 'test'"))
    return float(balanced_accuracy_score(labels, classifier.predict(tested)))


def ship(backbone: str, *, profile: str = PROFILE, runs_dir: str | None = None, to: Path | None = None) -> dict:
    """Pretrain a backbone, write its rounded weights, and return the card: what it learned from, and its accuracies.

    Args:
        backbone: A name in `BACKBONES`.
        profile: Its models name the tasks.
        runs_dir: Where the pretraining is kept; None: as the profile says.
        to: The file of the weights; None: where the study looks for them.
    """
    configs = [config.replace(backbone=backbone) for config in read_models(profile, runs_dir=runs_dir)]
    path = to or shipped_weights(backbone)
    splits = {config.task: prepare_manifest(config).split.value_counts() for config in configs}
    pixels = keras.Input((configs[0].image_size, configs[0].image_size, 3))
    network = load_backbone(backbone, prepared(pixels, backbone), str(pretrain(configs[0])))
    pooled = keras.layers.GlobalAveragePooling2D()(BACKBONES[backbone].cut(network))
    probed = keras.Model(pixels, pooled)
    before = {config.task: probe(probed, config) for config in configs}
    save_rounded(network, path)
    load_rounded(network, path)
    after = {config.task: probe(probed, config) for config in configs}
    card = {
        "backbone": backbone,
        "sha256": files.digest(path),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "learned_from": {task: int(counts["train"]) for task, counts in splits.items()},
        "tested_on": {task: int(counts["test"]) for task, counts in splits.items()},
        "probed": PROBED,
        "data_seed": configs[0].data_seed,
        "pretraining": configs[0].pretraining and configs[0].pretraining.model_dump(),
        "optimization": configs[0].part(OptimizerParameters),
        "balanced_accuracy": before,
        "balanced_accuracy_in_8_bits": after,
        "versions": versions(),
    }
    files.write_json(card, path.with_suffix(".json"))
    with files.atomic_write(path.with_suffix(".md")) as temporary:
        temporary.write_text(describe(card))
    return card


def main() -> None:
    """Read the command line, and make the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50", choices=BACKBONES)
    parser.add_argument("--runs-dir", help="where the pretraining is kept; default: as the profile says")
    arguments = parser.parse_args()
    card = ship(arguments.backbone, runs_dir=arguments.runs_dir)
    path = shipped_weights(arguments.backbone)
    print(f"wrote {display_path(path)}, {card['megabytes']} MB. Its digest, for helpers/backbones.py: {card['sha256']}")


if __name__ == "__main__":
    main()
