"""Files of a run that do not have the size with which they were written: cut off, or changed by hand."""

import json
from pathlib import Path
from urllib.parse import unquote

from helpers.artifacts.folders import ProfileFolder
from helpers.artifacts.records import SUFFIX, files_of, read_record

WITHOUT_RECORDS = ("results/", "notebooks/")  # where files have no record; the metadata of a finished run list them

OWN_LOG = "describe.log"  # of the job that writes the metadata


def broken_files(folder: Path) -> list[Path]:
    """Return the files below a run's folder that are broken by their record or by the run's metadata.

    A file whose record cannot be read is among them: nothing says how it was made.
    """
    outputs = [path.with_name(path.name.removesuffix(SUFFIX)) for path in folder.rglob(f"*{SUFFIX}")]
    records = {output: read_record(output) for output in outputs}
    sizes = {path: size for output in outputs for path, size, _ in files_of(output, records[output])}
    sizes |= {path: size for path, size in _listed(folder).items() if path not in sizes}
    broken = {path for path, size in sizes.items() if path.is_file() and path.stat().st_size != size}
    return sorted(broken | {output for output in outputs if not records[output] and output.is_file()})


def _listed(folder: Path) -> dict[Path, int]:
    """Return the sizes in bytes of a finished run's files without records, by path.

    None if the run did not finish, or if a job has worked since: then files may rightly have other sizes.
    """
    path = ProfileFolder(folder).metadata
    try:
        entities = json.loads(path.read_text())["@graph"]
        sizes = {unquote(each["@id"]): int(each["contentSize"]) for each in entities if each["@type"] == "File"}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    logs = [log for log in (folder / "logs").glob("*.log") if log.name != OWN_LOG]
    if any(log.stat().st_mtime > path.stat().st_mtime for log in logs):
        return {}
    return {folder / name: size for name, size in sizes.items() if name.startswith(WITHOUT_RECORDS)}
