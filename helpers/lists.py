"""Lists and numbers as notebooks are given them: as they are, or as text such as "1/255, 2/255" from papermill's -p."""

import math
import re
from collections.abc import Collection
from numbers import Real
from typing import Any

from helpers.errors import StudyError, choice_problem

# Two whole numbers with nothing but a comma between, such as "0,01"; in "1/255,2/255" and "0,0.01" there are none
DECIMAL_COMMA = re.compile(r"(?<![\w./])\d+,\d+(?![\w.])")


def read_list(value: Any) -> list[Any]:
    """Return the entries of a list or of text, or a single value as the only entry.

    The entries of text are separated by commas or spaces, may be quoted, and may be in brackets: "[a, b]", "a b".
    """
    if not isinstance(value, str):
        return list(value) if isinstance(value, list | tuple) else [value]
    text = re.sub(r"\s*/\s*", "/", value.strip())  # the spaces in "8 / 255" separate nothing
    if text[:1] + text[-1:] in ("[]", "()"):
        text = text[1:-1]
    text = text.strip().removesuffix(",").strip()  # Python's "(a,)"
    return [_unquoted(word) for word in re.split(r"\s*,\s*|\s+", text)] if text else []


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word


def read_numbers(value: Any) -> tuple[float, ...]:
    """Return a list (see `read_list`) of numbers or fractions such as "8/255".

    Raises:
        ValueError: it is empty, or an entry is no finite number; booleans are none. Or it has what may be a decimal
            comma. The message names no parameter.
    """
    _refuse_decimal_comma(value)
    entries = read_list(value)
    numbers = tuple(map(_number, entries))
    wrong = [entry for entry, number in zip(entries, numbers, strict=True) if not math.isfinite(number)]
    if wrong or not entries:
        found = wrong[0] if wrong else value
        raise ValueError(f'expected numbers or fractions, such as "0.01, 8/255", got {found!r}')
    return numbers


def read_number(value: Any) -> float:
    """Return a number, or the value of a fraction such as "1/4".

    Raises:
        ValueError: it is no finite number, or has a decimal comma; booleans are none. The message names no parameter.
    """
    _refuse_decimal_comma(value)
    number = _number(value)
    if not math.isfinite(number):
        raise ValueError(f'expected a number or a fraction, such as "0.25" or "1/4", got {value!r}')
    return number


def _refuse_decimal_comma(value: Any) -> None:
    if isinstance(value, str) and (found := DECIMAL_COMMA.search(value)):
        text = found[0]
        point, apart = text.replace(",", "."), text.replace(",", ", ")
        raise ValueError(f"expected a decimal point, got {text!r}: write {point!r}, or {apart!r} for two numbers")


def _number(entry: Any) -> float:
    """Return the value of a number or a fraction; NaN for anything else."""
    try:
        if isinstance(entry, str):
            numerator, slash, denominator = entry.partition("/")
            return float(numerator) / float(denominator if slash else 1)
        return float(entry) if isinstance(entry, Real) and not isinstance(entry, bool) else math.nan
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def read_choices(name: str, value: Any, choices: Collection[str]) -> list[str]:
    """Return a list (see `read_list`) of different names, each one of `choices`.

    Raises:
        StudyError: it is empty, or an entry is none of the choices or the same as another; the message starts with the
            parameter's `name`.
    """
    entries, known = read_list(value), list(choices)
    if not entries:
        problem = f"expected at least one of {', '.join(known)}; got {value!r}."
    elif unknown := [entry for entry in entries if entry not in known]:
        problem = choice_problem(unknown[0], known)
    elif twice := [entry for entry in entries if entries.count(entry) > 1]:
        problem = f"expected each name once, got {twice[0]!r} several times."
    else:
        return entries
    raise StudyError(f'{name}: {problem} Write, for example, "{", ".join(known[:2])}".')
