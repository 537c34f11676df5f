"""Tables of vectors read by index."""

from __future__ import annotations

from typing import Any

from retroprop import dtypes
from retroprop.array.creation import arange, asarray, zeros
from retroprop.array.manipulation import concat, expand_dims
from retroprop.core.faces import astype
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError, unknown
from retroprop.nn.functional._checks import is_known
from retroprop.ops.arithmetic import abs, where
from retroprop.ops.comparison import equal, greater, greater_equal, not_equal
from retroprop.ops.exponential import power
from retroprop.ops.indexing import put, take
from retroprop.ops.linalg import matmul
from retroprop.ops.logic import logical_and, logical_not
from retroprop.ops.movement import reshape
from retroprop.ops.reduction import any, max, sum

__all__ = ["embedding", "embedding_bag", "one_hot"]


def _indices(name: str, given: Any, count: int) -> Tensor:
    """The indices, int64 from 0 to count - 1."""
    x = asarray(given)
    if not dtypes.is_integer(x.dtype):
        raise DTypeError(
            f"{name}: indices must be integers, got {x.dtype} of shape {x.shape}",
            fix="convert them: x.astype(rp.int64)",
        )
    if is_known(x) and x.size:
        values = x.numpy()
        low, high = values.min(), values.max()
        if low < 0 or high >= count:
            raise IndexRangeError(
                f"{name}: index {low if low < 0 else high} is outside 0..{count - 1}",
                fix=f"make the table larger than {high}, or mend the indices",
            )
    return astype(x, dtypes.int64)


def _row(name: str, padding_idx: int | None, count: int) -> int | None:
    if padding_idx is None:
        return None
    if not -count <= padding_idx < count:
        raise IndexRangeError(f"{name}: padding_idx {padding_idx} is outside a table of {count}")
    return padding_idx % count


def _renorm(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Shrink, in place, the rows that are about to be read to at most a norm."""
    with no_grad():
        rows = take(weight.detach(), reshape(index, (-1,)), axis=0)
        norms = power(sum(power(abs(rows), norm_type), axis=1, keepdims=True), 1 / norm_type)
        shrunk = where(greater(norms, max_norm), rows * (max_norm / (norms + 1e-7)), rows)
        weight.assign(put(weight.detach(), reshape(index, (-1,)), shrunk, axis=0))


def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:
    """The rows of a table at the indices.

    Args:
        input:       integers of any shape, from 0 to rows - 1.
        weight:      (rows, features).
        padding_idx: the row that gets no gradient.
        max_norm:    rows that are read are first shrunk, in place, to at most this norm.
        norm_type:   the p of that norm.

    Returns:
        (*input shape, features).

    Raises:
        IndexRangeError: "embedding: index 96 is outside 0..95".

    Example:
        >>> import retroprop as rp
        >>> embedding(rp.asarray([1, 0, 1]), rp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
        [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    """
    index = _indices("embedding", input, weight.shape[0])
    row = _row("embedding", padding_idx, weight.shape[0])
    if max_norm is not None and index.size:
        _renorm(weight, index, max_norm, norm_type)
    y: Tensor = take(weight, index, axis=0)
    if row is None or not y.requires_grad:
        return y
    frozen: Tensor = where(expand_dims(equal(index, row), axis=-1), y.detach(), y)
    return frozen


_MODES = ("max", "mean", "sum")


def embedding_bag(
    input: Any,
    weight: Tensor,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Rows of a table combined by bag: their sum, mean or maximum; 0 for an empty bag.

    Args:
        input:              (bags, indices), or all indices in a row with `offsets`.
        weight:             (rows, features).
        offsets:            where each bag starts in a row of indices.
        max_norm, norm_type: as in `embedding`.
        mode:               "sum", "mean" or "max".
        per_sample_weights: of the shape of input, multiply the rows; mode "sum" only.
        include_last_offset: whether the last offset is the end.
        padding_idx:        indices that do not count.

    Returns:
        (bags, features).

    Example:
        >>> import retroprop as rp
        >>> table = rp.asarray([[1.0], [10.0], [100.0]])
        >>> embedding_bag(rp.asarray([0, 1, 2]), table, rp.asarray([0, 2]), mode="sum").tolist()
        [[11.0], [100.0]]
    """
    if mode not in _MODES:
        raise unknown("mode of embedding_bag", mode, _MODES)
    if per_sample_weights is not None and mode != "sum":
        raise ArgumentError('embedding_bag: per_sample_weights need mode="sum"')
    index = _indices("embedding_bag", input, weight.shape[0])
    if (index.ndim, offsets is None) not in {(1, False), (2, True)}:
        raise ShapeError(
            f"embedding_bag: input has shape {index.shape}",
            fix="give (bags, indices), or all indices in a row and offsets=",
        )
    rows = embedding(index, weight, padding_idx, max_norm, norm_type)
    if per_sample_weights is not None:
        rows = rows * expand_dims(per_sample_weights, axis=-1)
    row = _row("embedding_bag", padding_idx, weight.shape[0])
    counts = equal(index, index) if row is None else not_equal(index, row)
    if offsets is None:
        return _combine(rows, counts, mode)
    return _combine_rows(rows, counts, asarray(offsets), mode, include_last_offset)


def _combine(rows: Tensor, counts: Tensor, mode: str) -> Tensor:
    """(..., bags, indices, features) combined over the indices that count."""
    mask = expand_dims(counts, axis=-1)
    if mode == "max":
        full = any(mask, axis=-2)
        lowest = where(mask, rows, float("-inf"))
        return where(full, max(lowest, axis=-2), 0.0)
    total: Tensor = sum(where(mask, rows, 0.0), axis=-2)
    if mode == "sum":
        return total
    number = sum(astype(mask, rows.dtype), axis=-2)
    divisor: Tensor = where(equal(number, 0.0), 1.0, number)
    return total / divisor


def _combine_rows(
    rows: Tensor, counts: Tensor, offsets: Tensor, mode: str, include_last_offset: bool
) -> Tensor:
    """Indices in a row: each bag sees all of them through a mask of its own."""
    position = arange(counts.shape[0], dtype=offsets.dtype)
    begun = greater_equal(position, expand_dims(offsets, axis=-1))
    if include_last_offset:
        begun, ended = begun[:-1], begun[1:]
    else:
        ended = concat([begun[1:], zeros((1, counts.shape[0]), dtype=dtypes.bool)])
    member = logical_and(logical_and(begun, logical_not(ended)), counts)
    if mode == "max":
        return _combine(expand_dims(rows, axis=0), member, mode)
    total: Tensor = matmul(astype(member, rows.dtype), rows)
    if mode == "sum":
        return total
    number = sum(astype(member, rows.dtype), axis=-1, keepdims=True)
    divisor: Tensor = where(equal(number, 0.0), 1.0, number)
    return total / divisor


def one_hot(input: Any, num_classes: int = -1) -> Tensor:
    """1 at the index and 0 elsewhere, along a new last axis.

    Args:
        input:       integers of any shape, from 0 to num_classes - 1.
        num_classes: how many classes there are; -1 takes the largest index there is, plus 1.

    Returns:
        (*input shape, num_classes), int64.

    Example:
        >>> one_hot(asarray([0, 2]), 3).tolist()
        [[1, 0, 0], [0, 0, 1]]
    """
    x = asarray(input)
    if num_classes == -1:
        if not x.size:
            raise ArgumentError("one_hot: no indices to count classes from", fix="give num_classes")
        num_classes = int(max(x).item()) + 1
    index = _indices("one_hot", x, num_classes)
    hot = equal(expand_dims(index, axis=-1), arange(num_classes, dtype=index.dtype))
    return astype(hot, dtypes.int64)
