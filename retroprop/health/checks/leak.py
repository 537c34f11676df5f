"""A target that leaked into the inputs: a column that is the target in other clothes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from retroprop.health.checks.case import Case, classes_of, flat
from retroprop.health.finding import Finding

__all__ = ["leaked_target"]

Array = np.ndarray[Any, Any]

_SHARE = 0.995  # of the variance of a column that its target explains
_RANK = 0.999  # correlation of ranks
_MOST = 20_000  # examples that are looked at
_LEAST = 20
_WIDE = 128  # more features than a table has: pixels, words


def leaked_target(case: Case) -> Iterator[Finding]:
    """A column that is, but for rounding, a function of the target, among others that are not.

    A class decides a number to within a hundredth of its range, or a category and a class name each
    other; in a regression the column orders the examples as the target does. A single column that
    decides its target is the whole of the data and no leak.

    Source: Kaufman et al. 2012, "Leakage in data mining".
    """
    columns = _columns(case)
    if not 2 <= len(columns) <= _WIDE or case.size < _LEAST or case.target is None:
        return
    rows: Any = slice(None)
    if case.size > _MOST:
        rows = np.random.default_rng(0).choice(case.size, _MOST, replace=False)
    classes = classes_of(case)
    target = case.target.reshape(case.size, -1)[rows] if classes is None else classes[rows]
    if classes is None and (case.task != "regression" or target.shape[1] != 1):
        return
    found = []
    for name, column in columns.items():
        values = column[rows]
        strength = _by_rank(values, target[:, 0]) if classes is None else _by_class(values, target)
        if strength:
            found.append((name, strength))
    if not found or len(found) == len(columns):
        return
    names = tuple(name for name, _ in found)
    yield Finding(
        "leaked_target",
        f"{', '.join(names[:3])} {'tells' if len(names) == 1 else 'tell'} the target by "
        f"{'itself' if len(names) == 1 else 'themselves'} ({found[0][1]:.4f} of 1)",
        "a column that is made from the target, or after it, will not be there in use",
        f"leave {names[0]} out, unless it is known before the target is",
        0.7,
        where=names,
        evidence=dict(found),
    )


def _columns(case: Case) -> Mapping[str, Array]:
    if case.columns:
        return case.columns
    x = flat(case.inputs)
    if x is None or case.inputs.ndim != 2 or x.shape[1] > _WIDE:
        return {}
    return {f"feature {number}": x[:, number] for number in range(x.shape[1])}


def _by_class(values: Array, classes: Array) -> float:
    """How much of a column its class decides, if nearly all; else 0."""
    if values.dtype.kind not in "fiub":
        return _by_category(values, classes)
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        return 0.0
    total = float(np.square(numbers - numbers.mean()).sum())
    labels, codes = np.unique(classes, return_inverse=True)
    if not total or len(labels) < 2 or len(labels) > len(classes) / 4:
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, numbers) / counts
    within = float(np.square(numbers - means[codes]).sum())
    share = 1.0 - within / total
    close = np.diff(np.sort(means)).min() > 4 * (within / len(numbers)) ** 0.5
    return share if share > _SHARE and close else 0.0


def _by_category(values: Array, classes: Array) -> float:
    """How often a category names the class and the class the category, if nearly always; else 0."""
    _, codes = np.unique(values.astype(str), return_inverse=True)
    labels, marks = np.unique(classes, return_inverse=True)
    if len(labels) < 2 or codes.max() == 0:
        return 0.0
    table = np.zeros((codes.max() + 1, len(labels)), np.int64)
    np.add.at(table, (codes, marks), 1)
    share = min(table.max(axis=0).sum(), table.max(axis=1).sum()) / len(values)
    return float(share) if share > _SHARE else 0.0


def _by_rank(values: Array, target: Array) -> float:
    """The correlation of ranks with the target, if nearly 1; else 0."""
    if values.dtype.kind not in "fiub":
        return 0.0
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    if known.sum() < max(_LEAST, 0.9 * len(numbers)):
        return 0.0
    a, b = _ranks(numbers[known]), _ranks(target[known].astype(np.float64))
    if not a.std() or not b.std():
        return 0.0
    correlation = abs(float(np.corrcoef(a, b)[0, 1]))
    return correlation if correlation > _RANK else 0.0


def _ranks(values: Array) -> Array:
    """The place of each value in order; equal values share theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[codes]
