"""Run a notebook through papermill, strictly: unknown parameters are refused, and the output is complete or absent.

python -m helpers.batch notebooks/02_train_resnet50.ipynb out.ipynb -p profile quick -p attention soft
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from traitlets.config import Config as KernelConfig

from helpers import files
from helpers.errors import StudyError, check_choice
from helpers.gpus import one_gpu
from helpers.profile_files import name_job
from helpers.progress import LINES, print_place
from helpers.signals import exit_on_signals

# jsonschema, under nbformat, builds a grammar of web addresses if it can: half of the start, and no notebook needs it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import papermill  # noqa: E402

SETTINGS = {
    "kernel_name": "python3",
    "config": KernelConfig(KernelManager={"transport_encryption": "auto"}),
    "shutdown_kernel": "immediate",  # a graceful shutdown interrupts the kernel, which prints an error
    "progress_bar": False,
}
KERNEL_STARTS = 3  # attempts to start a kernel: on a busy machine, one may die or take more than papermill's minute
SECONDS_TO_NEXT_START = 5.0  # doubled from one to the next


@dataclass
class _Place:
    """Which cell of which notebook runs, in words: "02_train_resnet50.ipynb (skin_lesion resnet50 soft 0), cell 3".

    Attributes:
        notebook: Its name, with the model, if parameters name one.
        cell: The number of the cell among those with code, as Jupyter counts; 0 before the first.
    """

    notebook: str
    cell: int = 0

    def __str__(self) -> str:
        return f"{self.notebook}, cell {self.cell}" if self.cell else self.notebook

    def enter_next_cell(self, **_: Any) -> None:
        """Count a cell, and print where the notebook is."""
        self.cell += 1
        print_place(self)


def run_notebook(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Execute `notebook` with `parameters` and write the executed copy to `output`; print each cell's number.

    If a cell fails, the copy with its traceback is written beside it, with .failed in its name. A kernel that dies
    before the first cell is started anew.

    Raises:
        StudyError: the notebook does not exist, has no such parameter, a cell fails, or the kernel dies.
        SystemExit: a signal stopped the process.
    """
    if not notebook.is_file():
        raise StudyError(f"{notebook}: expected a notebook, it is not there.")
    known = papermill.inspect_notebook(_literal(notebook))
    for name in parameters:
        check_choice(f"parameter of {notebook.name}", name, known)
    place = _Place(name_job(notebook.name, parameters))
    try:
        with exit_on_signals(place), one_gpu():
            _write_executed(notebook, output, parameters, place)
    except StudyError as error:
        raise StudyError(f"{place}: {error}") from None


def _write_executed(notebook: Path, output: Path, parameters: Mapping[str, Any], place: _Place) -> None:
    failed = output.with_suffix(f".failed{output.suffix}")
    with files.atomic_write(output) as temporary:
        try:
            _execute(notebook, temporary, parameters, place)
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            raise StudyError(f"{error.ename}: {error.evalue} (full traceback: {failed})") from None
        except RuntimeError as error:  # nbclient: the kernel died; jupyter_client: it did not start
            temporary.replace(failed)
            raise StudyError(
                f"{error}. Most likely, memory ran out: run fewer jobs at once, or "
                f"with a smaller batch_size, attack_batch_size or image_size (outputs so far: {failed})"
            ) from None
    failed.unlink(missing_ok=True)


def _execute(notebook: Path, output: Path, parameters: Mapping[str, Any], place: _Place) -> None:
    paths = _literal(notebook), _literal(output)
    hooks = {"stdout_file": sys.stdout, "on_cell_execute": place.enter_next_cell}
    for attempt in range(1, KERNEL_STARTS + 1):
        try:
            papermill.execute_notebook(*paths, dict(parameters), **SETTINGS, **hooks)
            return
        except RuntimeError as error:
            if attempt == KERNEL_STARTS or place.cell:
                raise
            seconds = SECONDS_TO_NEXT_START * 2 ** (attempt - 1)
            print(f"{notebook.name}: {error}; its kernel is started again in {seconds:.0f} seconds", flush=True)
            time.sleep(seconds)


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
        run_notebook(arguments.notebook, arguments.output, parameters)
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
