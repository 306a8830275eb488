"""Tables as notebooks show them: without the index, the same text in every execution, and readable as plain text."""

import pandas as pd
from pandas.io.formats.style import Styler

from helpers import files

LEFT = [{"selector": "th, td", "props": [("text-align", "left")]}]


class _Readable(Styler):
    """A table whose plain text is its content; that of pandas is an address in memory."""

    def __repr__(self) -> str:
        return self.to_string(delimiter="  ").strip()


def readable(frame: pd.DataFrame, *, left: bool = False) -> Styler:
    """Return a table to look at; `format` of the result sets how many digits it has.

    Args:
        frame: The table. Its index is not shown.
        left: Whether text stands at the left, as long text should.
    """
    name = files.short_digest(frame.to_csv(index=False))  # pandas takes a random one
    table = _Readable(frame.reset_index(drop=True), uuid=name, cell_ids=False)
    return table.set_table_styles(LEFT if left else []).hide(axis="index")
