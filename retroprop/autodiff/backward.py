"""Reverse accumulation: the chain rule, un-broadcasting and summing, in this file only.

The engine walks nodes from the last to the first. It never asks what a cotangent is: plain arrays
for an ordinary backward pass, Tensors when the gradient is to be differentiated again, graph
values when compiling. `lift` makes what the tape kept into the same kind of thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from retroprop.errors import TapeError
from retroprop.ir import Node, Value
from retroprop.ir.graph import nodes_before
from retroprop.ops.arithmetic import add, multiply
from retroprop.ops.define import Rule, resolve
from retroprop.ops.movement import cast
from retroprop.ops.reduction import sum_to

__all__ = ["backward"]

Cotangents = dict[Value, Any]
Lift = Callable[[Any, Value], Any]


def backward(
    roots: Sequence[Value],
    cotangents: Sequence[Any],
    *,
    lift: Lift,
    zeros: Callable[[Value], Any],
    wrt: Iterable[Value] | None = None,
    retain: bool = False,
    since: int = -1,
    told: Callable[[Node | None], None] = lambda node: None,
) -> Cotangents:
    """Cotangents of the inputs of a tape, given those of its outputs.

    Args:
        roots:      values to start from.
        cotangents: one for each root, of its shape and dtype.
        lift:       (kept array, its value) -> what the rules compute with.
        zeros:      value -> a zero cotangent, for the unused outputs of an op that has several.
        wrt:        values whose cotangents are wanted, also inside the tape; all leaves by default.
        retain:     keep the tape for another pass instead of freeing it on the way.
        since:      nodes with a lower serial count as inputs: the walk stops there, and the hooks
                    of inputs are left to the pass that this one is a part of.
        told:       called with each node before its cotangents go on, and with None at the end.

    Returns:
        The cotangent of every leaf that requires a gradient (or of `wrt`) that was reached.

    Raises:
        NoGradientError: an op on the way has no derivative.
        TapeError:       the tape was freed by an earlier pass.
    """
    wanted = None if wrt is None else set(wrt)

    def inside(value: Value) -> bool:
        return value.requires_grad and value.node is not None and value.node.serial > since

    nodes = nodes_before(roots, follow=inside)
    needed = None if wanted is None else _leads_to(wanted, nodes)
    if needed is not None:
        nodes = [node for node in nodes if not needed.isdisjoint(node.operands)]
    pending: Cotangents = {}
    for root, cotangent in zip(roots, cotangents, strict=True):
        _accumulate(pending, root, cotangent)
    found: Cotangents = {}
    for node in reversed(nodes):
        told(node)
        arrived = [_collect(pending, output) for output in node.outputs]
        if wanted is not None:
            reached = zip(node.outputs, arrived, strict=True)
            found.update((v, g) for v, g in reached if g is not None and v in wanted)
        if any(g is not None for g in arrived):
            _pull(node, arrived, needed, pending, lift, zeros)
        if not retain:
            node.kept = None
    for value in list(pending):
        if value.requires_grad and (wanted is None or value in wanted):
            found[value] = pending.pop(value) if since >= 0 else _collect(pending, value)
    told(None)
    return found


def _leads_to(wanted: set[Value], nodes: Sequence[Node]) -> set[Value]:
    """The values through which some wanted value is reached."""
    needed = set(wanted)
    for node in nodes:
        if not needed.isdisjoint(node.operands):
            needed.update(node.outputs)
    return needed


def _collect(pending: Cotangents, value: Value) -> Any:
    """The finished cotangent of a value, after its hooks."""
    cotangent = pending.pop(value, None)
    if cotangent is not None and value.hooks:
        for hook in tuple(value.hooks.values()):
            replaced = hook(cotangent)
            cotangent = cotangent if replaced is None else replaced
    return cotangent


def _accumulate(pending: Cotangents, value: Value, cotangent: Any) -> None:
    before = pending.get(value)
    pending[value] = cotangent if before is None else add(before, cotangent)


def _pull(
    node: Node,
    arrived: list[Any],
    needed: set[Value] | None,
    pending: Cotangents,
    lift: Lift,
    zeros: Callable[[Value], Any],
) -> None:
    """Send the cotangents of a node's outputs to its operands."""
    if node.kept is None:
        raise TapeError(
            f"the tape behind {node.op.name} was freed by an earlier backward pass",
            fix="pass retain_graph=True to the first backward(), or compute the loss again",
        )
    g: Any = arrived[0]
    if len(arrived) > 1:
        pairs = zip(arrived, node.outputs, strict=True)
        op: Any = node.op
        lazy = op.form == "loop"  # its rule leaves out what is not there
        g = tuple(zeros(v) if one is None and not lazy else one for one, v in pairs)
    shared = None
    for index, operand in enumerate(node.operands):
        if not operand.requires_grad or (needed is not None and operand not in needed):
            continue
        rule = node.op.require_rule(index)  # type: ignore[attr-defined]
        if not node.op.joint:  # type: ignore[attr-defined]
            pulled = _apply(rule, node, g, index, lift)
        else:
            shared = _apply(rule, node, g, index, lift) if shared is None else shared
            pulled = shared[index]
            if pulled is None:
                continue
        if pulled.shape != operand.shape:
            pulled = sum_to(pulled, operand.shape)
        if pulled.dtype != operand.dtype:  # bfloat16 times a Python number is float32 in NumPy
            pulled = cast(pulled, dtype=operand.dtype)
        _accumulate(pending, operand, pulled)


def _apply(rule: Rule, node: Node, g: Any, index: int, lift: Lift) -> Any:
    if rule.scale is not None:
        summed = sum_to(g, node.operands[index].shape)  # first: it may be much smaller
        return summed if rule.scale == 1.0 else multiply(summed, rule.scale)
    function: Any = rule.function
    answer = function(*[resolve(node, name, g, index, lift) for name in rule.needs])
    return multiply(g, answer) if rule.is_partial else answer
