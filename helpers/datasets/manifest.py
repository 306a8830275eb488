"""One table for a task, a row an image: made once, checked, and kept as a file."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.config import DATA_PARAMETERS, PHANTOM_PARAMETERS, TASK_PARAMETERS, Config, StudyError, one_of, read_config
from helpers.datasets.chestxray14 import read_chestxray14
from helpers.datasets.eyepacs import read_eyepacs
from helpers.datasets.ham10000 import read_ham10000
from helpers.datasets.images import inspect_images, near_duplicates
from helpers.datasets.medmnist import read_medmnist, unpack_medmnist
from helpers.datasets.split import SPLITS, check_split, split_by_group, split_like_the_paper, split_the_rest
from helpers.paths import TaskFolder, from_root
from helpers.phantoms.dataset import drawing_digest, write_phantoms

FIRST = "Run notebook 01_prepare_data first, with the same profile, task and runs_dir."
READERS = {"skin_lesion": read_ham10000, "retinopathy": read_eyepacs, "pneumothorax": read_chestxray14}


def read_manifest(
    *,
    task: str,
    source: str,
    data_dir: Path,
    folds: int,
    seed: int,
    split: str = "grouped",
    on_bad_image: str = "stop",
    **options: str | int,
) -> pd.DataFrame:
    """Read a dataset in its public layout, check every image, and split it.

    Args:
        task: "skin_lesion", "retinopathy" or "pneumothorax".
        source: "folder" or "phantom" read the layout of HAM10000, EyePACS or ChestX-ray14; "medmnist" reads what
            `unpack_medmnist` wrote.
        data_dir: The dataset's folder.
        folds: One fold is the test split, one the validation split, the others train. An official split is kept.
        seed: Which group goes into which fold.
        split: "grouped", or "paper" (see `split_like_the_paper`).
        on_bad_image: "stop" at the first image that cannot be used, or "skip" such images.
        options: What the task's reader takes besides: threshold; finding and against.

    Returns:
        One row an image: image (path relative to `data_dir`), label, group (lesion or patient), split,
        and mask where there are masks. Its `attrs["report"]` lists skipped images and near-duplicates.

    Raises:
        StudyError: the folder is not as its layout says, an image cannot be used, the same file or the same
            group stands in two splits, or a class is missing from a split.
    """
    one_of("task", task, READERS)
    table = (
        read_medmnist(data_dir, task=task, **options) if source == "medmnist" else READERS[task](data_dir, **options)
    )
    inspected = inspect_images(data_dir, table.image)
    skipped = _problems(data_dir, table, inspected, on_bad_image=on_bad_image)
    table, inspected = (frame.drop(index=skipped.index).reset_index(drop=True) for frame in (table, inspected))
    if split == "paper":
        table["split"] = split_like_the_paper(table, seed=seed)
    elif "split" in table:
        table["split"] = split_the_rest(table, folds=folds, seed=seed)
    else:
        table["split"] = split_by_group(table, folds=folds, seed=seed)
    check_split(table, ("train", "test") if split == "paper" else SPLITS)
    _check_copies(data_dir, table, inspected)
    pairs = near_duplicates(inspected, table.split)
    table.attrs["report"] = {
        "images": len(table),
        "skipped": dict(zip(skipped.image, skipped.problem, strict=True)),
        "near_duplicates": [[table.image[a], table.image[b], round(alike, 4)] for a, b, alike in pairs],
    }
    return table


def _problems(folder: Path, table: pd.DataFrame, inspected: pd.DataFrame, *, on_bad_image: str) -> pd.DataFrame:
    """Return the rows that cannot be used, with the column `problem`; raise a StudyError unless skipping them."""
    bad = table.assign(problem=inspected.problem)[inspected.problem != ""]
    if len(bad) and on_bad_image == "stop":
        more = f" ({len(bad) - 1:,} more are bad.)" if len(bad) > 1 else ""
        raise StudyError(
            f"{folder / bad.image.iloc[0]}: {bad.problem.iloc[0]}. Or leave such images out: on_bad_image=skip.{more}"
        )
    if len(bad):
        print(f"skipped {len(bad):,} of {len(table):,} images; the manifest's report lists them")
    return bad


def _check_copies(folder: Path, table: pd.DataFrame, inspected: pd.DataFrame) -> None:
    splits = table.split.groupby(inspected.digest).nunique()
    if (splits > 1).any():
        first, second = table.image[inspected.digest == splits.idxmax()].iloc[:2]
        raise StudyError(
            f"{folder}: expected no file in two splits; {first} and {second} are the same, byte for byte, under "
            "different groups. Drop one of the two rows from the table."
        )


def data_folder(config: Config) -> Path:
    """Return the folder in which this configuration's images lie."""
    if config.source == "folder":
        return from_root(config.data_dir)
    if config.source == "medmnist":
        file = from_root(config.data_dir)
        state = file.stat() if file.is_file() else None
        key = [str(file), state and [state.st_size, state.st_mtime_ns]]
        return from_root("data") / "medmnist" / f"{file.stem}-{files.short_digest(key)}"
    settings = f"ambiguity{config.ambiguity:g}-spurious{config.spurious:g}-seed{config.data_seed}-{drawing_digest()}"
    return from_root("data") / "phantom" / f"{config.task}-{config.phantoms}x{config.phantom_size}px-{settings}"


def prepare_manifest(config: Config) -> pd.DataFrame:
    """Return the task's manifest (see `read_manifest`): from its file if these parameters made it, else made anew.

    Phantoms are drawn, and MedMNIST's files unpacked, first, where they are the source and not there yet. What the
    manifest left out, and what looks alike, stands in manifest_report.json beside it.
    """
    folder, parameters = TaskFolder.of(config), _parameters(config)
    if not files.is_made(folder.manifest, parameters):
        files.make_folder(folder.path)
        data = data_folder(config)
        if config.source == "phantom":
            settings = {name.removeprefix("phantom_"): getattr(config, name) for name in PHANTOM_PARAMETERS[1:]}
            write_phantoms(data, task=config.task, count=config.phantoms, seed=config.data_seed, **settings)
        elif config.source == "medmnist":
            unpack_medmnist(from_root(config.data_dir), data, task=config.task)
        chosen = ("source", "on_bad_image", "split", "folds", *TASK_PARAMETERS[config.task])
        with files.making(folder.manifest, parameters):
            options = {name: getattr(config, name) for name in chosen}
            table = read_manifest(task=config.task, data_dir=data, seed=config.data_seed, **options)
            files.write_json(table.attrs["report"], folder.manifest_report)
            files.write_table(table, folder.manifest)
    return load_manifest(config)


def read_model_config(*, profile: str, **overrides: object) -> Config:
    """Return `read_config(...)` with what notebook 01 was told about the images, from the record of its manifest.

    So the source, the folder, the classes and the split are said once, to notebook 01.

    Raises:
        StudyError: there is no manifest of this profile and task yet; a parameter is wrong.
    """
    config = read_config(profile=profile, **overrides)
    path = TaskFolder.of(config).manifest
    if not path.is_file() or files.recorded(path) is None:
        raise StudyError(f"{path}: expected a manifest, it is not there. {FIRST}")
    return config.but(**{name: value for name, value in files.recorded(path).items() if name in DATA_PARAMETERS})


def load_manifest(config: Config) -> pd.DataFrame:
    """Return the manifest that `prepare_manifest` left, or raise a StudyError that says to run it first."""
    path, parameters = TaskFolder.of(config).manifest, _parameters(config)
    if not files.is_made(path, parameters):
        found = files.differences(path, parameters) or "it is not there"
        raise StudyError(f"{path}: expected a manifest made with these parameters; {found}. {FIRST}")
    return pd.read_csv(path, dtype=str)


def manifest_digest(config: Config) -> str:
    """Return a digest of a task's manifest and, if they are phantoms, of how its images were drawn."""
    path = TaskFolder.of(config).manifest
    return files.short_digest([files.digest(path), (files.recorded(path) or {}).get("drawing")])


def _parameters(config: Config) -> dict:
    unused = {"data_dir"} if config.source == "phantom" else set(PHANTOM_PARAMETERS)
    unused |= {name for task, names in TASK_PARAMETERS.items() if task != config.task for name in names}
    drawn_by = {"drawing": drawing_digest()} if config.source == "phantom" else {}
    return config.model_dump(include=set(DATA_PARAMETERS) - unused) | drawn_by
