"""Attack a trained model of the study once, and keep the tables in its run folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.adversarials import Adversarials
from helpers.artifacts.folders import RunFolder, TaskFolder
from helpers.artifacts.reports import ChecksReport, ManifestReport
from helpers.artifacts.tables import REPEAT_FACTOR, ROBUSTNESS, steps_of
from helpers.attacks.attack import PROTOCOLS, attack
from helpers.attacks.attacked import Attacked, nearer
from helpers.attacks.checks import Checks, check_attack
from helpers.attacks.compiled import CompiledModel
from helpers.attacks.eight_bit import file_columns
from helpers.backend import use_deterministic_operations
from helpers.config import Config
from helpers.datasets.manifest import data_folder, load_manifest, manifest_digest
from helpers.datasets.masks import read_mask
from helpers.datasets.pipeline import load_arrays
from helpers.datasets.sample import first_groups, in_sampling_order
from helpers.errors import StudyError
from helpers.networks.build import load_model, model_digest
from helpers.parameters import AttackParameters
from helpers.profiles import read_config

BLOCK = 100  # images per block: bounds lost work and memory
KEPT_ADVERSARIALS = 24
REMEDY_SEED_OFFSET = 1000  # gives the repeated attack other random starts than the first one, and than the checks


def attacked_rows(config: Config) -> pd.DataFrame:
    """Return the manifest's rows that are attacked: the test split, or up to `attack_images` of it.

    They are a stratified sample of whole groups, in an order in which any first part is one, too. It depends on
    `data_seed`: models of a task that attack as many images attack, check and explain the same ones.
    """
    rows = load_manifest(config).query("split == 'test'")
    return first_groups(in_sampling_order(rows, seed=config.data_seed), config.attack_images)


def evaluate(config: Config) -> RunFolder:
    """Attack the model of a configuration, unless its run folder already holds the outcome.

    Leaves robustness.csv, checks.json and adversarials.npz in the run folder. If the
    attack parameters differ from the profile's, the file names contain a digest of them, so the profile's files stay.
    If the checks ask for a longer attack, protocol "minimal" makes it, once; the table names its steps.
    Images are attacked block by block; an evaluation that was killed goes on with the next one, or with the checks. The
    checks, and adversarials.npz, are of the first block.

    Returns:
        The run folder, whose paths name the files.

    Raises:
        StudyError: no model, or one that was trained on other images or another split.
    """
    folder = RunFolder.from_config(config).variant(attack_variant(config))
    rows = attacked_rows(config)
    _check_split_of_model(config, folder)
    parameters = attack_settings(config) | {
        "model_digest": model_digest(folder.path),
        "manifest_digest": manifest_digest(config),
        "masks_digest": ManifestReport.load(TaskFolder.from_config(config).manifest_report).masks_digest,
    }
    key = files.short_digest({**parameters, "block": BLOCK, "version": records.STAGES["attack"]})

    def make() -> None:
        use_deterministic_operations(config.deterministic)
        for part in folder.parts():
            if key not in part.name:  # of another attack: its checks and adversarials must not be taken for this one's
                part.unlink()
        loss = config.loss or PROTOCOLS[config.protocol]
        model = CompiledModel(load_model(folder.path), batch_size=config.attack_batch_size, loss=loss)
        blocks = [rows.iloc[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        tables, steps = [], config.steps
        for number, block in enumerate(blocks):
            tables.append(_attack_block(config, folder, model, block, number, key, steps))
            steps = steps_of(tables[-1])
        ROBUSTNESS.save(pd.concat(tables), folder.robustness)
        for part in folder.parts():
            part.unlink()

    records.make_once(
        folder.robustness,
        stage="attack",
        parameters=parameters,
        make=make,
        config=config,
        also=[folder.checks, folder.adversarials],
    )
    return folder


def _attack_block(
    config: Config, folder: RunFolder, model: CompiledModel, rows: pd.DataFrame, number: int, key: str, steps: int
) -> pd.DataFrame:
    """Return the table of one block of images: from its file, or attacked now; the first block is checked as well."""
    path = folder.part(number, key)
    has_all_files = number > 0 or (folder.checks.is_file() and folder.adversarials.is_file())
    if not (path.is_file() and has_all_files):
        images, labels = load_arrays(
            rows, data_dir=data_folder(config), classes=config.classes, image_size=config.image_size
        )
        settings = {name: getattr(config, name) for name in ("protocol", "epsilons", "rel_stepsize", "loss", "seed")}
        settings["first"] = number * BLOCK
        if number == 0:
            found, checks = _attack_and_check(config, model, images, labels, settings, folder.unchecked(key))
            sample_adversarials(config, rows, images, labels, found).save(folder.adversarials)
            ChecksReport(checks.verdict, json.loads(checks.table.to_json(orient="records"))).save(folder.checks)
        else:
            found = attack(model, images, labels, **settings, steps=steps, thorough=steps > config.steps)
        table = found.table
        if config.protocol == "minimal":
            table = table.assign(**file_columns(model, images, labels, found.adversarials, steps=steps_of(table)))
        classes, part = np.array(config.classes), rows.iloc[table.image]
        table = table.assign(
            image=part.image.to_numpy(),
            label=classes[table.label],
            prediction=classes[table.prediction],
        )
        table.insert(1, "group", part.group.to_numpy())
        ROBUSTNESS.save(table, path)
        folder.unchecked(key).unlink(missing_ok=True)
    return ROBUSTNESS.load(path)


def _attack_and_check(
    config: Config, model: CompiledModel, images: np.ndarray, labels: np.ndarray, settings: dict[str, Any], kept: Path
) -> tuple[Attacked, Checks]:
    """Attack images and check the attack; attack again, in more steps and thoroughly, if the checks ask for that.

    Checks take as long as an attack. What it found is in the file `kept` before they start. If they are killed, or what
    comes after them, the next call reads it from there, and checks it again.
    """
    found = Attacked.load(kept)
    if found is None:
        found = attack(model, images, labels, **settings, steps=config.steps)
        found.save(kept)
    checks = check_attack(model, images, labels, found, seed=config.seed)
    is_first = steps_of(found.table) == config.steps
    if is_first and checks.want_more_steps and config.protocol == "minimal":
        steps = REPEAT_FACTOR * config.steps
        print(f"{model.model.name}: the checks doubt the attack; again, in {steps} steps", flush=True)
        again = settings | {"seed": config.seed + REMEDY_SEED_OFFSET}
        found = nearer(found, attack(model, images, labels, **again, steps=steps, thorough=True))
        found.save(kept)
        checks = check_attack(model, images, labels, found, seed=config.seed)
    return found, checks


def sample_adversarials(
    config: Config, rows: pd.DataFrame, images: np.ndarray, labels: np.ndarray, found: Attacked
) -> Adversarials:
    """Return the first images, of whole groups, with all that is needed to look at them later."""
    sample = first_groups(rows, KEPT_ADVERSARIALS)
    count = len(sample)
    masks = np.zeros((count, config.image_size, config.image_size), bool)
    has_mask = sample["mask"].notna().to_numpy() if "mask" in sample else np.zeros(count, bool)
    for index in np.flatnonzero(has_mask):
        masks[index] = read_mask(sample["mask"].iloc[index], data_dir=data_folder(config), size=config.image_size)
    return Adversarials(
        images=images[:count],
        adversarials=found.adversarials[:count],
        radii=found.radii[:count],
        labels=labels[:count],
        names=sample.image.to_numpy(str),
        groups=sample.group.to_numpy(str),
        masks=masks,
        has_mask=has_mask,
    )


def _check_split_of_model(config: Config, folder: RunFolder) -> None:
    """Raise a StudyError if the model was trained on another split: it may have seen what it would be tested on."""
    trained_on = records.recorded(folder.model).get("manifest_digest")
    if trained_on is not None and trained_on != manifest_digest(config):
        raise StudyError(
            f"{folder.model}: expected a model of the images and split in {TaskFolder.from_config(config).manifest}; "
            "it was trained on another, and may have seen these test images. Run the training notebook again."
        )


def attack_settings(config: Config) -> dict[str, Any]:
    """Return the parameters on which the outcome of the attack depends, by name."""
    unused = {"epsilons", "rel_stepsize", "loss"} if config.protocol == "minimal" else set()
    return config.part(AttackParameters, without=unused)


def attack_variant(config: Config) -> str:
    """Return "" if the attack is the profile's own, else a short digest of its parameters."""
    chosen = attack_settings(config)
    others = {name: value for name, value in config.model_dump().items() if name not in AttackParameters.model_fields}
    own = attack_settings(read_config(**others))
    return "" if chosen == own else files.short_digest(chosen)
