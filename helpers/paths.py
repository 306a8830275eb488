"""Where the repository is. Relative paths start at its root, whatever the current folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def from_root(path: str | Path) -> Path:
    """Return an absolute path; a relative one is taken from the repository's root."""
    return ROOT / Path(path).expanduser()


def display_path(path: Path) -> str:
    """Return a path as readers see it: relative to the repository's root if it is below it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
