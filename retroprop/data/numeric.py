"""Reading numbers as people write them: 1234.5, 1,234.5, $12, 45%, and 1.234,5 in Europe."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["MISSING", "decimal_mark", "is_missing", "number", "spelled"]

MISSING = frozenset(
    ("", "?", "-", "--", ".", "na", "n/a", "nan", "null", "none", "nil", "#n/a", "#na", "<na>",
     "n.a.", "nat", "missing")
)  # fmt: skip

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)
_EUROPEAN = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+|(?=,))(,\d*)?([eE][-+]?\d+)?", re.ASCII)
_SIGNS = "$€£¥%"


def is_missing(text: str, extra: Iterable[str] = ()) -> bool:
    """Whether a cell says that there is no value: empty, NA, null, ? and the like.

    Example:
        >>> is_missing("N/A"), is_missing("unknown"), is_missing("unknown", ["unknown"])
        (True, False, True)
    """
    return text.lower() in MISSING or text in extra


def number(text: str, decimal: str = ".") -> float | None:
    """The number that a cell spells, or None; too large a number is infinite.

    Args:
        text:    the cell, without spaces around it.
        decimal: "." or ","; the other one may group thousands.

    Example:
        >>> number("-1.5e3"), number("$1,200.50"), number("12 rooms")
        (-1500.0, 1200.5, None)
        >>> number("1.234,5", decimal=",")
        1234.5
    """
    if decimal == "." and _PLAIN.fullmatch(text):
        return float(text)
    text = text.strip(_SIGNS).strip()
    if text[:1] in "+-" and text[1:2] in _SIGNS:  # -$5
        text = text[:1] + text[1:].lstrip(_SIGNS)
    if decimal == ",":
        if not _EUROPEAN.fullmatch(text) or not any(map(str.isdigit, text)):
            return float("inf") if _INFINITE.fullmatch(text) else None
        return float(text.replace(".", "").replace(",", "."))
    if _PLAIN.fullmatch(text):
        return float(text)
    if _GROUPED.fullmatch(text):
        return float(text.replace(",", ""))
    return float(text) if _INFINITE.fullmatch(text) else None


def spelled(value: float) -> str:
    """One spelling per number, so that "3", "3.0" and 3 are the same class or category.

    Example:
        >>> spelled(3.0), spelled(0.25)
        ('3', '0.25')
    """
    if abs(value) < 2**53 and value == int(value):
        return str(int(value))
    return repr(float(value))


def decimal_mark(columns: Iterable[list[str]], delimiter: str = ",") -> str | None:
    """The decimal mark that a table's cells give away, or None when they give nothing away.

    A column votes when all of its cells are numbers under one reading. "1,234" alone proves
    nothing (it may group thousands), except between semicolons: those files come from countries
    that write decimal commas.

    Args:
        columns:   the distinct cells of each column.
        delimiter: what separates the cells of a row.

    Example:
        >>> decimal_mark([["1,5", "2"], ["a", "b"]], ";"), decimal_mark([["3", "4"]])
        (',', None)
    """
    vote = None
    for cells in columns:
        given = [cell for cell in cells if not is_missing(cell)]
        commas = any("," in cell for cell in given)
        if not commas and not any("." in cell for cell in given):
            continue
        if all(number(cell) is not None for cell in given):
            short = [cell for cell in given if "." in cell and len(cell.rpartition(".")[2]) != 3]
            if short:
                return "."
            if not commas or delimiter != ";":
                continue
        if commas and all(number(cell, ",") is not None for cell in given):
            vote = ","
    return vote
