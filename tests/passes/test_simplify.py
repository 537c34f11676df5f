"""All rules together: the same bits, to the end in one go, quickly."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroprop.ir import Graph, Value
from retroprop.ops.define import DATA_DEPENDENT
from retroprop.passes import optimise
from retroprop.passes.simplify import simplify
from tests.ops.drawing import cases, draw_call, promoted
from tests.passes.checking import bits, check_same, evaluate, graph_of
from tests.passes.graphs import apply, random_graph


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_graphs_keep_their_bits(seed: int):
    graph = random_graph(seed)
    before = str(graph)
    check_same(graph, optimise(graph), seed)
    assert str(graph) == before, "the given graph was changed"
    assert str(graph_of(before)) == before


def test_what_is_simple_is_left_as_it_is():
    graph = graph_of("graph(%0: float32[2])\n  %1: float32[2] = exp(%0)\n  return %1")
    assert simplify(graph) is graph
    assert optimise(graph) is graph


def test_long_graphs_take_linear_time_and_no_stack():
    x = Value((2,), np.dtype("float32"))
    value, nodes = x, []
    for i in range(100_000):
        name = ("negative", "positive", "exp", "sqrt")[i % 4]
        (value,) = apply(name, value)
        nodes.append(value.node)
    graph = Graph([x], nodes, [value])
    start = time.perf_counter()
    result = optimise(graph)
    assert time.perf_counter() - start < 20
    assert len(result.nodes) == 75_000
    array = np.float32([0.1, 0.2])
    np.testing.assert_array_equal(evaluate(result, [array])[0], evaluate(graph, [array])[0])


CASES = [case for case in cases() if case.op.shape is not DATA_DEPENDENT]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_op_of_the_catalog_keeps_its_bits(dtype: str):
    for case in CASES:
        if case.op.form == "loop" and dtype != "float64":  # its body has its types
            continue
        arrays = promoted(case.op, draw_call(case, np.dtype(dtype)))
        inputs = [Value(array.shape, array.dtype) for array in arrays]
        outputs = apply(case.op.name, *inputs, **case.call.attributes)
        graph = Graph(inputs, [outputs[0].node], outputs)
        before, after = evaluate(graph, arrays), evaluate(optimise(graph), arrays)
        assert list(map(bits, before)) == list(map(bits, after)), str(case)
