"""The manifest of a task, one row per image: made once, checked, and kept as a file."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.artifacts import records
from helpers.artifacts.folders import ProfileFolder, TaskFolder, images_folder
from helpers.artifacts.headers import LOOKS
from helpers.artifacts.reports import ManifestReport
from helpers.artifacts.tables import MANIFEST
from helpers.config import Config
from helpers.datasets.folder import walk
from helpers.datasets.matching import IMAGE_TYPES
from helpers.datasets.medmnist import unpack_medmnist
from helpers.datasets.phantom import write_phantoms
from helpers.datasets.read import read_manifest
from helpers.datasets.tables import TABLE_ENDINGS
from helpers.errors import StudyError
from helpers.parameters import ImageParameters, PhantomParameters
from helpers.paths import from_root
from helpers.profiles import read_config
from helpers.tasks import TASKS

RUN_NOTEBOOK_01 = "Run notebook 01_prepare_data first, with the same profile, task and runs_dir."
DATA_DIR_STATE = "contents of data_dir"  # parameter in the record of a manifest


def data_folder(config: Config) -> Path:
    """Return the folder in which this configuration's images are."""
    if config.source == "folder":
        return from_root(str(config.data_dir))
    if config.source == "medmnist":
        return images_folder(config) / f"{Path(str(config.data_dir)).stem}-{config.task}-{data_dir_state(config)}"
    settings = f"ambiguity{config.ambiguity:g}-spurious{config.spurious:g}-seed{config.data_seed}"
    size = f"{config.phantoms}x{config.phantom_size}px"
    return images_folder(config) / f"{config.task}-{size}-{settings}-v{records.STAGES['drawing']}"


def prepare_manifest(config: Config) -> pd.DataFrame:
    """Return the task's manifest (see `read_manifest`): from its file if that is current, else made now.

    Phantoms are drawn, and MedMNIST's files unpacked, first, where they are the source and not there yet. What the
    manifest left out, and what looks alike, is in manifest_report.json beside it. A manifest is made again if its
    parameters, or the files in `data_dir`, changed.
    """
    folder, data = TaskFolder.from_config(config), data_folder(config)
    provide_images(config, data)

    def make() -> None:
        table = read_manifest(
            task=config.task,
            source=config.source,
            data_dir=data,
            folds=config.folds,
            seed=config.data_seed,
            split=config.split,
            on_bad_image=config.on_bad_image,
            **config.task_options,
        )
        table.attrs["report"].save(folder.manifest_report)
        MANIFEST.save(table, folder.manifest)

    files.make_folder(folder.path)
    ProfileFolder.from_config(config).claim(config.profile)
    records.make_once(
        folder.manifest,
        stage="splitting",
        parameters=_parameters(config),
        make=make,
        config=config,
        also=[folder.manifest_report],
    )
    return MANIFEST.load(folder.manifest)


def provide_images(config: Config, data: Path) -> None:
    """Draw phantoms into a folder, or unpack a file of MedMNIST+, unless they are there already."""
    if config.source == "phantom":
        write_phantoms(
            data,
            task=config.task,
            count=config.phantoms,
            size=config.phantom_size,
            seed=config.data_seed,
            ambiguity=config.ambiguity,
            spurious=config.spurious,
        )
    elif config.source == "medmnist":
        unpack_medmnist(from_root(str(config.data_dir)), data, task=config.task)


def read_model_config(*, profile: str, **overrides: object) -> Config:
    """Return `read_config(...)` with what notebook 01 was told about the images, from the record of its manifest.

    So the source, the folder, the classes and the split are said once, to notebook 01.

    Raises:
        StudyError: there is no manifest of this profile and task yet; a parameter is wrong.
    """
    config = read_config(profile=profile, **overrides)
    path = TaskFolder.from_config(config).manifest
    made_with = records.recorded(path)
    if not path.is_file() or not made_with:
        raise StudyError(f"{path}: expected a manifest, it is not there. {RUN_NOTEBOOK_01}")
    return config.replace(**{name: value for name, value in made_with.items() if name in ImageParameters.model_fields})


def load_manifest(config: Config) -> pd.DataFrame:
    """Return the manifest that `prepare_manifest` left.

    Raises:
        StudyError: it is not there, was made with other parameters, or the files in `data_dir` changed since.
    """
    folder, parameters = TaskFolder.from_config(config), _parameters(config)
    path = folder.manifest
    if not records.is_current(path, stage="splitting", parameters=parameters, also=[folder.manifest_report]):
        found = records.differences(path, stage="splitting", parameters=parameters) or "it is not there"
        raise StudyError(f"{path}: expected a manifest made with these parameters; {found}. {RUN_NOTEBOOK_01}")
    return MANIFEST.load(path)


def manifest_digest(config: Config) -> str:
    """Return a digest of a task's manifest and of its images: of their content, or of what phantoms depend on."""
    folder = TaskFolder.from_config(config)
    images = ManifestReport.load(folder.manifest_report).images_digest
    made_with = records.recorded(folder.manifest)
    names = {*PhantomParameters.model_fields, "data_seed", "drawing"}
    phantoms = {name: made_with.get(name) for name in names} if config.source == "phantom" else None
    return files.short_digest([files.digest(folder.manifest), images, phantoms])


def _parameters(config: Config) -> dict:
    """Return what a manifest depends on: the parameters that this task and source use, and the state of the files."""
    other_tasks = {name for task in TASKS.values() for name in task.parameters} - set(config.task_options)
    if config.source == "phantom":
        return config.part(ImageParameters, without={"data_dir", *other_tasks}) | {"drawing": records.STAGES["drawing"]}
    unused = {*PhantomParameters.model_fields, *other_tasks}
    return config.part(ImageParameters, without=unused) | {DATA_DIR_STATE: data_dir_state(config)}


def data_dir_state(config: Config) -> str | None:
    """Return what changes when a file in `data_dir` is added, removed or written; None for phantoms.

    If `data_dir` is not there, the state that the manifest's record has.
    """
    if config.source == "phantom":
        return None
    path = from_root(str(config.data_dir))
    if path.is_file():
        return files.fingerprint([path], relative_to=path.parent)
    if path.is_dir():
        return files.fingerprint(_used_files(path, config), relative_to=path)
    return records.recorded(TaskFolder.from_config(config).manifest).get(DATA_DIR_STATE)


def _used_files(folder: Path, config: Config) -> Iterator[Path]:
    """Yield the files below a folder that a reader may use: tables, lists and pictures, but nothing of the runs."""
    runs = from_root(config.runs_dir)
    is_inside = runs.resolve() != folder.resolve() and runs.resolve().is_relative_to(folder.resolve())
    own = [runs] if is_inside else [ProfileFolder.from_config(config).path, images_folder(config), runs / LOOKS]
    for name in walk(folder, without=own):
        path = folder / name
        if path.suffix.lower() in (*IMAGE_TYPES, *TABLE_ENDINGS):
            yield path
