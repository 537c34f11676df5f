"""The rules that need to see one node and what computes its operands, applied in one walk."""

from __future__ import annotations

from types import MappingProxyType

from retroprop.ir import Graph
from retroprop.ops.catalog import catalog
from retroprop.ops.define import Op
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import cast
from retroprop.passes import arithmetic, casts, gather, matrices, movement, pooling, reductions
from retroprop.passes.constants import fold
from retroprop.passes.products import only_transposed, turn
from retroprop.passes.rewrite import Rule, rewrite
from retroprop.passes.stretch import shrink

__all__ = ["simplify"]

_FAMILIES = (arithmetic, casts, gather, matrices, movement, pooling, reductions)
_OWN: dict[Op, tuple[Rule, ...]] = {}
for _family in _FAMILIES:
    for _op, _found in _family.RULES.items():
        _OWN[_op] = (*_OWN.get(_op, ()), *_found)


def _rules(op: Op) -> tuple[Rule, ...]:
    own = _OWN.get(op, ())
    if op.form == "elementwise" or op is cast:
        return (fold, *own, shrink)
    return (fold, *own) if op.form in {"view", "reduce"} else own


_TABLE = MappingProxyType({op: _rules(op) for op in catalog.values()})


def simplify(graph: Graph) -> Graph:
    """The graph with every node in its simplest form, and equal nodes merged; itself if it was so.

    What is simplified no longer has readers, but stays until `drop_dead`.
    """
    products = only_transposed(graph)
    if not products:
        return rewrite(graph, _TABLE)
    return rewrite(graph, {**_TABLE, matmul: (turn(products), *_TABLE[matmul])})
