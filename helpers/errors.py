"""Errors that the user can fix, and the check that a value is one of several."""

import difflib
from collections.abc import Collection
from typing import Any


class StudyError(ValueError):
    """An error the user can fix: what was expected, what was found, and how to fix it."""


def choice_problem(value: Any, choices: Collection[Any]) -> str:
    """Return "" if `value` is among `choices`, else a sentence that lists them and suggests the nearest."""
    if value in list(choices):  # a list, as the value may have no hash
        return ""
    close = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"expected one of {', '.join(map(str, choices))}; got {value!r}.{hint}"


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """Return `value` if it is among `choices`.

    Raises:
        StudyError: it is not; the message starts with `name`, lists the choices and suggests the nearest.
    """
    if problem := choice_problem(value, choices):
        raise StudyError(f"{name}: {problem}")
    return value
