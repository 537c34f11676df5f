"""With RETROPROP_CHECK=1 every reference that runs is held to the rules for shapes and dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retroprop.errors import GraphError
from retroprop.ops.define import Op

__all__ = ["check"]

_PLAIN = (bool, int, float, str, tuple, np.dtype, type(None))
_held: set[Any] = set()  # what was asked before: rules see shapes, dtypes, attributes, no values


def check(
    op: Op, arrays: Sequence[Any], attributes: dict[str, Any], outputs: Sequence[Any]
) -> None:
    """The outputs of a reference have the shapes and dtypes that the rules of its op say.

    Raises:
        GraphError: "add: the rules infer ..., the reference gave ...".

    Example:
        >>> from retroprop.ops import add
        >>> check(add, [np.ones(3), np.ones(3)], {}, [np.ones(3)])
    """
    actual = tuple((np.shape(output), np.asarray(output).dtype) for output in outputs)
    key = _key(op, arrays, attributes, actual)
    if key in _held:
        return
    inferred = op.infer(arrays, attributes)
    if tuple(inferred) != actual:
        raise GraphError(f"{op.name}: the rules infer {inferred}, the reference gave {actual}")
    if key is not None:
        _held.add(key)


def _key(op: Op, arrays: Sequence[Any], attributes: dict[str, Any], actual: Any) -> Any:
    """What the answer depends on; None where it is not plain, as an array or a loop's graph."""
    static = [(type(value), value) for value in attributes.values()]
    if not all(isinstance(value, _PLAIN) for _, value in static):
        return None
    key = (op, actual, *[(each.shape, each.dtype) for each in arrays], *static)
    try:
        hash(key)
    except TypeError:
        return None
    return key
