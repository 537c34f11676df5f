"""Loops: bodies are simplified, and lose what nobody reads of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from retroprop.ir import Graph, Node, Value
from retroprop.ops.loop import scan
from retroprop.passes.dead import drop_dead
from retroprop.passes.fission import split_loop

__all__ = ["loops"]


class Loop(NamedTuple):
    """A loop with less in it: what is left of its operands and outputs, by number."""

    body: Graph
    operands: tuple[int, ...]
    outputs: tuple[int, ...]
    carried: int
    sliced: int


def loops(graph: Graph, optimise: Callable[[Graph], Graph]) -> Graph:
    """The graph with its loops as small as they can be; itself where there are none.

    Args:
        optimise: what is done to a body.
    """
    if all(node.op is not scan for node in graph.nodes):
        return graph
    left: dict[Node, Loop] = {}
    needed = set(graph.outputs)
    for node, outputs in zip(graph.nodes[::-1], graph.computed[::-1], strict=True):
        used = [number for number, value in enumerate(outputs) if value in needed]
        if not used:
            continue
        if node.op is scan:
            left[node] = _reduced(node, used, optimise)
            needed.update(node.operands[number] for number in left[node].operands)
        else:
            needed.update(node.operands)
    return drop_dead(_rebuilt(graph, left))


def _reduced(node: Node, used: Collection[int], optimise: Callable[[Graph], Graph]) -> Loop:
    """A loop that computes only some of its outputs."""
    body, carried, sliced = (node.attributes[key] for key in ("body", "carried", "sliced"))
    state = [k for k in range(carried) if k in used]
    results = [n for n in used if n >= carried]
    while True:
        outputs = [*state, *results]
        some = drop_dead(Graph(body.inputs, body.nodes, [body.outputs[n] for n in outputs]))
        read = {v for inner in some.nodes for v in inner.operands}.union(some.outputs)
        more = [k for k in range(carried) if k in state or body.inputs[k] in read]
        if more == state:
            break
        state = more
    if len(outputs) == len(body.outputs) and len(some.nodes) == len(body.nodes):
        some = body
    some = optimise(some)
    read = {v for inner in some.nodes for v in inner.operands}.union(some.outputs)
    end = carried + sliced
    sequences = [k for k in range(carried, end) if body.inputs[k] in read]
    shared = [k for k in range(end, len(body.inputs)) if body.inputs[k] in read]
    operands = (*state, *sequences, *shared)
    if some.inputs != tuple(body.inputs[k] for k in operands):
        some = Graph([body.inputs[k] for k in operands], some.nodes, some.outputs)
    return Loop(some, operands, tuple(outputs), len(state), len(sequences))


def _rebuilt(graph: Graph, left: dict[Node, Loop]) -> Graph:
    """The graph with these loops in the place of those there were; itself if they are the same."""
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node, outputs in zip(graph.nodes, graph.computed, strict=True):
        operands = tuple([new.get(value, value) for value in node.operands])
        loop = left.get(node)
        if loop is not None:
            made, results = _apart(node, loop, [operands[number] for number in loop.operands])
            nodes += made
            if made != [node]:
                ends = [outputs[number] for number in loop.outputs]
                new.update(zip(ends, results, strict=True))
        elif operands == node.operands:
            nodes.append(node)
        else:
            copy, copied = node.on(operands)
            new.update(zip(outputs, copied, strict=True))
            nodes.append(copy)
    if nodes == list(graph.nodes):
        return graph
    return Graph(graph.inputs, nodes, [new.get(value, value) for value in graph.outputs])


def _apart(node: Node, loop: Loop, operands: list[Value]) -> tuple[list[Node], Sequence[Value]]:
    """A loop with what leaves it: nodes in order, and its results."""
    parts = split_loop(loop.body, _how(node, loop), operands)
    if parts is not None:
        return parts.nodes, parts.outputs
    if loop.body is node.attributes["body"] and tuple(operands) == node.operands:
        return [node], node.outputs
    copy = Node(scan, tuple(operands), _how(node, loop))
    types = scan.infer(operands, copy.attributes)
    made = tuple([Value(s, d, node=copy, index=i) for i, (s, d) in enumerate(types)])
    copy.outputs = made
    return [copy], made


def _how(node: Node, loop: Loop) -> dict[str, Any]:
    return {**node.attributes, "body": loop.body, "carried": loop.carried, "sliced": loop.sliced}
