"""Where the repository is. Relative paths start at its root, whatever the current folder."""

import errno
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def from_root(path: str | Path) -> Path:
    """Return an absolute path; a relative one is taken from the repository's root."""
    return ROOT / Path(path).expanduser()


def display_path(path: Path) -> str:
    """Return a path as readers see it: relative to the repository's root if it is below it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def path_problem(path: str) -> str:
    """Return "" if text can be a path, whether or not something is there, else a sentence that says what is wrong."""
    try:
        from_root(path).lstat()
    except RuntimeError:  # how pathlib says it
        return f"expected a path, got {path!r}, and that user has no home here"
    except ValueError:
        return f"expected a path, got one with a null character: {path!r:.80}"
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return f"expected a path, got one that is too long ({len(path)} characters): {path!r:.60}…"
    return ""
