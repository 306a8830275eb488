"""What the headers of a folder's pictures say, kept so that a second look at the folder takes seconds."""

from pathlib import Path

import pandas as pd

from helpers import files
from helpers.paths import from_root

LOOKS = "_looks"  # no profile is called so
STATE = ["image", "bytes", "modified"]  # columns that tell whether a file is the one that was looked at
COLUMNS = [*STATE, "kind", "width", "height", "mode"]


def headers_path(runs_dir: str, data_dir: Path) -> Path:
    """Return where the headers of a folder's pictures are kept."""
    place = data_dir.resolve()
    return from_root(runs_dir) / LOOKS / f"{place.name}-{files.short_digest(str(place))}.csv"


def load_headers(path: Path) -> pd.DataFrame:
    """Return the headers that were kept; an empty table if there are none, or if the file is damaged."""
    try:
        table = pd.read_csv(path, dtype={"image": str, "kind": str, "mode": str}, keep_default_na=False)
        return table[COLUMNS].astype({"bytes": "int64", "modified": "int64", "width": "int64", "height": "int64"})
    except (OSError, ValueError, KeyError):
        return pd.DataFrame(columns=COLUMNS)


def save_headers(table: pd.DataFrame, path: Path) -> None:
    """Keep headers, atomically."""
    files.write_table(table[COLUMNS], path)
