"""Run a notebook through papermill, strictly: unknown parameters are refused, and the output is complete or absent.

python -m helpers.batch notebooks/02_train_resnet50.ipynb out.ipynb -p profile quick -p attention soft
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from traitlets.config import Config as KernelConfig

from helpers import files
from helpers.errors import StudyError, check_choice
from helpers.gpus import one_gpu
from helpers.profile_files import MODEL_KEYS
from helpers.progress import LINES
from helpers.signals import exit_on_signals

# jsonschema, under nbformat, builds a grammar of web addresses if it can: half of the start, and no notebook needs it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402
import papermill  # noqa: E402

SETTINGS = {
    "kernel_name": "python3",
    "config": KernelConfig(KernelManager={"transport_encryption": "auto"}),
    "shutdown_kernel": "immediate",  # a graceful shutdown interrupts the kernel, which prints an error
    "progress_bar": False,
}
KERNEL_STARTS = 3  # attempts to start a kernel: on a busy machine, one may die or take more than papermill's minute
SECONDS_TO_NEXT_START = 5.0  # doubled from one to the next


def run_notebook(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Execute `notebook` with `parameters` and write the executed copy to `output`.

    If a cell fails, the copy with its traceback is written beside it, with .failed in its name. A kernel that dies
    before the first cell is started anew.

    Raises:
        StudyError: the notebook does not exist, has no such parameter, a cell fails, or the kernel dies.
    """
    if not notebook.is_file():
        raise StudyError(f"{notebook}: expected a notebook, it is not there.")
    known = papermill.inspect_notebook(_literal(notebook))
    for name in parameters:
        check_choice(f"parameter of {notebook.name}", name, known)
    model = " ".join(str(parameters[key]) for key in MODEL_KEYS if key in parameters)
    named = f"{notebook.name} ({model})" if model else notebook.name
    failed = output.with_suffix(f".failed{output.suffix}")
    with files.atomic_write(output) as temporary:
        try:
            _execute(notebook, temporary, parameters)
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            raise StudyError(
                f"{named}, cell {error.exec_count}: {error.ename}: {error.evalue} (full traceback: {failed})"
            ) from None
        except RuntimeError as error:  # nbclient: the kernel died; jupyter_client: it did not start
            number = _count_started_cells(temporary)
            temporary.replace(failed)
            raise StudyError(
                f"{named}, cell {number}: {error}. Most likely, memory ran out: run fewer jobs at once, or "
                f"with a smaller batch_size, attack_batch_size or image_size (outputs so far: {failed})"
            ) from None
    failed.unlink(missing_ok=True)


def _execute(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    for attempt in range(1, KERNEL_STARTS + 1):
        try:
            papermill.execute_notebook(
                _literal(notebook), _literal(output), dict(parameters), **SETTINGS, stdout_file=sys.stdout
            )
            return
        except RuntimeError as error:
            if attempt == KERNEL_STARTS or _count_started_cells(output):
                raise
            seconds = SECONDS_TO_NEXT_START * 2 ** (attempt - 1)
            print(f"{notebook.name}: {error}; its kernel is started again in {seconds:.0f} seconds", flush=True)
            time.sleep(seconds)


def _count_started_cells(notebook: Path) -> int:
    """Return how many code cells of a notebook papermill has started."""
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(cell.cell_type == "code" and cell.metadata.papermill.start_time is not None for cell in cells)


def _literal(path: Path) -> str:
    """Return a path for papermill, which would fill parameters into braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise StudyError(
            f"{name}: expected a value as YAML, got {text!r}. Give it with -r to have it as text."
        ) from None


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="YAML"
    )
    parser.add_argument(
        "-r", "--raw", nargs=2, action="append", default=[], metavar=("NAME", "TEXT"), help="text as is"
    )
    arguments = parser.parse_args()
    os.environ[LINES] = "1"  # the kernel inherits it
    try:
        parameters = {name: _value(name, text) for name, text in arguments.parameter} | dict(arguments.raw)
        with exit_on_signals(arguments.notebook.name), one_gpu():
            run_notebook(arguments.notebook, arguments.output, parameters)
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
