"""Markers and line styles, so that curves differ in grey, too. Colours and sizes are in study.mplstyle."""

MARKERS = ("o", "s", "D", "^", "v")
LINE_STYLES = ("-", (0, (5, 1)), "-.", ":", (0, (1, 1)))
