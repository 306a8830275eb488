"""Attack a trained model of the study once, and keep the tables in its run folder."""

import json
from typing import Any

import numpy as np
import pandas as pd

from helpers import files
from helpers.attacks.checks import check_attack
from helpers.attacks.pgd import CompiledModel
from helpers.attacks.sweep import Sweep, sweep
from helpers.config import ATTACK_PARAMETERS, Config, StudyError, read_config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.masks import read_mask
from helpers.datasets.pipeline import load_arrays
from helpers.networks.backbones import load_model
from helpers.paths import RunFolder, TaskFolder

BLOCK = 100  # images attacked, and kept, at a time: what a kill costs at most, and what memory holds
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
    Images are attacked block by block; an evaluation that was killed goes on with the next one. The checks, and
    adversarials.npz, are of the first block.
    """
    folder = RunFolder.of(config).variant(attack_variant(config))
    rows = attacked_rows(config)
    _check_split_of_model(config, folder)
    model = CompiledModel(load_model(folder.path), batch_size=config.attack_batch_size, loss=config.loss)
    parameters = config.model_dump(include=set(ATTACK_PARAMETERS)) | {"model_digest": files.digest(folder.model)}
    if files.is_made(folder.robustness, parameters):
        return folder
    with files.making(folder.robustness, parameters):
        parts = [rows.iloc[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        tables = [_attack_part(config, folder, model, part, number, parameters) for number, part in enumerate(parts)]
        table = pd.concat(tables).sort_values("epsilon", kind="stable")
        files.write_table(table, folder.robustness)
    for part in folder.parts():
        part.unlink()
    return folder


def _attack_part(
    config: Config, folder: RunFolder, model: CompiledModel, rows: pd.DataFrame, number: int, parameters: dict[str, Any]
) -> pd.DataFrame:
    """Return the table of one block of images: from its file, or attacked now. The first block is also checked."""
    path = folder.part(number, files.short_digest({**parameters, "block": BLOCK}))
    if not path.is_file():
        images, labels = load_arrays(
            rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
        )
        settings = config.model_dump(include={"epsilons", "steps", "rel_stepsize", "protocol", "loss", "restarts"})
        found = sweep(model, images, labels, **settings, seed=config.seed, first=number * BLOCK)
        if number == 0:
            keep_adversarials(config, folder, rows, images, labels, found)
            checks = check_attack(model, images, labels, found, seed=config.seed)
            report = {"verdict": checks.verdict, "checks": json.loads(checks.table.to_json(orient="records"))}
            files.write_json(report, folder.checks)
        names, classes = rows.image.to_numpy(), np.array(config.classes)
        columns = {"label": classes[found.table.label], "prediction": classes[found.table.prediction]}
        files.write_table(found.table.assign(image=names[found.table.image], **columns), path)
    return pd.read_csv(path, dtype={"image": str, "label": str, "prediction": str})


def keep_adversarials(
    config: Config, folder: RunFolder, rows: pd.DataFrame, images: np.ndarray, labels: np.ndarray, found: Sweep
) -> None:
    """Keep the first images with all that is needed to look at them later; where an image has no mask, none is set."""
    kept = rows.iloc[:KEPT_ADVERSARIALS]
    first, masks = slice(len(kept)), np.zeros((len(kept), config.image_size, config.image_size), bool)
    has_mask = kept["mask"].notna().to_numpy() if "mask" in kept else np.zeros(len(kept), bool)
    for place in np.flatnonzero(has_mask):
        masks[place] = read_mask(kept["mask"].iloc[place], data_dir=data_folder(config), size=config.image_size)
    with files.whole(folder.adversarials) as temporary:
        np.savez_compressed(
            temporary,
            images=images[first],
            adversarials=found.adversarials[first],
            minimal_epsilon=found.minimal_epsilon[first],
            labels=labels[first],
            names=kept.image.to_numpy(str),
            groups=kept.group.to_numpy(str),
            masks=masks,
            has_mask=has_mask,
        )


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
    own = read_config(**config.model_dump(include={"profile", "task", "backbone", "training"})).model_dump(
        include=set(ATTACK_PARAMETERS)
    )
    chosen = config.model_dump(include=set(ATTACK_PARAMETERS))
    return "" if chosen == own else files.short_digest(chosen)
