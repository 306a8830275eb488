"""Pretraining: a backbone learns from the training splits of all of a profile's tasks at once.

The paper's models start from ImageNet. Where that is not available, a backbone that has seen other pictures
replaces it: it learns all classes of these tasks together, and each model goes on from there with its own task.
"""

import math
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.checkpoint import Checkpoint
from helpers.artifacts.folders import PretrainedFolder
from helpers.artifacts.tables import HISTORY
from helpers.backbones import BACKBONES
from helpers.backend import keras, use_deterministic_operations
from helpers.config import Config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest, read_model_config
from helpers.datasets.pipeline import make_dataset
from helpers.errors import StudyError
from helpers.networks.build import prepared
from helpers.networks.weights import load_backbone
from helpers.parameters import OptimizerParameters, Pretraining
from helpers.profiles import profile_tasks, read_backbone_parameters
from helpers.training.epochs import fit
from helpers.training.fused import with_fused_layers
from helpers.training.optimize import compile_model, precision

HDF5_OVERHEAD = 2500  # bytes that the file needs for a variable besides its values, at most
SEED = 0  # the same for all models that start from it


def pretrain(config: Config) -> Path:
    """Return the weight file of a pretrained backbone: the existing one, or one made now.

    It depends on the profile's parameters of pretraining and on the training splits of the profile's tasks, not on the
    task, the attention or the seed of `config`. Beside it is its history.csv: epoch, loss, accuracy. A
    pretraining that was killed goes on after its last complete epoch.

    Raises:
        StudyError: a task has no manifest yet.
    """
    names = profile_tasks(config.profile)
    try:
        tasks = [read_model_config(profile=config.profile, task=name, runs_dir=config.runs_dir) for name in names]
        rows = pd.concat(map(training_rows, tasks))
    except StudyError as error:
        raise StudyError(
            f"weights: 'phantom' is a pretraining on {', '.join(names)}; expected a manifest of each. {error} "
            "Or choose weights: imagenet, random, or the path of a weight file."
        ) from error
    folder = PretrainedFolder.from_config(config)
    pretraining, optimization = _parameters_of_pretraining(config)
    parameters = {
        "backbone": config.backbone,
        "pretraining": pretraining.model_dump(),
        **optimization.model_dump(),
        "manifest_digests": [manifest_digest(task) for task in tasks],
    }
    checkpoint = Checkpoint(folder.checkpoint, parameters | {"version": records.STAGES["training"]})

    def make() -> None:
        use_deterministic_operations(config.deterministic)
        network, history = _fit(config.backbone, pretraining, optimization, rows, checkpoint)
        HISTORY.save(pd.DataFrame(history), folder.history)
        with files.atomic_write(folder.weights) as temporary:
            files.check_room(folder.weights, network.count_params() * 4 + len(network.variables) * HDF5_OVERHEAD)
            network.save_weights(temporary)

    records.make_once(
        folder.weights, stage="training", parameters=parameters, make=make, config=config, also=[folder.history]
    )
    checkpoint.remove()
    return folder.weights


def training_rows(config: Config) -> pd.DataFrame:
    """Return the training split of a task: image (absolute path), label (preceded by the task's name)."""
    rows = load_manifest(config).query("split == 'train'")
    folder = data_folder(config)
    images = [str(folder / image) for image in rows.image]
    return pd.DataFrame({"image": images, "label": config.task + " " + rows.label})


def _parameters_of_pretraining(config: Config) -> tuple[Pretraining, OptimizerParameters]:
    """Return the pretraining, and how its weights are updated: as in a training, at its own learning rate.

    Both come from the profile's `parameters` and `backbones`, so that all models of a backbone share them.

    Raises:
        StudyError: the profile has no pretraining for this backbone.
    """
    shared = read_backbone_parameters(config.profile, config.backbone)
    pretraining = shared.get("pretraining") or config.pretraining
    if pretraining is None:
        raise StudyError(f"pretraining: profile {config.profile} has none for {config.backbone}. Add one.")
    pretraining = Pretraining.model_validate(pretraining)
    optimization = {name: value for name, value in shared.items() if name in OptimizerParameters.model_fields}
    optimization["learning_rate"] = pretraining.learning_rate
    return pretraining, OptimizerParameters.model_validate(optimization)


def _fit(
    backbone: str,
    pretraining: Pretraining,
    optimization: OptimizerParameters,
    rows: pd.DataFrame,
    checkpoint: Checkpoint,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train backbone and a head for all classes together; return the backbone, and one entry per epoch."""
    classes, size = sorted(set(rows.label)), pretraining.image_size
    keras.utils.set_random_seed(SEED)
    with precision(optimization.precision):
        pixels = keras.Input((size, size, 3), name="pixels")
        network = load_backbone(backbone, prepared(pixels, backbone), "random")
        pooled = keras.layers.GlobalAveragePooling2D()(BACKBONES[backbone].cut(network))
        logits = keras.layers.Dense(len(classes), dtype="float32")(pooled)
        model = with_fused_layers(keras.Model(pixels, logits, name=f"{backbone}-pretraining"))
    steps, epochs = math.ceil(len(rows) / optimization.batch_size), pretraining.epochs
    compile_model(model, optimization, steps=steps * epochs)

    def data(seen: int):
        return make_dataset(
            rows,
            data_dir=Path("/"),
            classes=classes,
            image_size=size,
            batch_size=optimization.batch_size,
            training=True,
            augmentation="mirror",
            seed=SEED,
            skip=seen,
        )

    fitted = fit(model, data, checkpoint, steps=steps, epochs=epochs, seed=SEED)
    return network, fitted.history
