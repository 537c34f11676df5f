"""Values that are computed twice instead of kept: the same numbers, later."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.ir import Graph, verify
from retroprop.passes.recompute import plans, recompute
from tests.passes.checking import evaluate, graph_of

F = nn.functional

CHAIN = """
graph(%0: float32[64], %1: float32[64, 64])
  %2: float32[64] = exp(%0)
  %3: float32[64] = matmul(%1, %2)
  %4: float32[64] = tanh(%3)
  %5: float32[64] = matmul(%1, %4)
  %6: float32[64] = tanh(%5)
  %7: float32[64] = matmul(%1, %6)
  %8: float32[64] = multiply(%7, %6)
  %9: float32[64] = matmul(%1, %8)
  %10: float32[64] = multiply(%9, %4)
  %11: float32[64] = matmul(%1, %10)
  %12: float32[64] = multiply(%11, %2)
  return %12"""


def training_graph() -> Graph:
    layers = [nn.Linear(16, 16) for _ in range(6)]

    @rp.compile(backend="numpy")
    def step(x: rp.Tensor) -> list[rp.Tensor]:
        for layer in layers:
            x = F.tanh(layer(x))
        loss = (x * x).mean()
        loss.backward()
        grads = [layer.weight.grad for layer in layers]
        for layer in layers:
            layer.zero_grad()
        return [loss, *grads]

    step(rp.ones((32, 16)))
    return step.graph


def test_nothing_to_let_go_changes_nothing():
    graph = graph_of(CHAIN)
    assert recompute(graph, set()) is graph


def test_every_plan_gives_the_same_bits():
    for graph in (graph_of(CHAIN), training_graph()):
        rng = np.random.default_rng(0)
        inputs = [rng.standard_normal(v.shape).astype(v.dtype) for v in graph.inputs]
        expected = evaluate(graph, inputs)
        seen = 0
        for let_go in plans(graph):
            made = recompute(graph, let_go)
            verify(made)
            for one, other in zip(expected, evaluate(made, inputs), strict=True):
                np.testing.assert_array_equal(one, other)
            seen += made is not graph
        assert seen


def test_what_is_computed_again_waits_for_a_product():
    graph = graph_of(CHAIN)
    made = recompute(graph, {graph.nodes[0].outputs[0]})
    again = [node for node in made.nodes if node.op.name == "again"]
    assert again
    assert all(node.operands[1].node.op.name == "matmul" for node in again)
    assert sum(node.op.name == "exp" for node in made.nodes) == 2
