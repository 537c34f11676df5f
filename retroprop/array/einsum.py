"""Sums of products written with index letters, made of the matrix product.

Operands are contracted from left to right, two at a time; each pair becomes one batched product.
"""

from __future__ import annotations

from typing import Any

from retroprop import ops, shapes
from retroprop.array.creation import asarray
from retroprop.array.products import diagonal
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError

__all__ = ["einsum"]

# One letter per axis; those of "..." are called "...1", "...2", counted from the right.
Labels = tuple[str, ...]


def einsum(subscripts: str, /, *operands: Any) -> Tensor:
    """The sum of products that the letters describe: "ij,jk->ik" is the matrix product.

    Args:
        subscripts: one letter per axis of each operand, separated by commas, then "->" and the
                    letters of the result. Letters that are not in the result are summed over; one
                    that occurs twice in an operand takes its diagonal. "..." stands for axes that
                    broadcast. Without "->" the result has the letters that occur once, sorted.
        operands:   as many tensors as there are groups of letters.

    Raises:
        ShapeError:    "einsum: j has 3 elements in operand 0 and 4 in operand 1".
        ArgumentError: the subscripts do not fit the operands.

    Example:
        >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).tolist()
        [21.0, 43.0]
    """
    tensors = [asarray(x) for x in operands]
    terms, result = _parsed(subscripts, tensors)
    sizes = _sizes(terms, tensors)
    labelled = [_plain(t, term) for t, term in zip(tensors, terms, strict=True)]
    value, labels = labelled[0]
    for index in range(1, len(labelled)):
        other, other_labels = labelled[index]
        needed = set(result).union(*(after for _, after in labelled[index + 1 :]))
        value, labels = _contracted((value, labels), (other, other_labels), needed, sizes)
    value, labels = _summed(value, labels, set(result))
    y: Tensor = ops.permute_dims(value, tuple(labels.index(label) for label in result))
    whole: Tensor = ops.broadcast_to(y, tuple(sizes[label] for label in result))
    return whole


def _parsed(subscripts: str, tensors: list[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the result."""
    given, arrow, wanted = subscripts.replace(" ", "").partition("->")
    groups = given.split(",")
    if len(groups) != len(tensors):
        raise ArgumentError(
            f"einsum: {subscripts!r} describes {len(groups)} operands, {len(tensors)} were given"
        )
    terms = [
        _labels(group, tensor.ndim, subscripts)
        for group, tensor in zip(groups, tensors, strict=True)
    ]
    dots = max((tuple(x for x in term if len(x) > 1) for term in terms), key=len)
    every = [label for term in terms for label in term if len(label) == 1]
    if not arrow:
        once = sorted(label for label in set(every) if every.count(label) == 1)
        return terms, (*dots, *once)
    front, ellipsis, back = wanted.partition("...")
    result = (*front, *(dots if ellipsis else ()), *back)
    letters = [label for label in result if len(label) == 1]
    surplus = sorted(set(letters) - set(every))
    if surplus or len(set(letters)) != len(letters):
        what = f"{surplus[0]!r} is not in any operand" if surplus else "a letter occurs twice"
        raise ArgumentError(f"einsum: the result of {subscripts!r}: {what}")
    return terms, result


def _labels(group: str, ndim: int, subscripts: str) -> Labels:
    front, ellipsis, back = group.partition("...")
    spare = ndim - len(front) - len(back)
    if not all(letter.isalpha() for letter in front + back):
        raise ArgumentError(f"einsum: {subscripts!r} holds something that is not a letter")
    if spare < 0 or (spare and not ellipsis):
        raise ArgumentError(f"einsum: {group!r} has {len(front + back)} letters for {ndim} axes")
    return (*front, *(f"...{i}" for i in range(spare, 0, -1)), *back)


def _sizes(terms: list[Labels], tensors: list[Tensor]) -> dict[str, int]:
    """The size of each label; 1 stretches."""
    sizes: dict[str, int] = {}
    where: dict[str, int] = {}
    for index, (term, tensor) in enumerate(zip(terms, tensors, strict=True)):
        for label, size in zip(term, tensor.shape, strict=True):
            before = sizes.get(label, 1)
            if before != 1 and size not in (1, before):
                raise ShapeError(
                    f"einsum: {label} has {before} elements in operand {where[label]} "
                    f"and {size} in operand {index}"
                )
            if before == 1:
                sizes[label], where[label] = size, index
    return sizes


def _plain(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """An operand whose labels are all different: the diagonal over those that were not."""
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(
                    f"einsum: {label} has {x.shape[first]} and {x.shape[second]} elements"
                )
            rest = tuple(i for i in range(x.ndim) if i not in (first, second))
            x = diagonal(ops.permute_dims(x, (*rest, first, second)))
            labels = (*(labels[i] for i in rest), label)
    return x, labels


def _summed(x: Tensor, labels: Labels, needed: set[str]) -> tuple[Tensor, Labels]:
    """x summed over the labels that nothing asks for any more."""
    axes = tuple(i for i, label in enumerate(labels) if label not in needed)
    if not axes:
        return x, labels
    y: Tensor = ops.sum(x, axis=axes)
    return y.astype(x.dtype), tuple(label for label in labels if label in needed)


def _contracted(
    one: tuple[Tensor, Labels],
    two: tuple[Tensor, Labels],
    needed: set[str],
    sizes: dict[str, int],
) -> tuple[Tensor, Labels]:
    """The product of two operands, summed over the labels that only they have."""
    x, of_x = _summed(_stretched(*one, set(two[1]) - needed, sizes), one[1], needed | set(two[1]))
    z, of_z = _summed(_stretched(*two, set(one[1]) - needed, sizes), two[1], needed | set(one[1]))
    batch = tuple(label for label in of_x if label in of_z and label in needed)
    inner = tuple(label for label in of_x if label in of_z and label not in needed)
    rows = tuple(label for label in of_x if label not in of_z)
    columns = tuple(label for label in of_z if label not in of_x)
    left = _arranged(x, of_x, batch, rows, inner)
    right = _arranged(z, of_z, batch, inner, columns)
    y: Tensor = ops.matmul(left, right)
    outer = tuple(x.shape[of_x.index(label)] for label in rows)
    across = tuple(z.shape[of_z.index(label)] for label in columns)
    y = y.reshape((*y.shape[:-2], *outer, *across))
    return y, (*batch, *rows, *columns)


def _stretched(x: Tensor, labels: Labels, inner: set[str], sizes: dict[str, int]) -> Tensor:
    """x with the axes that will be summed at their full size, also where it has 1."""
    shape = tuple(
        sizes[label] if label in inner else size
        for label, size in zip(labels, x.shape, strict=True)
    )
    return x if shape == x.shape else ops.broadcast_to(x, shape)


def _arranged(x: Tensor, labels: Labels, batch: Labels, first: Labels, second: Labels) -> Tensor:
    """x as matrices: the batch axes, then two groups of axes, each joined into one."""
    order = tuple(labels.index(label) for label in (*batch, *first, *second))
    moved: Tensor = ops.permute_dims(x, order)
    front, middle = len(batch), len(batch) + len(first)
    joined = (shapes.size(moved.shape[front:middle]), shapes.size(moved.shape[middle:]))
    y: Tensor = moved.reshape((*moved.shape[:front], *joined))
    return y
