"""What the tests of all passes share: golden files, graphs compared by the bits they compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retroprop.ir import Graph, Value, parse, verify
from retroprop.ops import catalog
from retroprop.passes import optimise

__all__ = ["bits", "check_golden", "check_same", "evaluate", "graph_of", "numbers", "optimised"]

EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, 3e38, 0.1, -2.5, 7.0]


def graph_of(text: str) -> Graph:
    """A legal graph from its text."""
    graph = parse(text, catalog)
    verify(graph)
    return graph


def optimised(text: str) -> str:
    """The text of a graph after all passes, which must be the same graph to the last bit."""
    graph = graph_of(text)
    result = optimise(graph)
    check_same(graph, result)
    return str(result)


def check_golden(name: str) -> None:
    """Compare with `golden/NAME.txt`: a graph, a line of dashes, the graph that it becomes."""
    text = (Path(__file__).parent / "golden" / f"{name}.txt").read_text(encoding="utf-8")
    before, after = text.split("\n----\n")
    assert optimised(before) == after.strip()


def check_same(graph: Graph, result: Graph, seed: int = 0) -> None:
    """The result is legal, has the same interface, is final, and gives the same bits."""
    verify(result)
    assert result.inputs == graph.inputs
    assert [(v.shape, v.dtype) for v in result.outputs] == [
        (v.shape, v.dtype) for v in graph.outputs
    ]
    assert optimise(result) is result
    rng = np.random.default_rng(seed)
    inputs = [numbers(value, rng) for value in graph.inputs]
    pairs = zip(evaluate(graph, inputs), evaluate(result, inputs), strict=True)
    for before, after in pairs:
        assert bits(before) == bits(after), f"{before} became {after}\n{graph}\n{result}"


def numbers(value: Value, rng: np.random.Generator) -> Any:
    """An input of a graph, edges of the number line among it."""
    kind = value.dtype.kind
    if kind == "b":
        return np.asarray(rng.random(value.shape) < 0.5)
    if kind in "iu":
        return np.asarray(rng.integers(0, 100, value.shape)).astype(value.dtype)
    mixed = np.where(
        rng.random(value.shape) < 0.5, rng.choice(EDGES, value.shape), rng.normal(size=value.shape)
    )
    with np.errstate(all="ignore"):
        return np.asarray(mixed).astype(value.dtype)


def bits(array: Any) -> tuple[Any, ...]:
    """Shape, dtype and bits of an array; NaN is NaN, whatever its payload."""
    array = np.array(array)
    if array.dtype.kind in "fc":
        array[np.isnan(array)] = np.nan
    return array.shape, array.dtype, array.tobytes()


def evaluate(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a graph by the references, in an order of summation that is written down.

    NumPy chooses the order of a sum by how the memory lies, BLAS by the shapes. So operands are
    laid out in rows here, and products are summed along the inner axis.
    """
    held: dict[Value, Any] = dict(zip(graph.inputs, inputs, strict=True))

    def array_of(value: Value) -> Any:
        array = value.constant if value.constant is not None else held[value]
        return np.array(array, order="C")

    for node, computed in zip(graph.nodes, graph.computed, strict=True):
        operands = [array_of(value) for value in node.operands]
        function = _product if node.op.name == "matmul" else node.op.reference
        with np.errstate(all="ignore"):
            result = function(*operands, **node.attributes)
        arrays = result if isinstance(result, tuple) else (result,)
        held.update(zip(computed, map(np.asarray, arrays), strict=True))
    return [array_of(value) for value in graph.outputs]


def _product(x: Any, w: Any) -> Any:
    """Matrix product, summed from the first to the last element of the inner axis."""
    rows = x if x.ndim > 1 else x[None]
    columns = w if w.ndim > 1 else w[:, None]
    y = np.zeros(np.matmul(rows, columns).shape, x.dtype)
    for k in range(x.shape[-1]):
        y = y + rows[..., :, k, None] * columns[..., None, k, :]
    return y.reshape(np.matmul(x, w).shape)
