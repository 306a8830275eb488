"""When a file was made, on which machine, and by which version of the code."""

import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime

from helpers.paths import ROOT

CODE = ("helpers", "workflow", "params", "weights", "requirements.txt")  # what decides the numbers
ORIGIN = ("made", "commit", "machine")


def origin() -> dict[str, str]:
    """Return the present: the date (UTC), the commit of the code and the kind of machine.

    A commit ends in "-dirty" if code or parameters were changed since; it is "" outside a clone of the study.
    """
    commit = _git("rev-parse", "--short=12", "HEAD")
    is_changed = bool(commit and _git("status", "--porcelain", "--", *CODE))
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    now = datetime.now(UTC).date().isoformat()
    return dict(zip(ORIGIN, (now, f"{commit}{'-dirty' if is_changed else ''}", machine), strict=True))


def peak_memory() -> int:
    """Return the most memory that this process has had so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _git(*words: str) -> str:
    """Return what git prints about the study's clone; "" if there is no git, or no clone."""
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""
