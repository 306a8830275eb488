"""Pack what the notebooks need of a finished run into one file; or unpack such a file where the run is not.

    python -m helpers.show.share runs/quick quick.zip [--task skin_lesion] [--models]
    python -m helpers.show.share --use quick.zip

Without its models, a run can be read (notebooks 04, 06 and 07), but not attacked any more (notebook 05).
"""

import argparse
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from helpers import files
from helpers.artifacts.folders import OWNER, ProfileFolder
from helpers.datasets.archives import unpack
from helpers.errors import StudyError, check_choice
from helpers.paths import display_path, from_root
from helpers.profiles import profile_path, profile_tasks, read_models, read_profile

DIGESTS = "digests.json"  # in the archive: the SHA-256 of every other file in it
READ_BY_NOTEBOOKS = (".csv", ".json", ".gz", ".npz", ".yaml")  # endings of the files that notebooks read
NOT_SHARED = ("pretrained", "figures", "notebooks", "logs", "benchmarks", "ro-crate-metadata.json")
LARGE_ARCHIVE = 20e6  # bytes: what a course's platform may refuse


def share(folder: Path, archive: Path, *, task: str | None = None, models: bool = False) -> Path:
    """Pack a finished run on phantoms into a .zip file.

    Args:
        folder: Of the run, such as runs/quick.
        archive: The file to write.
        task: Only the models of this task; None: all. The tables in results/ are of all, in any case.
        models: Whether to pack the trained models, too: some hundred megabytes.

    Raises:
        StudyError: no such run, it has no such task, or its images are real: only their owners may hand them on.
    """
    profile = _profile_of(folder)
    if task is not None:
        check_choice("task", task, profile_tasks(profile))
    if any(model.source != "phantom" for model in read_models(profile)):
        raise StudyError(f"{folder}: expected a run on phantoms, its images are real: you may not hand them on.")
    endings = (*READ_BY_NOTEBOOKS, ".keras") if models else READ_BY_NOTEBOOKS
    others = set(profile_tasks(profile)) - {task or name for name in profile_tasks(profile)}
    chosen = {path.relative_to(folder).as_posix(): path for path in _files(folder, endings, without=others)}
    with files.atomic_write(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in chosen.items():
            packed.write(path, name)
        packed.writestr(DIGESTS, json.dumps({name: files.digest(path) for name, path in chosen.items()}, indent=2))
    return archive


def _profile_of(folder: Path) -> str:
    """Return the profile that a folder of runs belongs to."""
    try:
        return str(json.loads((folder / OWNER).read_text())["profile"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(f"{folder}: expected the folder of a profile's run, such as runs/quick, it is none.") from None


def _files(folder: Path, endings: tuple[str, ...], *, without: set[str]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and path.suffix in endings and not is_hidden and parts[0] not in {*NOT_SHARED, *without}:
            yield path


def use(archive: Path, runs: Path) -> Path:
    """Unpack a shared run into a folder of runs, whole or not at all, and return its folder.

    A profile that is not in params/ comes with it.

    Raises:
        StudyError: it is no such archive, is damaged or not safe; the run is there already; or params/ has another
            profile of its name.
    """
    files.make_folder(runs)
    with tempfile.TemporaryDirectory(dir=runs, prefix=files.UNFINISHED) as temporary:
        folder = unpack(archive, Path(temporary))
        _check_digests(archive, folder)
        name = Path(_profile_of(folder)).stem
        target, profile = ProfileFolder(runs / name), profile_path(name)
        if target.path.exists():
            raise StudyError(f"{target.path}: expected no run of profile {name} yet. Move it away, and try again.")
        if not profile.is_file():
            with files.atomic_write(profile) as copy:
                shutil.copyfile(folder / "profile.yaml", copy)
        elif read_profile(name) != read_profile(str(folder / "profile.yaml")):
            raise StudyError(
                f"{profile}: expected the profile of {archive}, it is another. Use the version of the study that made "
                "the run, or rename that profile."
            )
        files.write_json({"profile": name}, folder / OWNER)
        folder.replace(target.path)
    return target.path


def _check_digests(archive: Path, folder: Path) -> None:
    """Check that the unpacked files are those that were packed; leave no list of them."""
    try:
        expected = json.loads((folder / DIGESTS).read_text())
    except (OSError, ValueError):
        raise StudyError(f"{archive}: expected a shared run, which has {DIGESTS}; found none. Pack it anew.") from None
    (folder / DIGESTS).unlink()
    found = {path.relative_to(folder).as_posix(): files.digest(path) for path in folder.rglob("*") if path.is_file()}
    if wrong := sorted(name for name in expected.keys() | found if expected.get(name) != found.get(name)):
        listed = ", ".join(wrong[:3])
        raise StudyError(f"{archive}: expected what was packed; missing, changed or added: {listed}. Get it again.")


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
