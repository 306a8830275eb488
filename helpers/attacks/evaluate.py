"""Attack a trained model of the study once, and keep the tables in its run folder."""

import json

import numpy as np
import pandas as pd

from helpers import files
from helpers.attacks.checks import check_attack
from helpers.attacks.pgd import CompiledModel
from helpers.attacks.sweep import sweep
from helpers.config import ATTACK_PARAMETERS, Config, StudyError, read_config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.pipeline import load_arrays
from helpers.networks.backbones import load_model
from helpers.paths import RunFolder, TaskFolder

KEPT_ADVERSARIALS = 24


def attacked_rows(config: Config) -> pd.DataFrame:
    """Return the manifest's rows that are attacked: the test split, or `attack_images` of it drawn by seed."""
    rows = load_manifest(config).query("split == 'test'")
    if config.attack_images is None or config.attack_images >= len(rows):
        return rows
    return rows.sample(config.attack_images, random_state=config.seed).sort_index()


def evaluate(config: Config) -> RunFolder:
    """Attack the model of a configuration, unless its run folder already holds the outcome.

    Leaves robustness.csv, checks.json and adversarials.npz in the run folder. With attack parameters other
    than the profile's own, their names carry a digest of the parameters, so that the profile's outcome stays.
    """
    folder = RunFolder.of(config).variant(attack_variant(config))
    rows = attacked_rows(config)
    _check_split_of_model(config, folder)
    model = CompiledModel(load_model(folder.path), batch_size=config.attack_batch_size)
    parameters = config.model_dump(include=set(ATTACK_PARAMETERS)) | {"model_digest": files.digest(folder.model)}
    if files.is_made(folder.robustness, parameters):
        return folder
    images, labels = load_arrays(
        rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
    )
    with files.making(folder.robustness, parameters):
        found = sweep(
            model,
            images,
            labels,
            epsilons=config.epsilons,
            steps=config.steps,
            rel_stepsize=config.rel_stepsize,
            protocol=config.protocol,
            seed=config.seed,
        )
        checks = check_attack(model, images, labels, found, seed=config.seed)
        names, classes = rows.image.to_numpy(), np.array(config.classes)
        table = found.table.assign(
            image=names[found.table.image], label=classes[found.table.label], prediction=classes[found.table.prediction]
        )
        kept = slice(KEPT_ADVERSARIALS)
        with files.whole(folder.adversarials) as temporary:
            np.savez_compressed(
                temporary,
                images=images[kept],
                adversarials=found.adversarials[kept],
                minimal_epsilon=found.minimal_epsilon[kept],
                labels=labels[kept],
                rows=np.arange(len(images))[kept],
            )
        report = {"verdict": checks.verdict, "checks": json.loads(checks.table.to_json(orient="records"))}
        files.write_json(report, folder.checks)
        files.write_table(table, folder.robustness)
    return folder


def _check_split_of_model(config: Config, folder: RunFolder) -> None:
    """Raise a StudyError if the model was trained on another split: it may have seen what it would be tested on."""
    record = files.recorded(folder.model)
    if record and record["manifest_digest"] != manifest_digest(config):
        raise StudyError(
            f"{folder.model}: expected a model of the images and split in {TaskFolder.of(config).manifest}; it was "
            "trained on another, and may have seen these test images. Run the training notebook again."
        )


def attack_variant(config: Config) -> str:
    """Return "" if the attack is the profile's own, else a short digest of its parameters."""
    own = read_config(profile=config.profile, task=config.task, backbone=config.backbone).model_dump(
        include=set(ATTACK_PARAMETERS)
    )
    chosen = config.model_dump(include=set(ATTACK_PARAMETERS))
    return "" if chosen == own else files.short_digest(chosen)
