"""All that is wrong with a dataset's folder, collected kind by kind and raised as one error."""

from pathlib import Path

from helpers.errors import StudyError

MOST = 10  # kinds of problems in one error


class Problems:
    """What is wrong with a folder.

    Args:
        folder: The folder, for the error.

    Attributes:
        texts: One text for each kind of problem.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.texts: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.texts)

    def add(self, text: str, *, count: int = 1) -> None:
        """Add one kind of problem.

        Args:
            text: The first place, what was expected there, what was found, and what to do.
            count: In how many places it was found.
        """
        more = f" ({count - 1:,} more like this.)" if count > 1 else ""
        self.texts.append(text + more)

    def stop(self) -> None:
        """Raise a StudyError if there are problems: that of the only one, or a list of at most ten."""
        if len(self.texts) == 1:
            raise StudyError(self.texts[0])
        if self.texts:
            lines = [f"{number}. {text}" for number, text in enumerate(self.texts[:MOST], start=1)]
            hidden = len(self.texts) - MOST
            rest = [f"… and {hidden} further kinds of problems."] if hidden > 0 else []
            head = f"{self.folder}: found {len(self.texts)} kinds of problems:"
            raise StudyError("\n".join([head, *lines, *rest]))
