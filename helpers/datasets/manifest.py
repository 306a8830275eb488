"""One table for a task, a row an image: made once, checked, and kept as a file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from PIL import Image

from helpers import files
from helpers.config import DATA_PARAMETERS, PHANTOM_PARAMETERS, Config, StudyError, one_of
from helpers.datasets.ham10000 import read_ham10000
from helpers.datasets.split import check_split, split_by_group
from helpers.paths import TaskFolder, from_root
from helpers.phantoms.dataset import write_phantoms
from helpers.progress import progress

READERS = {"skin_lesion": read_ham10000}
LARGEST_IMAGE = 50_000_000  # pixels; a larger one is taken for a decompression bomb


def read_manifest(*, task: str, data_dir: Path, folds: int, seed: int) -> pd.DataFrame:
    """Read a dataset in its public layout, check every image, and split it.

    Args:
        task: "skin_lesion" reads HAM10000's layout.
        data_dir: The dataset's folder.
        folds: One fold is the test split, one the validation split, the others train.
        seed: Which group goes into which fold.

    Returns:
        One row an image: image (path relative to `data_dir`), label, group (lesion or patient), split,
        and mask where there are masks.

    Raises:
        StudyError: the folder is not as its layout says, an image cannot be read, or a class is missing
            from a split.
    """
    table = READERS[one_of("task", task, READERS)](data_dir)
    table["split"] = split_by_group(table, folds=folds, seed=seed)
    check_split(table)
    check_images(data_dir, table.image)
    return table


def check_images(folder: Path, images: pd.Series) -> None:
    """Decode every image once; raise a StudyError that names the first that cannot be read."""

    def decode(name: str) -> None:
        try:
            with Image.open(folder / name) as image:
                if image.width * image.height > LARGEST_IMAGE:
                    raise StudyError(
                        f"{folder / name}: expected at most {LARGEST_IMAGE:,} pixels, "
                        f"got {image.width}x{image.height}. If it is no decompression bomb, make it smaller."
                    )
                image.load()
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise StudyError(f"{folder / name}: expected a whole image; {error}. Copy or download it anew.") from error

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(decode, images), total=len(images), description="checking images"):
            pass


def data_folder(config: Config) -> Path:
    """Return the folder in which this configuration's images lie."""
    if config.source == "folder":
        return from_root(config.data_dir)
    name = (
        f"{config.task}-{config.phantoms}x{config.phantom_size}px-ambiguity{config.ambiguity:g}-seed{config.data_seed}"
    )
    return from_root("data") / "phantom" / name


def prepare_manifest(config: Config) -> pd.DataFrame:
    """Return the task's manifest (see `read_manifest`): from its file if these parameters made it, else made anew.

    Phantoms are drawn first where they are the source and not there yet.
    """
    path, parameters = TaskFolder.of(config).manifest, _parameters(config)
    if not files.is_made(path, parameters):
        files.make_folder(path.parent)
        data = data_folder(config)
        if config.source == "phantom":
            settings = {"count": config.phantoms, "size": config.phantom_size, "ambiguity": config.ambiguity}
            write_phantoms(data, seed=config.data_seed, **settings)
        with files.making(path, parameters):
            table = read_manifest(task=config.task, data_dir=data, folds=config.folds, seed=config.data_seed)
            files.write_table(table, path)
    return load_manifest(config)


def load_manifest(config: Config) -> pd.DataFrame:
    """Return the manifest that `prepare_manifest` left, or raise a StudyError that says to run it first."""
    path, parameters = TaskFolder.of(config).manifest, _parameters(config)
    if not files.is_made(path, parameters):
        found = files.differences(path, parameters) or "it is not there"
        raise StudyError(
            f"{path}: expected a manifest made with these parameters; {found}. Run notebook 01_prepare_data with them "
            "first, or give this notebook the parameters of that run."
        )
    return pd.read_csv(path, dtype=str)


def _parameters(config: Config) -> dict:
    unused = set(PHANTOM_PARAMETERS) if config.source == "folder" else {"data_dir"}
    return config.model_dump(include=set(DATA_PARAMETERS) - unused)
