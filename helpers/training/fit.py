"""Train a model as its configuration says, once, and predict the test split with it."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import files
from helpers.backend import keras, tf
from helpers.config import MODEL_PARAMETERS, Config, StudyError
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.pipeline import make_dataset
from helpers.datasets.split import SPLITS, class_weights
from helpers.networks.backbones import build_model, load_model
from helpers.paths import RunFolder
from helpers.training.adversarial import AdversarialTraining
from helpers.training.checkpoint import Checkpoint
from helpers.training.epochs import fit
from helpers.training.fused import with_fused_layers
from helpers.training.head import train_head
from helpers.training.optimize import compile_model, make_optimizer, precision
from helpers.training.pretrain import pretrain


def train(config: Config) -> keras.Model:
    """Return the trained model of a configuration: from its run folder, or trained now.

    Leaves model.keras, history.csv and TensorBoard's logs in the run folder. A run that was killed goes on from its
    last whole epoch, and with the same seed takes the same steps.

    Raises:
        StudyError: no manifest yet, a batch larger than the training split, or a loss that is not a number in the
            very first epoch.
    """
    folder = RunFolder.of(config)
    manifest = load_manifest(config)
    parameters = config.model_dump(include=set(MODEL_PARAMETERS))
    parameters["manifest_digest"] = manifest_digest(config)
    weights = config.weights
    if weights == "phantom":
        weights = str(pretrain(config))
        parameters["weights_digest"] = files.digest(Path(weights))
    if not files.is_made(folder.model, parameters):
        rows = _rows_by_split(config, manifest)
        files.make_folder(folder.path)
        checkpoint = Checkpoint(folder.checkpoint, parameters)
        with files.making(folder.model, parameters):
            model, history = _fit(config, rows, checkpoint, weights=weights, logs=folder.tensorboard)
            files.write_table(pd.DataFrame(history), folder.history)
            with files.whole(folder.model) as temporary:
                model.save(temporary)
        checkpoint.remove()
        return model
    return load_model(folder.path)


def _rows_by_split(config: Config, manifest: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows to train on and the rows that early stopping watches; refuse what cannot be trained."""
    rows = {split: manifest[manifest.split == split] for split in SPLITS}
    if len(rows["train"]) < config.batch_size:
        raise StudyError(
            f"batch_size: expected at most {len(rows['train'])}, the images of the training split, got "
            f"{config.batch_size}. Choose a smaller batch_size."
        )
    if config.early_stopping_split == "test" or rows["validation"].empty:
        print("As in the paper's code, the test split says when to stop: the clean accuracy comes out too high.")
        rows["validation"] = rows["test"]
    return rows


def _fit(
    config: Config, rows: dict[str, pd.DataFrame], checkpoint: Checkpoint, *, weights: str, logs: Path
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train a new model, or go on from its checkpoint; return it, and one entry an epoch: epoch, metrics."""
    images = {"data_dir": data_folder(config), "classes": config.classes}
    images |= {"image_size": config.image_size, "batch_size": config.batch_size}
    shuffled = {"training": True, "augmentation": config.augment, "seed": config.seed}
    steps = math.ceil(config.epoch_fraction * len(rows["train"]) / config.batch_size)
    architecture = {"backbone": config.backbone, "attention": config.attention, "image_size": config.image_size}
    architecture |= {"classes": len(config.classes), "seed": config.seed}
    strategy = _devices(config)
    with strategy.scope(), precision(config.precision):
        model = build_model(**architecture, weights=weights)
        learner = with_fused_layers(model)
        if config.training == "adversarial":
            attack = {"epsilon": config.training_epsilon, "steps": config.training_steps, "seed": config.seed}
            learner = AdversarialTraining(learner, **attack)
        compile_model(learner, config, steps=steps * config.epochs)
    weighed = class_weights(rows["train"].label, config.classes) if config.class_weights else None

    def data(seen: int) -> tf.data.Dataset:
        return make_dataset(rows["train"], **images, **shuffled, skip=seen)

    def before() -> None:
        if config.head_epochs:
            shown = data(0).take(steps * config.epochs)
            alone = config.but(learning_rate=config.head_learning_rate)
            with strategy.scope():
                optimizer = make_optimizer(alone, steps=len(shown) * config.head_epochs)
                train_head(model, shown, epochs=config.head_epochs, optimizer=optimizer, class_weight=weighed)

    fitted = fit(
        learner,
        data,
        checkpoint,
        before=before,
        steps=steps,
        epochs=config.epochs,
        seed=config.seed,
        validation=make_dataset(rows["validation"], **images),
        patience=config.patience,
        min_delta=config.min_delta,
        class_weight=weighed,
        logs=logs,
    )
    learner.set_weights(fitted.weights())
    if config.precision != "float32" or config.devices != "one":
        trained = build_model(**architecture)
        trained.set_weights(model.get_weights())
        model = trained
    return model, fitted.history


def _devices(config: Config) -> tf.distribute.Strategy:
    """Return the strategy that spreads each batch over all GPUs, or the one that does not."""
    return tf.distribute.MirroredStrategy() if config.devices == "all" else tf.distribute.get_strategy()


def predict_test(config: Config, model: keras.Model) -> pd.DataFrame:
    """Return the model's predictions on the test split: from predictions.csv, or made now.

    Columns: image, label, prediction, and one probability column a class.
    """
    folder = RunFolder.of(config)
    parameters = {"model_digest": files.digest(folder.model)}
    if not files.is_made(folder.predictions, parameters):
        rows = load_manifest(config).query("split == 'test'")
        images = make_dataset(
            rows,
            data_dir=data_folder(config),
            classes=config.classes,
            image_size=config.image_size,
            batch_size=config.batch_size,
        )
        probabilities = tf.nn.softmax(model.predict(images, verbose=0)).numpy()
        table = pd.DataFrame({"image": rows.image.to_numpy(), "label": rows.label.to_numpy()})
        table["prediction"] = np.array(config.classes)[probabilities.argmax(axis=1)]
        table[list(config.classes)] = probabilities
        with files.making(folder.predictions, parameters):
            files.write_table(table, folder.predictions)
    return pd.read_csv(folder.predictions)
