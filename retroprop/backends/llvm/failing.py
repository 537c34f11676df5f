"""Which kernels have to look for errors, and which would look for the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retroprop.backends.llvm.kernel import Kernel, View
    from retroprop.ir import Node

__all__ = ["Failing"]


class Failing:
    """The nodes that report errors, by the number that they do it under.

    Args:
        nodes: those of the program around a body, which go on being counted.
    """

    def __init__(self, nodes: dict[int, Node] | None = None) -> None:
        self.nodes: dict[int, Node] = {} if nodes is None else nodes
        self._known: set[tuple[View, Any]] = set()  # what was looked at, and what it is held to

    def looks(self, node: Node, kernel: Kernel, operands: Sequence[View], result: View) -> bool:
        """Number a node; whether its kernel is the first to look at what it looks at."""
        self.nodes[len(self.nodes)] = node
        if node.op.name == "latest":  # the places that it gives are among the indices
            self._known.add((_flat(result), result.size))
        seen = _flat(operands[min(1, len(operands) - 1)]), getattr(kernel, "length", None)
        if seen in self._known:
            kernel.may_fail = False
        self._known.add(seen)
        return kernel.may_fail


def _flat(view: View) -> View:
    """The same elements in one row, if they are one."""
    return view._replace(shape=(view.size,), strides=(1,)) if view.is_contiguous else view
