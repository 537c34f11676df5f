"""What tells calls of a compiled function apart: the Tensors among its arguments, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from retroprop import tree
from retroprop.core.binding import Kind
from retroprop.core.tape import is_grad_enabled
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, TapeError

__all__ = ["Given", "Line", "Static", "common_length", "described", "read", "with_leaves"]


class Given(NamedTuple):
    """The arguments of a call, taken apart.

    Attributes:
        leaves:    Tensors, and `Static` for anything else.
        structure: how to put them together again.
        kind:      what programs made for them are for.
        by_line:   whether they have an axis of steps in front.
    """

    leaves: list[Any]
    structure: Any
    kind: Kind
    by_line: bool


class Static(NamedTuple):
    """An argument that is no Tensor: a part of the signature."""

    value: Any


class Line:
    """A Tensor seen without its leading axis."""

    _requires_grad, _gradient = False, None

    def __init__(self, tensor: Tensor) -> None:
        self.shape, self.dtype = tensor.shape[1:], tensor.dtype


def read(args: tuple[Any, ...], kwargs: dict[str, Any], *, by_line: bool = False) -> Given:
    """Take arguments apart.

    Args:
        by_line: they have an axis of steps in front, which is none of the function's business.

    Raises:
        ArgumentError: something that cannot be compared with what was given before.
        TapeError:     a Tensor with a tape that ends at the compiled function.
    """
    found, structure = tree.flatten((_with_tensors(args), _with_tensors(kwargs)))
    leaves = [leaf if isinstance(leaf, Tensor) else Static(leaf) for leaf in found]
    seen: list[Any] = [
        Line(x) if by_line and isinstance(x, Tensor) and x.ndim else x for x in leaves
    ]
    recording = is_grad_enabled()
    first = {id(leaf): number for number, leaf in reversed([*enumerate(seen)])}
    signature = (
        _layout(structure), recording, *(_described(leaf, first[id(leaf)]) for leaf in seen)
    )  # fmt: skip
    _check(leaves, signature)
    plain = None
    if not kwargs and len(args) == len(leaves) and all(map(_is_plain, seen)):
        plain = tuple((leaf.shape, leaf.dtype) for leaf in seen)
    return Given(leaves, structure, Kind(signature, plain, recording), by_line)


def with_leaves(given: Given, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with other Tensors in them."""
    leaves = [leaf.value if isinstance(leaf, Static) else leaf for leaf in tensors]
    args, kwargs = tree.unflatten(given.structure, leaves)
    return args, kwargs


def _with_tensors(node: Any) -> Any:
    """Arguments with arrays, and lists of numbers, made into Tensors."""
    if isinstance(node, np.ndarray | np.generic):
        return Tensor(node)
    if isinstance(node, dict):
        return {key: _with_tensors(item) for key, item in node.items()}
    if isinstance(node, list) and _is_numbers(node):
        return Tensor(node)
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return type(node)(*map(_with_tensors, node))
    if isinstance(node, list | tuple):
        return type(node)(map(_with_tensors, node))
    return node


def _is_numbers(node: Any) -> bool:
    """Whether a list holds numbers, or such lists, and nothing else."""
    if isinstance(node, list):
        return bool(node) and all(map(_is_numbers, node))
    return isinstance(node, bool | int | float | complex)


def _is_plain(leaf: Any) -> bool:
    return type(leaf) in {Tensor, Line} and not leaf._requires_grad


def _described(leaf: Any, first: int) -> Any:
    """What tells an argument from others; `first` is where it is met first."""
    if isinstance(leaf, Static):
        return type(leaf.value), leaf.value
    if not leaf._requires_grad:
        return leaf.shape, leaf.dtype
    return leaf.shape, leaf.dtype, leaf._gradient is None, first


def described(kind: Kind) -> str:
    """The arguments of a kind of calls, in words.

    Example:
        >>> import retroprop as rp
        >>> described(read((rp.zeros((2, 3)), 7), {}).kind)
        'float32[2, 3], 7'
    """
    parts = []
    for part in kind.signature[2:]:
        is_tensor = isinstance(part[0], tuple)
        parts.append(f"{part[1]}{list(part[0])}" if is_tensor else repr(part[1]))
    return ", ".join(parts) or "no arguments"


def _layout(structure: Any) -> Any:
    """A structure of arguments as something to compare."""
    if isinstance(structure, dict):
        return ("dict", *((key, _layout(item)) for key, item in structure.items()))
    if isinstance(structure, tuple | list):
        return (type(structure), *(_layout(item) for item in structure))
    return "."


def _check(leaves: Sequence[Any], signature: tuple[Any, ...]) -> None:
    try:
        hash(signature)
    except TypeError:
        odd = [leaf.value for leaf in leaves if isinstance(leaf, Static)]
        names = ", ".join(sorted({type(value).__name__ for value in odd if not _has_hash(value)}))
        raise ArgumentError(
            f"an argument of a compiled function is a {names}, which cannot be told from others",
            fix="pass Tensors, numbers, strings, or containers of them; reach the rest from inside",
        ) from None
    for leaf in leaves:
        if isinstance(leaf, Tensor) and not leaf.is_leaf and is_grad_enabled():
            raise TapeError(
                f"an argument of shape {leaf.shape} was computed from tensors that require "
                "gradients, and none get back to them through a compiled function",
                fix="pass x.detach(), or compile the computation of it too",
            )


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def common_length(leaves: Sequence[Any]) -> int:
    """How many steps arguments with an axis of steps in front are for.

    Raises:
        ArgumentError: something without such an axis.
        ShapeError:    different numbers of steps, or none.
    """
    tensors = [leaf for leaf in leaves if not isinstance(leaf, Static)]
    if not tensors or not all(tensor.ndim for tensor in tensors):
        raise ArgumentError(
            "many: every tensor among the arguments must have one line for each step",
            fix="stack the batches: rp.stack([...])",
        )
    lengths = {tensor.shape[0] for tensor in tensors}
    if len(lengths) > 1 or 0 in lengths:
        raise ShapeError(
            f"many: the arguments have {sorted(lengths)} lines",
            fix="give each the same number of steps, at least one",
        )
    return int(lengths.pop())
