"""Rows that are there more than once, and rows that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retroprop.health.checks.case import Case, flat
from retroprop.health.finding import Finding

__all__ = ["duplicated_rows"]

_REPEATED = 0.2  # of the rows
_CONTRARY = 0.02
_MOST = 1 << 28  # bytes that are compared


def duplicated_rows(case: Case) -> Iterator[Finding]:
    """Many repeated inputs, or equal inputs with different targets.

    Repeats count for more than they say and, where some of them are held out, make a model look
    better than it is. Equal inputs with different classes cannot both be learnt.
    """
    x = flat(case.inputs)
    if x is None or len(x) < 2 or x.nbytes > _MOST or len(x) != case.size:
        return
    keys = [row.tobytes() for row in np.ascontiguousarray(x)]
    numbers: dict[bytes, int] = {}
    codes = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    repeated = 1.0 - len(numbers) / len(codes)
    contrary = _contrary(codes, len(numbers), case) if repeated else 0.0
    if contrary > _CONTRARY:
        yield Finding(
            "duplicated_rows",
            f"{contrary:.1%} of the examples have the same inputs as another, and another class",
            "no model can be right on both",
            "mend the labels, or add the column that tells them apart",
            0.3 + min(0.3, contrary),
            evidence={"contrary": contrary},
        )
    elif repeated > _REPEATED and len(numbers) > 1:
        yield Finding(
            "duplicated_rows",
            f"{repeated:.0%} of the examples repeat the inputs of another",
            "they count more than once, and make a model look better where some are held out",
            "drop repeats before the split: np.unique(x, axis=0)",
            0.3,
            evidence={"repeated": repeated},
        )


def _contrary(codes: np.ndarray, groups: int, case: Case) -> float:
    """The share of examples in groups of equal inputs whose classes differ."""
    labels = case.target
    if case.task != "classification" or labels is None or labels.ndim != 1:
        return 0.0
    first = np.zeros(groups, labels.dtype)
    first[codes[::-1]] = labels[::-1]
    mixed = np.zeros(groups, bool)
    mixed[codes[labels != first[codes]]] = True
    return float(mixed[codes].mean())
