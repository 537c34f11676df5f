"""Graphs read off the tape."""

from __future__ import annotations

import retroprop as rp
from retroprop.ir.graph import nodes_before, now


def test_a_graph_lists_inputs_nodes_and_outputs_in_order():
    x = rp.tensor([1.0, 2.0], requires_grad=True)
    w = rp.asarray([3.0, 4.0])
    graph = rp.Graph.of(rp.sum(x * w))
    assert [node.op.name for node in graph.nodes] == ["multiply", "sum"]
    assert [value.shape for value in graph.inputs] == [(2,), (2,)]
    assert graph.outputs[0].shape == ()
    assert repr(graph) == "<Graph 2 inputs, 2 nodes>"
    assert repr(graph.nodes[0]).startswith("<Node multiply #")
    assert repr(graph.inputs[0]) == "<Value float32[2] of input>"


def test_shared_values_appear_once():
    x = rp.tensor(2.0, requires_grad=True)
    y = x * x
    assert len(rp.Graph.of(y * y + y).nodes) == 3


def test_the_graph_of_an_input_is_empty():
    x = rp.tensor(2.0, requires_grad=True)
    graph = rp.Graph.of(x)
    assert graph.nodes == ()
    assert graph.inputs == graph.outputs


def test_follow_stops_where_it_says():
    x = rp.tensor(2.0, requires_grad=True)
    y = x * x
    mark = now()
    z = y * y * y
    later = nodes_before([z.value], lambda v: v.node is not None and v.node.serial > mark)
    assert len(later) == 2


def test_a_node_on_other_operands_computes_the_same_from_them():
    x, y = (rp.ones((2, 3), requires_grad=True) for _ in range(2))
    node = rp.Graph.of(rp.sum(x * x, axis=1)).nodes[-1]
    other, (made,) = node.on([y.value])
    assert (other.op, other.attributes, other.operands) == (node.op, node.attributes, (y.value,))
    assert (made.shape, made.dtype, made.node) == ((2,), rp.float32, other)
