"""Cutting data into parts that share nothing: no example, and no group of repeats, in two parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.data.dataset import length, take
from retroprop.data.order import shuffled
from retroprop.errors import ArgumentError, ShapeError

__all__ = ["repeat_groups", "split", "train_test_split"]

MOST_REPEATS = 0.2  # share of repeats up to which they are kept together
_EPOCH = 2**63  # a Philox key of its own: no training epoch has this number


def split(
    n: int,
    fractions: Sequence[float],
    seed: int = 0,
    stratify: Any = None,
    groups: Any = None,
) -> list[Any]:
    """Indices of disjoint parts of 0 .. n-1, drawn at random, each in ascending order.

    Part k gets round(n * fractions[k]) examples. With `stratify` every class is spread over the
    parts in the same proportions (within one example), and every class has at least one example
    in the first part. With `groups` all examples of a group land in one part (repeated rows, photos
    of one person): sizes are then those of whole groups, so only nearly as asked.

    Args:
        n:         how many examples.
        fractions: sizes of the parts, each > 0, summing to 1.
        seed:      any integer in 0 .. 2**64 - 1; the same seed gives the same parts everywhere.
        stratify:  (n,) class of each example, or None.
        groups:    (n,) group of each example, or None.

    Returns:
        One int64 array per fraction; together they hold every index once.

    Raises:
        ArgumentError: "cannot split 1 examples into 2 parts ...".

    Example:
        >>> train, test = split(10, (0.8, 0.2), stratify=[0] * 5 + [1] * 5)
        >>> len(train), sorted(int(i) // 5 for i in test)
        (8, [0, 1])
    """
    fractions = [float(fraction) for fraction in fractions]
    if not fractions or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ArgumentError(f"fractions must be > 0 and sum to 1, got {fractions}")
    labels = _labels("stratify", stratify, n)
    if groups is None:
        return _parts(n, fractions, seed, labels)
    members = _labels("groups", groups, n)
    _, first = np.unique(members, return_index=True)
    labels = None if labels is None else labels[first]
    chosen = _parts(len(first), fractions, seed, labels, "groups")
    part_of = np.empty(len(first), dtype=np.int64)
    for part, indices in enumerate(chosen):
        part_of[indices] = part
    return [np.flatnonzero(part_of[members] == part) for part in range(len(fractions))]


def repeat_groups(x: Any, notes: list[str], what: str = "examples") -> Any:
    """Group of each example, equal ones sharing a group; None when none repeat, or most do.

    An example that is in the training part and, again, in the test part tests memory only. Where
    most repeat (a few yes/no columns) that is the nature of the data, and they are left as they
    are.

    Args:
        x:     (examples, ...) array.
        notes: gets a sentence when some repeat.
        what:  the word for an example in it.

    Example:
        >>> notes = []
        >>> repeat_groups(np.array([[1], [2], [1], [3], [4], [5]]), notes).tolist(), len(notes)
        ([0, 1, 0, 2, 3, 4], 1)
    """
    seen: dict[bytes, int] = {}
    rows = np.ascontiguousarray(x)
    groups = [
        seen.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), len(seen))
        for row in rows
    ]
    repeats = len(groups) - len(seen)
    if not 0 < repeats <= MOST_REPEATS * len(groups):
        return None
    notes.append(f"{repeats} repeated {what} are kept in the same part as the one they repeat")
    return np.array(groups)


def _labels(name: str, values: Any, n: int) -> Any:
    """Class or group of each example as integers 0, 1, ..., numbered by sorted value."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (n,):
        raise ShapeError(f"{name} must have one entry for each of {n} examples, got {array.shape}")
    return np.unique(array, return_inverse=True)[1].reshape(-1)


def _parts(
    n: int, fractions: list[float], seed: int, labels: Any, what: str = "examples"
) -> list[Any]:
    order = shuffled(n, seed, _EPOCH)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]  # by class, random inside a class
        sizes = np.bincount(labels)
    else:
        sizes = np.array([n])
    part = np.empty(n, dtype=np.int64)
    edges = np.cumsum(fractions)
    start = 0
    for size in sizes:
        stop = start + int(size)
        counts = _counts(start, stop, edges)
        part[order[start:stop]] = np.repeat(np.arange(len(fractions)), counts)
        start = stop
    parts = [np.flatnonzero(part == k) for k in range(len(fractions))]
    if any(len(indices) == 0 for indices in parts):
        sizes_text = ", ".join(str(len(indices)) for indices in parts)
        raise ArgumentError(
            f"cannot split {n} {what} into {len(fractions)} parts of "
            f"{', '.join(f'{fraction:g}' for fraction in fractions)}: sizes would be {sizes_text}",
            fix=f"give more {what}, or larger fractions",
        )
    return parts


def _counts(start: int, stop: int, edges: Any) -> Any:
    """How many of the examples start .. stop-1 go to each part, so that running totals are right.

    Rounding the running total (not each class) makes the parts' sizes exact however many classes
    there are.
    """
    upper = np.floor(edges * stop + 0.5).astype(np.int64)
    lower = np.floor(edges * start + 0.5).astype(np.int64)
    upper[-1], lower[-1] = stop, start
    counts = np.diff(upper - lower, prepend=0)
    if counts[0] == 0 and stop > start:
        counts[int(counts.argmax())] -= 1
        counts[0] = 1
    return counts


def train_test_split(
    *arrays: Any,
    test_fraction: float = 0.2,
    stratify: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> list[Any]:
    """Split arrays of equal length at random: x_train, x_test, y_train, y_test, ...

    Args:
        arrays:        arrays, tables, or dicts or tuples of arrays, one entry per example.
        test_fraction: share of the examples that is held out, in (0, 1).
        stratify, groups, seed: as in `split`.

    Raises:
        ShapeError: "arrays differ in length: 3, 4".

    Example:
        >>> x_train, x_test, y_train, y_test = train_test_split(np.arange(10), np.arange(10) * 2)
        >>> len(x_train), bool(np.all(y_test == x_test * 2))
        (8, True)
    """
    if not arrays:
        raise ArgumentError("train_test_split needs at least one array")
    if not 0 < test_fraction < 1:
        raise ArgumentError(f"test_fraction must lie between 0 and 1, got {test_fraction!r}")
    sizes = [length(array) for array in arrays]
    if len(set(sizes)) > 1:
        raise ShapeError(f"arrays differ in length: {', '.join(map(str, sizes))}")
    parts = split(sizes[0], (1 - test_fraction, test_fraction), seed, stratify, groups)
    return [take(array, part) for array in arrays for part in parts]
