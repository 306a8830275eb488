"""How a file was made, on record beside it, so that it is made once, and again when that has changed."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from helpers import files
from helpers.artifacts.origin import origin, peak_memory
from helpers.config import Config, make_config
from helpers.errors import StudyError
from helpers.paths import display_path

# Version of each stage. Raise it when the stage computes other numbers from the same parameters: what earlier versions
# made is then made again. tests/golden fails when the numbers change and the version does not.
STAGES = {"drawing": 1, "splitting": 2, "training": 1, "attack": 6, "explanation": 4}
SUFFIX = ".record.json"
PACKAGES = ("foolbox", "keras", "numpy", "pandas", "pillow", "scikit-learn", "scipy", "tensorflow")
# Parameters of an attack of older versions, which records of other stages mention without depending on them.
RETIRED_PROTOCOL, RETIRED = "nested", ("protocol", "steps", "rel_stepsize", "loss", "restarts")
DEFAULTS = {name: field.default for name, field in Config.model_fields.items() if not field.is_required()}

Made = TypeVar("Made")


def record_path(output: Path) -> Path:
    """Return where the record of an output is: beside it."""
    return output.with_name(f"{output.name}{SUFFIX}")


def versions() -> dict[str, str]:
    """Return the version of every package that influences the numbers."""
    return {name: version(name) for name in PACKAGES}


def make_once(
    output: Path,
    *,
    stage: str,
    parameters: Mapping[str, Any],
    make: Callable[[], Made],
    config: Config | None = None,
    also: Sequence[Path] = (),
) -> Made | None:
    """Make a file, unless it exists and was made by this version of the stage with exactly these parameters.

    Only one process makes it; others wait, and then find it. The record is written last: an output without one counts
    as missing. Where a parameter changed, or packages had other versions, one line says so.

    Args:
        output: The file.
        stage: A name in `STAGES`.
        parameters: What the file depends on, as JSON can hold it.
        make: Writes the output, and the files in `also`.
        config: Recorded with the file for its readers (see `recorded_config`); the file need not depend on all of it.
        also: Files that are made with the output. If one is missing, all are made again.

    Returns:
        What `make` returned, or None if there was nothing to make.

    Raises:
        StudyError: a newer version of the study made the file.
    """
    if is_current(output, stage=stage, parameters=parameters, also=also):
        if others := other_versions(output):
            print(f"{display_path(output)} was made with {others}")
        return None
    with files.lock(output):
        if is_current(output, stage=stage, parameters=parameters, also=also):
            return None
        if changes := differences(output, stage=stage, parameters=parameters):
            print(f"{display_path(output)} is made again, its parameters changed ({changes})")
        before = read_record(output)
        record_path(output).unlink(missing_ok=True)
        start = time.monotonic()
        try:
            made = make()
        except StudyError:
            if "files" in before and are_whole(output, before):  # nothing was written
                files.write_json(before, record_path(output))
            raise
        record = {
            "stage": stage,
            "stage_version": STAGES[stage],
            "parameters": _as_json(parameters),
            "config": config and config.model_dump(mode="json"),
            "versions": versions(),
            "files": {p.name: {"bytes": p.stat().st_size, "sha256": files.digest(p)} for p in (output, *also)},
            "seconds": round(time.monotonic() - start, 1),
            "peak_memory_mb": round(peak_memory() / 2**20),  # of this process, up to now
            **origin(),
        }
        files.write_json(record, record_path(output))
        return made


def is_current(output: Path, *, stage: str, parameters: Mapping[str, Any], also: Sequence[Path] = ()) -> bool:
    """Return whether a file, and those made with it, exist and were made with exactly these parameters."""
    record = read_record(output)
    if record and output.is_file() and record["stage_version"] > STAGES[stage]:
        raise StudyError(
            f"{output}: made by a newer version of the study (stage {stage!r}: {record['stage_version']}, here "
            f"{STAGES[stage]}). Update the code, choose another runs_dir, or delete the file."
        )
    return (
        bool(record)
        and all(path.is_file() for path in (output, *also))
        and record["stage_version"] == STAGES[stage]
        and _without_defaults(record["parameters"]) == _without_defaults(_as_json(parameters))
        and are_whole(output, record)
    )


def are_whole(output: Path, record: Mapping[str, Any]) -> bool:
    """Return whether the files that a record names are there, with their content."""
    return all(path.is_file() and files.digest(path) == sha for path, _, sha in files_of(output, record))


def files_of(output: Path, record: Mapping[str, Any]) -> list[tuple[Path, int, str]]:
    """Return the files that were made together, with sizes in bytes and digests; none of an older record."""
    return [(output.with_name(name), it["bytes"], it["sha256"]) for name, it in record.get("files", {}).items()]


def differences(output: Path, *, stage: str, parameters: Mapping[str, Any]) -> str:
    """Return which parameters of an existing file differ from these, in words; "" if none, or without a record."""
    record = read_record(output)
    if not (record and output.is_file()):
        return ""
    old = record["parameters"] | {f"version of stage {stage!r}": record["stage_version"]}
    new = _as_json(parameters) | {f"version of stage {stage!r}": STAGES[stage]}
    names = [name for name in {**old, **new} if old.get(name, DEFAULTS.get(name)) != new.get(name, DEFAULTS.get(name))]
    return "; ".join(f"{name}: {old.get(name)!r} before, {new.get(name)!r} now" for name in names)


def recorded(output: Path) -> dict[str, Any]:
    """Return the parameters that a file was made with; empty if there is no record of it."""
    return read_record(output).get("parameters", {})


def recorded_digest(output: Path, name: str = "") -> str | None:
    """Return the SHA-256 that a file, or one of this name beside it, had when it was made; None if it is unknown."""
    return read_record(output).get("files", {}).get(name or output.name, {}).get("sha256")


def recorded_facts(output: Path, *names: str, absent: Any = None) -> dict[str, Any]:
    """Return facts of how a file was made, such as its stage_version or seconds; `absent` where there is no record."""
    record = read_record(output)
    return {name: record.get(name, absent) for name in names}


def recorded_config(output: Path) -> Config:
    """Return the configuration that a file was made with, whatever its profile says today.

    Raises:
        StudyError: there is no record of it.
    """
    record = read_record(output)
    parameters = record.get("config")
    if parameters and parameters.get("protocol") == RETIRED_PROTOCOL and record["stage"] != "attack":
        parameters = {name: value for name, value in parameters.items() if name not in RETIRED}
    if parameters is None:
        raise StudyError(
            f"{record_path(output)}: expected the record of how {output.name} was made, found none. Copy it with the "
            f"file, or delete {output.name} and run the notebook that makes it."
        )
    try:
        return make_config(parameters)
    except StudyError as error:
        raise StudyError(
            f"{record_path(output)}: another version of the study made {output.name} ({error}). Use that version, or "
            f"delete {output.name} and make it again."
        ) from error


def other_versions(output: Path) -> str:
    """Return which packages had other versions when a file was made, in words; "" if none, or without a record."""
    now = versions()
    then = read_record(output).get("versions", now)
    return ", ".join(f"{name} {then[name]} (here {now.get(name)})" for name in then if then[name] != now.get(name))


def read_record(output: Path) -> dict[str, Any]:
    """Return the record of an output; empty if there is none, or if it cannot be read."""
    try:
        record = json.loads(record_path(output).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and {"stage_version", "parameters"} <= record.keys() else {}


def _without_defaults(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that differ from their default: so files from before a parameter existed stay valid."""
    return {name: value for name, value in parameters.items() if name not in DEFAULTS or value != DEFAULTS[name]}


def _as_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(parameters)))
