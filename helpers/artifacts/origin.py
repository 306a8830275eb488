"""When a file was made, on which machine, and by which version of the code."""

import os
import platform
import subprocess
from datetime import UTC, datetime

from helpers.paths import ROOT

ORIGIN = ("made", "commit", "machine")


def origin() -> dict[str, str]:
    """Return the present: the date (UTC), the commit of the code and the kind of machine.

    A commit ends in "-dirty" if files were changed since; it is "" outside a clone of the study.
    """
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git
        commit = ""
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return dict(zip(ORIGIN, (datetime.now(UTC).date().isoformat(), commit, machine), strict=True))
