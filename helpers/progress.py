"""Progress: a bar in a notebook, plain lines in a batch log. The log also says where a job is."""

import io
import os
from collections.abc import Iterable

import tqdm.auto
import tqdm.std

LINES = "HELPERS_PROGRESS_LINES"  # an environment variable that batch runs set; "0": show nothing
SECONDS_BETWEEN_LINES = 15
QUICK = 5  # seconds: shorter work prints no line; longer work prints its first after SECONDS_BETWEEN_LINES


class _Lines(tqdm.std.tqdm):
    """A tqdm that prints a line to stdout from time to time instead of redrawing a bar."""

    def display(self, msg=None, pos=None):
        print(msg or str(self), flush=True)


def progress(
    iterable: Iterable | None = None, *, description: str, total: int | None = None, initial: int = 0
) -> tqdm.std.tqdm:
    """Wrap an iterable, or count `update`s from `initial` up to `total`, and show progress."""
    if os.environ.get(LINES) == "0":
        return tqdm.std.tqdm(iterable, total=total, initial=initial, disable=True)
    if os.environ.get(LINES):
        form = "{desc}: {n_fmt} of {total_fmt}, {elapsed} gone, {remaining} to go{postfix}"
        every = {"mininterval": SECONDS_BETWEEN_LINES, "maxinterval": SECONDS_BETWEEN_LINES, "delay": QUICK}
        return _Lines(
            iterable, desc=description, total=total, initial=initial, bar_format=form, file=io.StringIO(), **every
        )
    return tqdm.auto.tqdm(iterable, desc=description, total=total, initial=initial, leave=False)


def print_place(place: object) -> None:
    """Print where a job is, in brackets at the end of a line: workflow/job.sh finds it if the job is killed."""
    print(f"[in {place}]", flush=True)
