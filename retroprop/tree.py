"""Nested containers (tuple, list, dict) of leaves: flatten, rebuild, map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["flatten", "tree_map", "unflatten"]


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a nested container in order, and the structure to put them back.

    Example:
        >>> leaves, structure = flatten({"b": [1, 2], "a": (3,)})
        >>> leaves
        [3, 1, 2]
        >>> unflatten(structure, leaves)
        {'a': (3,), 'b': [1, 2]}
    """
    leaves: list[Any] = []

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: walk(node[key]) for key in sorted(node, key=str)}
        if isinstance(node, tuple) and hasattr(node, "_fields"):
            return type(node)(*(walk(item) for item in node))
        if isinstance(node, list | tuple):
            return type(node)(walk(item) for item in node)
        leaves.append(node)
        return _Slot(len(leaves) - 1)

    return leaves, walk(tree)


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The container that `flatten` took apart, with these leaves."""
    if isinstance(structure, _Slot):
        return leaves[structure.index]
    if isinstance(structure, dict):
        return {key: unflatten(item, leaves) for key, item in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(unflatten(item, leaves) for item in structure))
    return type(structure)(unflatten(item, leaves) for item in structure)


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to every leaf of a tree (and the same leaf of others alike in structure).

    Example:
        >>> tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    leaves, structure = flatten(tree)
    columns = [flatten(other)[0] for other in others]
    return unflatten(structure, [function(*row) for row in zip(leaves, *columns, strict=True)])


class _Slot:
    """Stands for a leaf in a structure."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index
