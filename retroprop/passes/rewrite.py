"""Walks a graph once, in execution order, and replaces what its rules know a better form of.

A rule is a function `rule(node, operands, build)`. It sees one node and the values that the node
reads now, which may have been rewritten already, and returns the value that takes the place of the
node's output, or None. With `build(op, *operands, **attributes)` it makes new nodes; each meets
the rules in turn, so a rule says one step and leaves the rest to the others. Every rule leads to
fewer nodes or to nodes nearer to the inputs, so this ends.

Nodes that compute the same from the same are merged on the way (`common`). Nodes of ops that are
not in the catalog stand for code we cannot see: they keep their place and are never merged.

The given graph is not changed, and a node that nothing happened to is shared with the new graph.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from retroprop.ir import Graph, Node, Value
from retroprop.ops.define import Op
from retroprop.ops.movement import permute_dims, reshape
from retroprop.ops.reduction import broadcast_to
from retroprop.passes.common import signature

__all__ = ["Build", "Rule", "made_by", "rewrite", "shape_of"]

Shape = tuple[int, ...]
Values = tuple[Value, ...]
Build = Callable[..., Value]
Rule = Callable[[Node, Values, Build], Value | None]

# Of the ops that rules make most; what rules make is legal, so nothing is checked again.
_SHAPES: dict[Op, Callable[..., Shape]] = {
    broadcast_to: lambda x, shape: shape,
    permute_dims: lambda x, axes: tuple([x[axis] for axis in axes]),
    reshape: lambda x, shape: shape,
}


def shape_of(node: Node) -> Shape:
    """The shape of a node's only output."""
    shape, _, _ = node.types[0]
    return shape


def made_by(value: Value, op: Op) -> Node | None:
    """The node that computes a value when it is one of this op, else None."""
    node = value.node
    return node if node is not None and node.op is op else None


def rewrite(graph: Graph, rules: Mapping[Op, Sequence[Rule]]) -> Graph:
    """The graph after the rules; the given graph itself when none applied.

    Args:
        rules: for every op of the catalog, its rules in the order in which they are tried.
    """
    walk = _Walk(rules)
    for node, computed in zip(graph.nodes, graph.computed, strict=True):
        walk.visit(node, computed)
    if not walk.changed:
        return graph
    outputs = [walk.replaced.get(value, value) for value in graph.outputs]
    return Graph(graph.inputs, walk.nodes, outputs)


class _Walk:
    """The state of one walk: the new nodes so far, and what old values became."""

    def __init__(self, rules: Mapping[Op, Sequence[Rule]]) -> None:
        self.rules: Mapping[Any, Sequence[Rule]] = rules
        self.nodes: list[Node] = []
        self.replaced: dict[Value, Value] = {}
        self.equal: dict[Hashable, Values] = {}
        self.changed = False

    def visit(self, node: Node, outputs: Values) -> Values:
        """What the outputs of a node become."""
        replaced = self.replaced
        operands = tuple([replaced.get(value, value) for value in node.operands])
        rules = self.rules.get(node.op)
        if rules is None:
            return self._place(node, operands, outputs)
        for rule in rules:
            value = rule(node, operands, self.build)
            if value is not None:
                assert (value.shape, value.dtype) == node.types[0][:2], (node, value)
                return self._become(outputs, (value,))
        key = signature(node, operands)
        known = self.equal.get(key)
        if known is not None:
            return self._become(outputs, known)
        values = self.equal[key] = self._place(node, operands, outputs)
        return values

    def build(self, op: Op, *operands: Value, **attributes: Any) -> Value:
        """The output of an op applied to values, after the rules."""
        node = Node(op, operands, op.complete(attributes))
        known = _SHAPES.get(op)
        if known is not None:
            shape, dtype = known(operands[0].shape, **attributes), operands[0].dtype
        else:
            ((shape, dtype),) = op.infer(operands, node.attributes)
        outputs = (Value(shape, dtype, node=node),)
        node.outputs = outputs
        return self.visit(node, outputs)[0]

    def _become(self, outputs: Values, values: Values) -> Values:
        self.changed = True
        self.replaced.update(zip(outputs, values, strict=True))
        return values

    def _place(self, node: Node, operands: Values, outputs: Values) -> Values:
        """Put a node, or its like that reads the operands, behind those there are."""
        if operands == node.operands:
            self.nodes.append(node)
            return outputs
        new, values = node.on(operands)
        self.nodes.append(new)
        return self._become(outputs, values)
