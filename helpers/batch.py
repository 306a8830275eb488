"""Run a notebook through papermill, strictly: unknown parameters are refused, and the output is complete or absent.

python -m helpers.batch notebooks/02_train_resnet50.ipynb out.ipynb -p profile quick -p attention soft
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
import yaml
from traitlets.config import Config as KernelConfig

from helpers import files
from helpers.errors import StudyError, check_choice
from helpers.progress import LINES

SETTINGS = {
    "kernel_name": "python3",
    "config": KernelConfig(KernelManager={"transport_encryption": "auto"}),
    "shutdown_kernel": "immediate",  # a graceful shutdown interrupts the kernel, which prints an error
    "progress_bar": False,
}


def run_notebook(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Execute `notebook` with `parameters` and write the executed copy to `output`.

    If a cell fails, the copy with its traceback is written beside it, with .failed in its name.

    Raises:
        StudyError: the notebook does not exist, has no such parameter, or a cell fails.
    """
    if not notebook.is_file():
        raise StudyError(f"{notebook}: expected a notebook, it is not there.")
    known = papermill.inspect_notebook(_literal(notebook))
    for name in parameters:
        check_choice(f"parameter of {notebook.name}", name, known)
    failed = output.with_suffix(f".failed{output.suffix}")
    with files.atomic_write(output) as temporary:
        try:
            papermill.execute_notebook(
                _literal(notebook), _literal(temporary), dict(parameters), **SETTINGS, stdout_file=sys.stdout
            )
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            raise StudyError(
                f"{notebook.name}, cell {error.exec_count}: {error.ename}: {error.evalue} (full traceback: {failed})"
            ) from None
    failed.unlink(missing_ok=True)


def _literal(path: Path) -> str:
    """Return a path for papermill, which would fill parameters into braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


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
        parameters = {name: yaml.safe_load(value) for name, value in arguments.parameter} | dict(arguments.raw)
        run_notebook(arguments.notebook, arguments.output, parameters)
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
