"""Transposed products: (x w)ᵀ is computed as wᵀ xᵀ, where transposed operands cost nothing.

Each element is the same sum of the same products in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from retroprop.ir import Graph, Node, Value
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import permute_dims
from retroprop.passes.rewrite import Build, Rule, made_by

__all__ = ["only_transposed", "turn"]


def only_transposed(graph: Graph) -> set[Node]:
    """The products that only their transposition is read of, or will be once others are turned."""
    reads = Counter([operand for node in graph.nodes for operand in node.operands])
    reads.update(graph.outputs)
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        if node in found or (node.op is permute_dims and _swaps(node)):
            for operand in node.operands:
                product = made_by(operand, matmul)
                if product is not None and reads[operand] == 1 and _alike(product):
                    found.add(product)
    return found


def turn(products: AbstractSet[Node]) -> Rule:
    """The rule that computes these products transposed, and transposes them back.

    Two transpositions that follow each other are then taken away by other rules.
    """

    def rule(node: Node, operands: tuple[Value, ...], build: Build) -> Value | None:
        if node not in products:
            return None
        x, w = operands
        return _transposed(build(matmul, _transposed(w, build), _transposed(x, build)), build)

    return rule


def _swaps(node: Node) -> bool:
    """Whether a permutation exchanges the last two axes and no others."""
    axes = node.attributes["axes"]
    ndim = len(axes)
    return ndim > 1 and tuple([axis % ndim for axis in axes]) == _swapped(ndim)


def _alike(product: Node) -> bool:
    """Whether both operands are matrices, or batches of them with as many axes."""
    x, w = product.operands
    return len(x.shape) == len(w.shape) > 1


def _transposed(x: Value, build: Build) -> Value:
    return build(permute_dims, x, axes=_swapped(len(x.shape)))


def _swapped(ndim: int) -> tuple[int, ...]:
    return (*range(ndim - 2), ndim - 1, ndim - 2)
