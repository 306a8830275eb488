"""Train a model as its configuration says, once."""

import math
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.checkpoint import Checkpoint
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import HISTORY
from helpers.backend import keras, tf, use_deterministic_operations
from helpers.config import Config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.pipeline import make_dataset
from helpers.datasets.split import SPLITS, class_weights
from helpers.errors import StudyError
from helpers.networks.build import build_model, load_model
from helpers.networks.weights import check_shipped
from helpers.parameters import TrainingParameters
from helpers.paths import from_root
from helpers.training.adversarial import AdversarialTraining
from helpers.training.epochs import EndOfEpoch, fit
from helpers.training.fused import with_fused_layers
from helpers.training.head import train_head
from helpers.training.optimize import compile_model, make_optimizer, precision
from helpers.training.pretrain import pretrain


def train(config: Config) -> keras.Model:
    """Return the trained model of a configuration: from its run folder, or trained now.

    Leaves model.keras, history.csv and TensorBoard's logs in the run folder. A run that was killed goes on from its
    last complete epoch, and with the same seed takes the same steps.

    Raises:
        StudyError: no manifest yet, a batch larger than the training split, or a loss that is infinite or NaN in the
            very first epoch.
    """
    folder, manifest = RunFolder.from_config(config), load_manifest(config)
    weights = _weights(config)
    parameters = config.part(TrainingParameters) | {
        "manifest_digest": manifest_digest(config),
        "weights_digest": _digest_of_weights(weights),
    }
    checkpoint = Checkpoint(folder.checkpoint, parameters | {"version": records.STAGES["training"]})

    def make() -> keras.Model:
        use_deterministic_operations(config.deterministic)
        rows = _rows_by_split(config, manifest)
        model, history = _fit(config, rows, checkpoint, weights=weights, logs=folder.tensorboard)
        HISTORY.save(pd.DataFrame(history), folder.history)
        with files.atomic_write(folder.model) as temporary:
            model.save(temporary)
        return model

    trained = records.make_once(
        folder.model, stage="training", parameters=parameters, make=make, config=config, also=[folder.history]
    )
    checkpoint.remove()
    return load_model(folder.path) if trained is None else trained


def _weights(config: Config) -> str:
    """Return where the weights start from: "random", "imagenet", or the absolute path of a weight file."""
    if config.weights in ("random", "imagenet"):
        return config.weights
    if config.weights != "phantom":
        return str(from_root(config.weights))
    return str(pretrain(config) if config.pretraining else check_shipped(config.backbone))


def _digest_of_weights(weights: str) -> str | None:
    """Return the digest of a weight file; None if the weights come from no file."""
    return files.digest(Path(weights)) if Path(weights).is_file() else None


def _rows_by_split(config: Config, manifest: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows to train on and the rows that early stopping watches.

    Raises:
        StudyError: there are fewer training images than a batch has.
    """
    rows = {split: manifest[manifest.split == split] for split in SPLITS}
    if len(rows["train"]) < config.batch_size:
        raise StudyError(
            f"batch_size: expected at most {len(rows['train'])}, the images of the training split, got "
            f"{config.batch_size}. Choose a smaller batch_size."
        )
    if config.early_stopping_split == "test" or rows["validation"].empty:
        print("As in the paper's code, the test split decides when to stop: the clean accuracy is optimistic.")
        rows["validation"] = rows["test"]
    return rows


def _fit(
    config: Config, rows: dict[str, pd.DataFrame], checkpoint: Checkpoint, *, weights: str, logs: Path
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train a new model, or go on from its checkpoint; return it, and one entry per epoch: epoch, metrics."""
    steps = math.ceil(config.epoch_fraction * len(rows["train"]) / config.batch_size)
    strategy = _devices(config)
    with strategy.scope(), precision(config.precision):
        model = _build(config, weights=weights)
        learner = _learner(config, model)
        compile_model(learner, config, steps=steps * config.epochs)
    weights_by_class = class_weights(rows["train"].label, config.classes) if config.class_weights else None

    def training_data(seen: int) -> tf.data.Dataset:
        return dataset_of(config, rows["train"], training=True, augmentation=config.augment, skip=seen)

    def train_head_first() -> None:
        if config.head_epochs:
            data = training_data(0).take(steps * config.epochs)
            parameters = config.replace(learning_rate=config.head_learning_rate)
            with strategy.scope():
                optimizer = make_optimizer(parameters, steps=len(data) * config.head_epochs)
                train_head(model, data, epochs=config.head_epochs, optimizer=optimizer, class_weight=weights_by_class)

    fitted = fit(
        learner,
        training_data,
        checkpoint,
        before=train_head_first,
        steps=steps,
        epochs=config.epochs,
        seed=config.seed,
        validation=dataset_of(config, rows["validation"]),
        patience=config.patience,
        min_delta=config.min_delta,
        class_weight=weights_by_class,
        logs=logs,
    )
    return _finished(config, model, learner, fitted), fitted.history


def _build(config: Config, *, weights: str = "random") -> keras.Model:
    return build_model(
        backbone=config.backbone,
        attention=config.attention,
        image_size=config.image_size,
        classes=len(config.classes),
        weights=weights,
        seed=config.seed,
    )


def _learner(config: Config, model: keras.Model) -> keras.Model:
    """Return the view of a model that is fitted: with fused layers, on clean or on attacked images."""
    learner = with_fused_layers(model)
    if not config.is_adversarial:
        return learner
    return AdversarialTraining(learner, epsilon=config.training_epsilon, steps=config.training_steps, seed=config.seed)


def _finished(config: Config, model: keras.Model, learner: keras.Model, fitted: EndOfEpoch) -> keras.Model:
    """Return the model with the weights to keep, in float32 and on one device."""
    learner.set_weights(fitted.weights())
    if config.precision == "float32" and config.devices == "one":
        return model
    finished = _build(config)
    finished.set_weights(model.get_weights())
    return finished


def dataset_of(
    config: Config, rows: pd.DataFrame, *, training: bool = False, augmentation: str = "none", skip: int = 0
) -> tf.data.Dataset:
    """Return the images in some rows of a manifest as a configuration wants them (see `make_dataset`)."""
    return make_dataset(
        rows,
        data_dir=data_folder(config),
        classes=config.classes,
        image_size=config.image_size,
        batch_size=config.batch_size,
        training=training,
        augmentation=augmentation,
        seed=config.seed,
        skip=skip,
    )


def _devices(config: Config) -> tf.distribute.Strategy:
    """Return the strategy that spreads each batch over all GPUs, or the default one."""
    return tf.distribute.MirroredStrategy() if config.devices == "all" else tf.distribute.get_strategy()
