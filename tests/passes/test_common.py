"""Equal nodes are merged; equal-looking ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retroprop.ir import Graph, Node, Value, to_text
from retroprop.ops import catalog
from retroprop.ops.define import DATA_DEPENDENT, Op
from retroprop.passes import optimise
from retroprop.passes.common import signature
from tests.passes.checking import check_golden


def test_golden():
    check_golden("common")


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0.0, -0.0), ((1,), [1]), (slice(1), slice(2)), ("a", "b")],
)
def test_attributes_of_another_kind_differ(one: Any, other: Any):
    x = Value((2,), np.dtype("float32"))

    def signed(item: Any) -> Any:
        return signature(Node(catalog["take_slice"], (x,), {"key": item}), (x,))

    assert signed(one) != signed(other)
    assert signed(one) == signed(one)
    assert hash(signed(one)) == hash(signed(one))


def test_arrays_as_attributes_are_compared_by_their_bits():
    x = Value((2,), np.dtype("float32"))

    def signed(item: Any) -> Any:
        return signature(Node(catalog["take_slice"], (x,), {"key": item}), (x,))

    assert signed(np.arange(3)) == signed(np.arange(3))
    assert signed(np.arange(3)) != signed(np.arange(3.0))


def test_ops_that_are_not_in_the_catalog_are_never_merged():
    def add(*xs: Any) -> Any:
        return xs[0]

    own = Op(add, form="opaque", rules=None, shape=DATA_DEPENDENT)
    x = Value((2,), np.dtype("float32"))
    nodes, outputs = [], []
    for _ in range(2):
        node = Node(own, (x,), {})
        outputs.append(Value((2,), x.dtype, node=node))
        node.outputs = outputs[-1:]
        nodes.append(node)
    graph = Graph([x], nodes, outputs)
    assert to_text(optimise(graph)) == to_text(graph)
