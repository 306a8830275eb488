"""Train a model as its configuration says, once, and predict the test split with it."""

import math

import numpy as np
import pandas as pd

from helpers import files
from helpers.backend import keras, tf
from helpers.config import MODEL_PARAMETERS, Config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.pipeline import make_dataset
from helpers.datasets.split import SPLITS, class_weights
from helpers.networks.backbones import build_model, load_model
from helpers.paths import RunFolder
from helpers.progress import progress


def train(config: Config) -> keras.Model:
    """Return the trained model of a configuration: from its run folder, or trained now.

    Leaves model.keras and history.csv in the run folder. A run that was killed starts again from the manifest,
    and with the same seed takes the same steps.
    """
    folder = RunFolder.of(config)
    manifest = load_manifest(config)
    parameters = config.model_dump(include=set(MODEL_PARAMETERS))
    parameters["manifest_digest"] = manifest_digest(config)
    if not files.is_made(folder.model, parameters):
        files.make_folder(folder.path)
        with files.making(folder.model, parameters):
            model, history = _fit(config, manifest)
            files.write_table(history, folder.history)
            with files.whole(folder.model) as temporary:
                model.save(temporary)
    return load_model(folder.path)


def _fit(config: Config, manifest: pd.DataFrame) -> tuple[keras.Model, pd.DataFrame]:
    """Train a new model; return it, and one row an epoch: epoch, and the metrics on training and validation split."""
    rows = {split: manifest[manifest.split == split] for split in SPLITS}
    if rows["validation"].empty:
        print(
            "This split has no validation images. As in the paper's code, the test split takes their place, which makes"
        )
        print("the clean accuracy optimistic.")
        rows["validation"] = rows["test"]
    images = {"data_dir": data_folder(config), "classes": config.classes}
    images |= {"image_size": config.image_size, "batch_size": config.batch_size}
    steps = math.ceil(config.epoch_fraction * len(rows["train"]) / config.batch_size)
    model = _compiled_model(config, steps=steps * config.epochs)
    with progress(description=f"training {model.name}", total=steps * config.epochs) as bar:
        callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())]
        if config.patience:
            settings = {"patience": config.patience, "min_delta": config.min_delta, "restore_best_weights": True}
            callbacks.append(keras.callbacks.EarlyStopping(monitor="val_loss", **settings))
        history = model.fit(
            make_dataset(rows["train"], **images, training=True, augmentation=config.augment, seed=config.seed),
            validation_data=make_dataset(rows["validation"], **images),
            epochs=config.epochs,
            steps_per_epoch=steps,
            class_weight=class_weights(rows["train"].label, config.classes) if config.class_weights else None,
            callbacks=callbacks,
            shuffle=False,  # the dataset shuffles
            verbose=0,
        ).history
    table = pd.DataFrame(history)
    table.insert(0, "epoch", np.arange(1, len(table) + 1))
    return model, table


def _compiled_model(config: Config, *, steps: int) -> keras.Model:
    model = build_model(
        backbone=config.backbone,
        attention=config.attention,
        image_size=config.image_size,
        classes=len(config.classes),
        weights=config.weights,
        seed=config.seed,
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = config.batch_norm_momentum
    model.compile(
        optimizer=make_optimizer(config, steps=steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def learning_rate(config: Config, *, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a constant rate, or "cosine": a warm-up over a tenth of `steps`, and then a fall to 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warmup = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=config.learning_rate, warmup_steps=warmup
    )


def make_optimizer(config: Config, *, steps: int) -> keras.optimizers.Optimizer:
    """Return the configured optimizer for a training of `steps` steps."""
    rate = learning_rate(config, steps=steps)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, epsilon=config.adam_epsilon, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate, epsilon=config.adam_epsilon)


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
