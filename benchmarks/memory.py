"""How much memory a process has taken at most."""

import re
from pathlib import Path


def peak_megabytes() -> float:
    """Return this process's own peak so far, on Linux; elsewhere NaN. `getrusage` would start from its parent's."""
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024 if status.is_file() else float("nan")
