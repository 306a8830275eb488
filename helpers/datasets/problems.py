"""All that is wrong with a dataset's folder, collected kind by kind and raised as one error."""

from pathlib import Path

from helpers.errors import StudyError

MOST = 10  # kinds of problems in one error
SKIP = "Or leave such images out: on_bad_image=skip."


class Problems:
    """What is wrong with a folder.

    Args:
        folder: The folder, for the error.

    Attributes:
        texts: One text for each kind of problem that has to be solved.
        of_images: One text for each kind of problem of single images, which can be left out instead.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.texts: list[str] = []
        self.of_images: list[str] = []

    def add(self, text: str, *, count: int = 1, can_be_skipped: bool = False) -> None:
        """Add one kind of problem.

        Args:
            text: The first place, what was expected there, what was found, and what to do.
            count: In how many places it was found.
            can_be_skipped: Whether the images can be left out instead.
        """
        more = f" ({count - 1:,} more like this.)" if count > 1 else ""
        (self.of_images if can_be_skipped else self.texts).append(text + more)

    def all(self) -> list[str]:
        """Return all texts; those of images say that these can be left out."""
        return [*self.texts, *(f"{text} {SKIP}" for text in self.of_images)]

    def stop(self, *, on_bad_image: str = "stop") -> None:
        """Raise a StudyError if there are problems: that of the only one, or a list of at most ten.

        Args:
            on_bad_image: "skip" leaves images with problems out.
        """
        texts = self.texts if on_bad_image == "skip" else self.all()
        if len(texts) == 1:
            raise StudyError(texts[0])
        if texts:
            lines = [f"{number}. {text}" for number, text in enumerate(texts[:MOST], start=1)]
            hidden = len(texts) - MOST
            rest = [f"… and {hidden} further kinds of problems."] if hidden > 0 else []
            raise StudyError("\n".join([f"{self.folder}: found {len(texts)} kinds of problems:", *lines, *rest]))
