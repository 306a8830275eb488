"""A start for the study's models: a backbone trained on all three tasks' training splits at once.

The paper's models start from ImageNet. Where there is none, a backbone that has seen other pictures stands in: it
learns all classes of all tasks together, at a small image size, and each model goes on from there with its own task.
"""

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.backend import keras
from helpers.config import BACKBONES, PRETRAINING_PARAMETERS, TASKS, Config, StudyError, read_config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest, read_model_config
from helpers.datasets.pipeline import make_dataset
from helpers.networks.backbones import KNOWN
from helpers.networks.weights import load_backbone
from helpers.paths import PretrainedFolder
from helpers.training.checkpoint import Checkpoint
from helpers.training.epochs import fit
from helpers.training.fused import with_fused_layers
from helpers.training.optimize import compile_model, precision


def pretrain(config: Config) -> Path:
    """Return the weight file of a pretrained backbone: the one there is, or one made now.

    It depends on the profile's parameters of pretraining and on the training splits of all three manifests, not on the
    task, the attention or the seed of `config`. Beside it lies its history.csv: epoch, loss, accuracy. A
    pretraining that was killed goes on after its last whole epoch.

    Raises:
        StudyError: a task has no manifest yet.
    """
    try:
        tasks = [read_model_config(profile=config.profile, task=task, runs_dir=config.runs_dir) for task in TASKS]
        rows = pd.concat(map(training_rows, tasks))
    except StudyError as error:
        raise StudyError(
            f"weights: expected a manifest of each task for 'phantom', a pretraining on all three. {error} Or choose "
            "weights: imagenet, random, or the path of a weight file."
        ) from error
    folder = PretrainedFolder.of(config)
    parameters = config.model_dump(include=set(PRETRAINING_PARAMETERS))
    parameters["manifest_digests"] = [manifest_digest(task) for task in tasks]
    if not files.is_made(folder.weights, parameters):
        files.make_folder(folder.path)
        checkpoint = Checkpoint(folder.checkpoint, parameters)
        with files.making(folder.weights, parameters):
            body, history = _fit(config, rows, checkpoint)
            files.write_table(pd.DataFrame(history), folder.history)
            with files.whole(folder.weights) as temporary:
                body.save_weights(temporary)
        checkpoint.remove()
    return folder.weights


def training_rows(config: Config) -> pd.DataFrame:
    """Return what a task's training split brings: image (absolute path), label (named after the task, too)."""
    rows = load_manifest(config).query("split == 'train'")
    folder = data_folder(config)
    images = [str(folder / image) for image in rows.image]
    return pd.DataFrame({"image": images, "label": config.task + " " + rows.label})


def _fit(config: Config, rows: pd.DataFrame, checkpoint: Checkpoint) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train backbone and a head for all classes together; return the backbone, and one entry an epoch."""
    classes, known, size = sorted(set(rows.label)), KNOWN[config.backbone], config.pretraining.image_size
    keras.utils.set_random_seed(0)
    with precision(config.precision):
        pixels = keras.Input((size, size, 3), name="pixels")
        body = load_backbone(config.backbone, known.preprocessing(name="preprocessing")(pixels), "random")
        pooled = keras.layers.GlobalAveragePooling2D()(known.cut(body))
        logits = keras.layers.Dense(len(classes), dtype="float32")(pooled)
        model = with_fused_layers(keras.Model(pixels, logits, name=f"{config.backbone}-pretraining"))
    steps, epochs = math.ceil(len(rows) / config.batch_size), config.pretraining.epochs
    compile_model(model, config.but(learning_rate=config.pretraining.learning_rate), steps=steps * epochs)
    images = {"data_dir": Path("/"), "classes": classes, "image_size": size, "batch_size": config.batch_size}
    shuffled = {"training": True, "augmentation": "mirror", "seed": 0}
    fitted = fit(
        model,
        lambda seen: make_dataset(rows, **images, **shuffled, skip=seen),
        checkpoint,
        steps=steps,
        epochs=epochs,
        seed=0,
    )
    return body, fitted.history


def main() -> None:
    """Pretrain one backbone from the command line; the workflow does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", required=True)
    parser.add_argument("--backbone", required=True, choices=BACKBONES)
    parser.add_argument("--runs-dir", default="runs")
    arguments = parser.parse_args()
    try:
        pretrain(read_config(profile=arguments.profile, backbone=arguments.backbone, runs_dir=arguments.runs_dir))
    except StudyError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
