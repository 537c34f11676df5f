"""Illegal graphs are refused, each for its reason."""

from __future__ import annotations

import pytest

import retroprop as rp
from retroprop.errors import GraphError
from retroprop.ir import Graph, Value, verify


def legal() -> Graph:
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    return rp.Graph.of(rp.sum(x * x))


def test_a_tape_is_legal():
    verify(legal())


def test_order_matters():
    graph = legal()
    with pytest.raises(GraphError, match="before it is computed"):
        verify(Graph(graph.inputs, graph.nodes[::-1], graph.outputs))


def test_a_value_is_computed_once():
    graph = legal()
    with pytest.raises(GraphError, match="a second time"):
        verify(Graph(graph.inputs, (*graph.nodes, graph.nodes[0]), graph.outputs))


def test_outputs_have_the_inferred_type():
    graph = legal()
    graph.nodes[0].outputs[0].shape = (3,)
    with pytest.raises(GraphError, match="declared"):
        verify(graph)


def test_outputs_point_at_their_node():
    graph = legal()
    graph.nodes[0].outputs[0].index = 1
    with pytest.raises(GraphError, match="points back"):
        verify(graph)


def test_what_is_returned_is_computed():
    graph = legal()
    with pytest.raises(GraphError, match="no node computes"):
        verify(Graph(graph.inputs, graph.nodes, [Value((), rp.float32)]))
