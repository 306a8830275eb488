"""Pack what the notebooks need of a finished run into one file; or unpack such a file where the run is not.

    python -m helpers.show.share runs/quick quick.zip [--task skin_lesion] [--models]
    python -m helpers.show.share --use quick.zip

Without its models, a run can be read (notebooks 04, 06 and 07), but not attacked any more (notebook 05). So of the
adversarials, those that a figure shows are packed.
"""

import argparse
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from helpers import files
from helpers.artifacts.broken import broken_files
from helpers.artifacts.folders import OWNER
from helpers.artifacts.records import recorded
from helpers.artifacts.results import ABOUT
from helpers.datasets.archives import unpack
from helpers.errors import StudyError, check_choice
from helpers.paths import display_path, from_root
from helpers.profile_files import profile_path, read_profile
from helpers.profiles import read_models
from helpers.show.jobs import LOCK
from helpers.show.smaller import smaller_copies

CONTENTS = "contents.json"  # in the archive: the profile's name, and the SHA-256 of every other file
PROFILE_NAME = re.compile(r"[^._/\\\x00-\x1f][^/\\\x00-\x1f]*")  # no hidden folder, nor one of the study's, as _images
READ_BY_NOTEBOOKS = (".csv", ".json", ".gz", ".npz", ".yaml")  # endings of the files that notebooks read
NOT_SHARED = ("pretrained", "figures", "notebooks", "logs", "benchmarks", "ro-crate-metadata.json", OWNER)
LARGE_ARCHIVE = 20e6  # bytes: what a course's platform may refuse


def share(folder: Path, archive: Path, *, task: str | None = None, models: bool = False) -> Path:
    """Pack a finished run on phantoms into a .zip file.

    Args:
        folder: Of the run, such as runs/quick.
        archive: The file to write.
        task: Only the models of this task; None: all. The tables in results/ are of all, in any case.
        models: Whether to pack the trained models and all adversarials, too: some hundred megabytes.

    Raises:
        StudyError: no such run, it goes on, it has no such task, or its images are real: only their owners may hand
            them on.
    """
    if not (folder / OWNER).is_file():
        raise StudyError(f"{folder}: expected the folder of a profile's run, such as runs/quick, it is none.")
    manifests = {path.parent.name: path for path in folder.glob("*/manifest.csv")}
    if task is not None:
        check_choice("task", task, manifests)
    if files.is_locked(folder / LOCK) or not (folder / "results" / ABOUT).is_file():
        raise StudyError(f"{folder}: expected a finished run. Wait until it has ended, or run make study.")
    for path in manifests.values():
        if recorded(path).get("source") != "phantom":
            raise StudyError(f"{path}: expected phantoms, these images are real: you may not hand them on.")
    if broken := broken_files(folder):
        raise StudyError(f"{broken[0]}: expected a whole file, it was cut off or changed. Run make study again.")
    endings = (*READ_BY_NOTEBOOKS, ".keras") if models else READ_BY_NOTEBOOKS
    others = manifests.keys() - {task or name for name in manifests}
    chosen = {path.relative_to(folder).as_posix(): path for path in _files(folder, endings, without=others)}
    with tempfile.TemporaryDirectory() as temporary:
        if not models:
            chosen |= smaller_copies(chosen, Path(temporary))
        _pack(chosen, folder.resolve().name, archive)
    return archive


def _pack(chosen: Mapping[str, Path], profile: str, archive: Path) -> None:
    """Write files under their names, and what they are, into a .zip file, atomically."""
    digests = {name: files.digest(path) for name, path in chosen.items()}
    with (
        files.atomic_write(archive) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed,
    ):
        for name, path in chosen.items():
            packed.write(path, name)
        packed.writestr(CONTENTS, json.dumps({"profile": profile, "files": digests}, indent=2))


def _files(folder: Path, endings: Sequence[str], *, without: Collection[str] = ()) -> Iterator[Path]:
    """Return the files of a run that notebooks read, and no others."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_left_out = parts[0] in {*NOT_SHARED, *without} or any(part.startswith(".") for part in parts)
        if path.is_file() and path.suffix in endings and path.name not in NOT_SHARED and not is_left_out:
            yield path


def use(archive: Path, runs: Path) -> Path:
    """Unpack a shared run into a folder of runs, whole or not at all, and return its folder.

    A profile that is not in params/ comes with it. That the files are those that were packed says nothing of who packed
    them: only kinds of files that the study reads as data are taken.

    Raises:
        StudyError: it is no such archive, is damaged or not safe; the run is there already; or params/ has another
            profile of its name.
    """
    if archive.is_file() and not zipfile.is_zipfile(archive):
        raise StudyError(f"{archive}: expected the .zip file of a shared run, it is none.")
    files.make_folder(runs)
    with tempfile.TemporaryDirectory(dir=runs, prefix=files.UNFINISHED) as temporary:
        folder = unpack(archive, Path(temporary))
        name = _check_contents(archive, folder)
        target, profile, brought = runs / name, profile_path(name), folder / "profile.yaml"
        if target.exists():
            raise StudyError(f"{target}: expected no run of profile {name} yet. Move it away, and try again.")
        read_models(str(brought))  # an error here comes before anything is kept
        if profile.is_file() and read_profile(name) != read_profile(str(brought)):
            raise StudyError(
                f"{profile}: expected the profile of {archive}, it is another. Use the version of the study that made "
                "the run, or rename that profile."
            )
        files.write_json({"profile": name}, folder / OWNER)
        folder.replace(target)
        if not profile.is_file():
            with files.atomic_write(profile) as copy:
                shutil.copyfile(target / brought.name, copy)
    return target


def _check_contents(archive: Path, folder: Path) -> str:
    """Check that the unpacked files are those that were packed, and of kinds that are; return the profile's name."""
    try:
        contents = json.loads((folder / CONTENTS).read_text())
        name, expected = contents["profile"], dict(contents["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(f"{archive}: expected a shared run, which has {CONTENTS}; found none. Pack it anew.") from None
    (folder / CONTENTS).unlink()
    if not isinstance(name, str) or not PROFILE_NAME.fullmatch(name) or name.endswith((".yaml", ".yml")):
        raise StudyError(f"{archive}: expected the name of a profile, got {name!r:.60}. Do not trust it.")
    kinds = set(_files(folder, (*READ_BY_NOTEBOOKS, ".keras")))
    if odd := sorted(path for path in folder.rglob("*") if not path.is_dir() and path not in kinds):
        raise StudyError(f"{archive}: expected tables and arrays of a run, got {odd[0].name!r}. Do not trust it.")
    found = {path.relative_to(folder).as_posix(): files.digest(path) for path in kinds}
    if wrong := sorted(name for name in expected.keys() | found if expected.get(name) != found.get(name)):
        listed = ", ".join(wrong[:3])
        raise StudyError(f"{archive}: expected what was packed; missing, changed or added: {listed}. Get it again.")
    return name


def main() -> None:
    """Read the command line, and pack or unpack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="the folder of a run, such as runs/quick")
    parser.add_argument("archive", type=Path, nargs="?", help="the .zip file to write")
    parser.add_argument("--task", help="pack the models of this task only")
    parser.add_argument("--models", action="store_true", help="pack trained models, too")
    parser.add_argument("--use", type=Path, metavar="ARCHIVE", help="unpack this file")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="where to; default: runs")
    arguments = parser.parse_args()
    try:
        if arguments.use:
            print(f"unpacked to {display_path(use(arguments.use, from_root(arguments.runs_dir)))}")
        elif not (arguments.run and arguments.archive):
            parser.error("name the folder of a run and the file to write, or --use a file")
        else:
            archive = share(arguments.run, arguments.archive, task=arguments.task, models=arguments.models)
            size = archive.stat().st_size
            hint = "; with --task, it is smaller" if size > LARGE_ARCHIVE and not arguments.task else ""
            print(f"packed {display_path(archive)}, {size / 1e6:.1f} MB{hint}")
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
