"""The tables of a run: the types of their columns, and how they are read and written."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers import files
from helpers.errors import StudyError


@dataclass(frozen=True)
class Table:
    """One kind of table, kept as CSV.

    Attributes:
        made_by: What to run to get it.
        text: Columns that hold text, even where it looks like a number.
        never_missing: Text columns in which an empty cell means empty text, not a missing value.
    """

    made_by: str
    text: tuple[str, ...]
    never_missing: tuple[str, ...] = ()

    def load(self, path: Path) -> pd.DataFrame:
        """Return the table in a file.

        Raises:
            StudyError: the file is not there, or is no such table.
        """
        if not path.is_file():
            raise StudyError(f"{path}: expected a table, it is not there. Run {self.made_by} first.")
        try:
            table = pd.read_csv(path, dtype=dict.fromkeys(self.text, str), keep_default_na=False, na_values=[""])
        except (ValueError, UnicodeDecodeError) as error:
            raise StudyError(f"{path}: expected a CSV table ({error}). Delete it, and run {self.made_by}.") from error
        return table.fillna(dict.fromkeys(self.never_missing, ""))

    def save(self, table: pd.DataFrame, path: Path) -> None:
        """Write the table to a file, atomically."""
        files.write_table(table, path)


REPEAT_FACTOR = 2  # an attack whose checks ask for more is repeated, once, in so many times the steps


def steps_of(robustness: pd.DataFrame) -> int:
    """Return the steps of the attack that left a table of robustness, from the attack's name."""
    return int(re.findall(r"_(\d+)", robustness.attack.iloc[0])[0])


MANIFEST = Table("notebook 01_prepare_data", text=("image", "label", "group", "split", "mask"))
HISTORY = Table("the training notebook of this model", text=())
PREDICTIONS = Table("the training notebook of this model", text=("image", "group", "label", "prediction"))
ROBUSTNESS = Table("notebook 04_evaluate_pgd, or make study,", text=("image", "group", "label", "attack", "prediction"))
EXPLANATIONS = Table(
    "notebook 06_explain_gradcam, or make study,",
    text=("image", "condition", "target", "outcome", "measure", "reason"),
    never_missing=("target", "outcome", "reason"),
)
DETECTION = Table(
    "notebook 06_explain_gradcam, or make study,", text=("features", "against", "reason"), never_missing=("reason",)
)
