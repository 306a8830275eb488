"""Write down what a run is made of, as an RO-Crate (https://w3id.org/ro/crate); or verify a run against what it says.

    python -m helpers.show.crate --profile quick
    python -m helpers.show.crate --verify runs/quick

ro-crate-metadata.json lists every result with its digest, and every job with its time and memory. Logs are left out.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from helpers import files
from helpers.artifacts.folders import ProfileFolder
from helpers.artifacts.origin import ORIGIN, origin
from helpers.artifacts.records import recorded_facts, versions
from helpers.config import Config
from helpers.errors import StudyError
from helpers.profiles import read_models
from helpers.progress import progress
from helpers.show.command_line import profile_parser
from helpers.show.job_list import Job, jobs_of
from helpers.show.jobs import read_cost, timing_of

NO_RESULTS = ("logs", "benchmarks", "report.html", "ro-crate-metadata.json")  # results and metadata have their content
SOFTWARE = "#study"
TERMS = "Code, tables and phantoms: MIT. Real images, which adversarials.npz contains, have the terms of their dataset."


def describe(models: list[Config]) -> Path:
    """Write the metadata of a run into its folder, and return their path.

    Args:
        models: All models of the profile, whose run has finished.
    """
    folder = ProfileFolder.from_config(models[0])
    crate = ROCrate()
    crate.name = f"Run of profile {folder.name}"
    crate.description = f"{len(models)} models, trained, attacked and explained; by a study of adversarial robustness."
    crate.license = TERMS
    packages = [
        crate.add(ContextEntity(crate, f"#{name}", {"@type": "SoftwareApplication", "name": name, "version": number}))
        for name, number in versions().items()
    ]
    about = {"@type": "SoftwareSourceCode", "name": "the study", "version": origin()["commit"]}
    study = crate.add(ContextEntity(crate, SOFTWARE, about | {"softwareRequirements": packages}))
    listed = {}
    paths = list(_files(folder.path))
    for path in progress(paths, description="computing digests", total=len(paths)):
        name = path.relative_to(folder.path).as_posix()
        properties = {"sha256": files.digest(path), "contentSize": path.stat().st_size}
        listed[name] = crate.add_file(dest_path=name, properties=properties)
    for job in jobs_of(models)[:-1]:  # the last one writes this
        _add_job(crate, folder.path, job, listed, study)
    files.write_json(crate.metadata.generate(), folder.metadata)
    return folder.metadata


def _files(folder: Path) -> Iterator[Path]:
    """Return the results of a run, and what tells how they were made: all files that are not hidden."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts) and parts[0] not in NO_RESULTS:
            yield path


def _add_job(crate: ROCrate, folder: Path, job: Job, listed: dict[str, File], study: ContextEntity) -> None:
    """Add a job that has finished: what it left, when, in which time and memory."""
    seconds, memory = read_cost(folder, job)
    if seconds is None:
        return
    end = timing_of(folder, job).stat().st_mtime
    origins = [recorded_facts(output, *ORIGIN, absent="") for output in job.outputs]
    made_by = next((each for each in origins if each["made"]), {})
    outputs = [path.relative_to(folder).as_posix() for path in job.outputs]
    facts = {"seconds": f"{seconds:.1f}", "peak memory in MB": f"{memory:.0f}", **made_by}
    facts_added = [
        crate.add(ContextEntity(crate, f"#{job.name}-{name}".replace(" ", "-"), _fact(name, value)))
        for name, value in facts.items()
    ]
    crate.add_action(
        study,
        identifier=f"#{job.name}",
        object=[listed[name] for name in ("profile.yaml",) if name in listed],
        result=[file for name, file in listed.items() if any(name == o or name.startswith(f"{o}/") for o in outputs)],
        properties={
            "name": job.name,
            "startTime": _time(end - seconds),
            "endTime": _time(end),
            "additionalProperty": facts_added,
        },
    )


def _fact(name: str, value: str) -> dict[str, str]:
    return {"@type": "PropertyValue", "name": name, "value": value}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def verify(folder: Path) -> list[str]:
    """Return what of a run no longer matches its metadata, a line each.

    Raises:
        StudyError: there are no metadata, or they cannot be read, or they name a file outside the folder.
    """
    path = ProfileFolder(folder).metadata
    try:
        entities = json.loads(path.read_text())["@graph"]
        listed = {unquote(each["@id"]): each["sha256"] for each in entities if each["@type"] == "File"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: expected the metadata that a finished run leaves, found none ({error}).") from error
    found = {each.relative_to(folder).as_posix() for each in _files(folder)}
    problems = [f"{name}: not in the metadata" for name in sorted(found - listed.keys())]
    for name, digest in progress(listed.items(), description="computing digests", total=len(listed)):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise StudyError(f"{path}: expected files inside the folder, got {name}. Do not trust it.")
        if name not in found:
            problems.append(f"{name}: missing")
        elif files.digest(folder / name) != digest:
            problems.append(f"{name}: changed")
    return problems


def main() -> None:
    """Read the command line, and write or verify."""
    parser = profile_parser(__doc__)
    parser.add_argument("--verify", metavar="FOLDER", type=Path, help="the folder of a run: say what has changed in it")
    arguments = parser.parse_args()
    try:
        if not arguments.verify:
            print(f"wrote {describe(read_models(arguments.profile, runs_dir=arguments.runs_dir))}")
        elif problems := verify(arguments.verify):
            parser.exit(1, "\n".join(problems) + "\n")
        else:
            print(f"{arguments.verify}: every file is as the run left it")
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
