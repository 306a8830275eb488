"""Fetching datasets: MedMNIST+ is downloaded; the others have terms to accept first, so instructions are printed.

python -m helpers.datasets.download medmnist --size 64
python -m helpers.datasets.download ham10000
python -m helpers.datasets.download unpack HAM10000_images_part_1.zip data/HAM10000
"""

import argparse
from pathlib import Path

import pooch

from helpers.datasets.archives import unpack
from helpers.errors import StudyError
from helpers.paths import display_path, from_root
from helpers.signals import exit_on_signals
from helpers.tasks import TASKS

ZENODO = "https://zenodo.org/records/10519652/files"  # MedMNIST+; the digests were published with it
MD5 = {
    "dermamnist_64.npz": "b70a2f5635c6199aeaa28c31d7202e1f",
    "dermamnist_128.npz": "2defd784463fa5243564e855ed717de1",
    "dermamnist_224.npz": "8974907d8e169bef5f5b96bc506ae45d",
    "retinamnist_64.npz": "afda852cc34dcda56f86ad2b2457dbcc",
    "retinamnist_128.npz": "e48e916a24454daf90583d4e6efb1a18",
    "retinamnist_224.npz": "eae7e3b6f3fcbda4ae613ebdcbe35348",
    "chestmnist_64.npz": "9de6cd0b934ebb5b7426cfba5efbae16",
    "chestmnist_128.npz": "db107e5590b27930b62dbaf558aebee3",
    "chestmnist_224.npz": "45bd33e6f06c3e8cdb481c74a89152aa",
}
INSTRUCTIONS = {
    "ham10000": """HAM10000 (task skin_lesion), 10,015 images, 2.8 GB, CC BY-NC 4.0: no commercial use.
1. Open https://doi.org/10.7910/DVN/DBW86T, accept the terms, and download HAM10000_metadata,
   HAM10000_images_part_1.zip, HAM10000_images_part_2.zip and, for masks, HAM10000_segmentations_lesion_tschandl.zip.
2. For each archive: .venv/bin/python -m helpers.datasets.download unpack <archive> data/HAM10000
3. Put the metadata beside them as data/HAM10000/HAM10000_metadata.csv.""",
    "eyepacs": """EyePACS (task retinopathy), 35,126 labelled images, 33 GB, under the rules of the Kaggle competition.
1. Sign in to Kaggle, open https://www.kaggle.com/c/diabetic-retinopathy-detection/rules and accept the rules.
2. Download trainLabels.csv.zip and train.zip.001 to train.zip.005; join the parts: cat train.zip.* > train.zip
3. For both archives: .venv/bin/python -m helpers.datasets.download unpack <archive> data/EyePACS
4. Move trainLabels.csv to data/EyePACS/trainLabels.csv; the images stay in data/EyePACS/train/.""",
    "chestxray14": """ChestX-ray14 (task pneumothorax), 112,120 images, 42 GB, by the NIH Clinical Center: name it, link
to it, and do not try to identify patients.
1. Open https://nihcc.app.box.com/v/ChestXray-NIHCC, read README_CHESTXRAY.pdf, and download Data_Entry_2017 (as CSV),
   images/images_001.tar.gz to images_012.tar.gz, train_val_list.txt, test_list.txt and BBox_List_2017.csv.
2. For each archive: .venv/bin/python -m helpers.datasets.download unpack <archive> data/ChestX-ray14
3. Put the four tables beside them in data/ChestX-ray14/.""",
}


def fetch_medmnist(*, size: int, folder: Path, base_url: str = ZENODO) -> list[Path]:
    """Download the MedMNIST+ files of one image size (64, 128 or 224) that are missing, and verify them."""
    names = [f"{task.medmnist.name}_{size}.npz" for task in TASKS.values() if task.medmnist]
    return [fetch(f"{base_url}/{name}?download=1", folder / name, digest=f"md5:{MD5[name]}") for name in names]


def fetch(url: str, path: Path, *, digest: str) -> Path:
    """Download a file unless it exists; it gets its name only if its digest ("algorithm:hex") is right.

    Raises:
        StudyError: the server cannot be reached, or the content is not what was published.
    """
    try:
        pooch.retrieve(url, known_hash=digest, fname=path.name, path=path.parent, progressbar=True)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path}: expected to download it from {url}; {error}. Try again, or put the file there by hand."
        ) from error
    return path


def main() -> None:
    """Read the command line; fetch, unpack or say how to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    medmnist = commands.add_parser("medmnist", help="download DermaMNIST, RetinaMNIST and ChestMNIST")
    medmnist.add_argument("--size", type=int, choices=(64, 128, 224), default=64)
    medmnist.add_argument("--folder", type=Path, default=Path("data/medmnist"))
    for name in INSTRUCTIONS:
        commands.add_parser(name, help="say how to get it")
    unpacking = commands.add_parser("unpack", help="unpack an archive into a folder")
    unpacking.add_argument("archive", type=Path)
    unpacking.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        with exit_on_signals(arguments.command):
            if arguments.command == "medmnist":
                paths = fetch_medmnist(size=arguments.size, folder=from_root(arguments.folder))
                print("\n".join(f"{display_path(path)}: whole, its digest is right" for path in paths))
            elif arguments.command == "unpack":
                print(f"unpacked to {display_path(unpack(arguments.archive, arguments.folder))}")
            else:
                print(INSTRUCTIONS[arguments.command])
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
