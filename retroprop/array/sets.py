"""The distinct elements of a tensor, in ascending order. Shapes depend on the data."""

from __future__ import annotations

from typing import Any, NamedTuple

from retroprop import ops
from retroprop.array.creation import asarray
from retroprop.core.tensor import Tensor

__all__ = ["unique_all", "unique_counts", "unique_inverse", "unique_values"]


class UniqueAll(NamedTuple):
    """What `unique_all` gives."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` gives."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` gives."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Any, /) -> UniqueAll:
    """Distinct elements, where each occurs first, which of them every element is, and how often.

    NaNs count as distinct from each other.

    Example:
        >>> unique_all(asarray([5, 3, 5])).counts.tolist()
        [1, 2]
    """
    return UniqueAll(*ops.unique_all(asarray(x)))


def unique_counts(x: Any, /) -> UniqueCounts:
    """Distinct elements and how often each occurs.

    Example:
        >>> unique_counts(asarray([5, 3, 5])).values.tolist()
        [3, 5]
    """
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """Distinct elements and which of them every element of x is.

    Example:
        >>> unique_inverse(asarray([5, 3, 5])).inverse_indices.tolist()
        [1, 0, 1]
    """
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Any, /) -> Tensor:
    """Distinct elements.

    Example:
        >>> unique_values(asarray([5, 3, 5]))
        tensor([3, 5])
    """
    return unique_all(x).values
