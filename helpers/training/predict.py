"""Predict the test split with a trained model, once."""

import numpy as np
import pandas as pd

from helpers.artifacts import records
from helpers.artifacts.folders import RunFolder
from helpers.artifacts.tables import PREDICTIONS
from helpers.backend import keras, tf, use_deterministic_operations
from helpers.config import Config
from helpers.datasets.manifest import load_manifest, manifest_digest
from helpers.networks.build import model_digest
from helpers.training.fit import dataset_of


def predict_test(config: Config, model: keras.Model) -> pd.DataFrame:
    """Return the model's predictions on the test split: from predictions.csv, or made now.

    Columns: image, group, label, prediction, and one probability column a class.
    """
    folder = RunFolder.from_config(config)

    def make() -> None:
        use_deterministic_operations(config.deterministic)
        rows = load_manifest(config).query("split == 'test'")
        probabilities = tf.nn.softmax(model.predict(dataset_of(config, rows), verbose=0)).numpy()
        table = rows[["image", "group", "label"]].reset_index(drop=True)
        table["prediction"] = np.array(config.classes)[probabilities.argmax(axis=1)]
        table[list(config.classes)] = probabilities
        PREDICTIONS.save(table, folder.predictions)

    parameters = {"model_digest": model_digest(folder.path), "manifest_digest": manifest_digest(config)}
    records.make_once(folder.predictions, stage="training", parameters=parameters, make=make, config=config)
    return PREDICTIONS.load(folder.predictions)
