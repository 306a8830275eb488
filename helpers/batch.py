"""Run a notebook through papermill, strictly: unknown parameters stop it, and its output is whole or not there.

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
from traitlets.config import Config

from helpers import files
from helpers.config import StudyError, one_of
from helpers.progress import LINES

SETTINGS = {
    "kernel_name": "python3",
    "config": Config(KernelManager={"transport_encryption": "auto"}),
    "shutdown_kernel": "immediate",  # a graceful end interrupts the kernel, which complains
    "progress_bar": False,
}


def run_notebook(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Execute `notebook` with `parameters` and leave the executed copy at `output`.

    If a cell fails, the copy with its traceback is left beside it, with .failed in its name.

    Raises:
        StudyError: the notebook is not there, has no such parameter, or a cell fails.
    """
    if not notebook.is_file():
        raise StudyError(f"{notebook}: expected a notebook, it is not there.")
    known = papermill.inspect_notebook(notebook)
    for name in parameters:
        one_of(f"parameter of {notebook.name}", name, known)
    failed = output.with_suffix(f".failed{output.suffix}")
    with files.whole(output) as temporary:
        try:
            papermill.execute_notebook(notebook, temporary, dict(parameters), **SETTINGS, stdout_file=sys.stdout)
        except papermill.PapermillExecutionError as error:
            temporary.replace(failed)
            raise StudyError(
                f"{notebook.name}, cell {error.exec_count}: {error.ename}: {error.evalue} (the whole story: {failed})"
            ) from None
    failed.unlink(missing_ok=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    arguments = parser.parse_args()
    os.environ[LINES] = "1"  # the kernel inherits it
    try:
        run_notebook(
            arguments.notebook, arguments.output, {name: yaml.safe_load(value) for name, value in arguments.parameter}
        )
    except StudyError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
