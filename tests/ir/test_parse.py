"""Text of graphs reads back; what is not a graph is an error that says where and why."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retroprop as rp
from retroprop.errors import GraphError
from retroprop.ir import Graph, Node, Value, parse, to_text, verify
from retroprop.ops import catalog
from tests.ops.drawing import Case, cases, draw_call, promoted

ALL = [pytest.param(case, id=str(case)) for case in cases()]


@pytest.mark.parametrize("case", ALL)
def test_every_op_of_the_catalog_reads_back(case: Case):
    """Also with 0-d operands as constants, and with outputs that nobody reads."""
    attributes = case.op.complete(case.call.attributes)
    dtype = "float64" if case.op.form == "loop" else "float32"  # the body of a loop has its types
    arrays = promoted(case.op, draw_call(case, np.dtype(dtype)))
    constants = [array if array.ndim == 0 else None for array in arrays]
    operands = [Value(a.shape, a.dtype, constant=c) for a, c in zip(arrays, constants, strict=True)]
    node = Node(case.op, tuple(operands), attributes)
    with np.errstate(all="ignore"):
        result = case.op.reference(*arrays, **attributes)
    results = map(np.asarray, result if isinstance(result, tuple) else (result,))
    node.outputs = [Value(y.shape, y.dtype, node=node, index=i) for i, y in enumerate(results)]
    inputs = [value for value in operands if value.constant is None]
    text = to_text(Graph(inputs, [node], node.outputs[:1]))
    graph = parse(text, catalog)
    verify(graph)
    assert to_text(graph) == text
    assert repr(graph.nodes[0].attributes) == repr(attributes)


def test_a_training_step_reads_back():
    x, w = rp.tensor(np.ones((2, 3))), rp.tensor(np.ones((3, 4)), requires_grad=True)
    loss = rp.sum((x @ w) ** 2 * 0.5, axis=(0, 1))
    loss.backward(create_graph=True)
    text = str(rp.Graph.of(loss, w - 0.1 * w.grad))
    assert str(rp.Graph.parse(text, catalog)) == text


ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.sampled_from([rp.float32, rp.bool, rp.int64])
    | st.builds(slice, st.none() | st.integers(), st.integers(), st.none()),
    lambda inner: st.lists(inner).map(tuple) | st.lists(inner),
    max_leaves=8,
)


class _Anything:
    """Stands in for an op that takes any attribute."""

    name = "anything"
    arity = 0
    variadic = False

    def infer(self, operands: Any, attributes: Any) -> Any:
        return (((), rp.float32),)

    def complete(self, attributes: Any) -> Any:
        return attributes

    def reference(self) -> Any:
        return np.float32(0)


@given(ITEMS)
def test_any_attribute_reads_back(item: Any):
    node = Node(_Anything(), (), {"item": item, "array": np.arange(3)})
    node.outputs = output = (Value((), rp.float32, node=node),)
    text = to_text(Graph([], [node], output))
    graph = parse(text, {"anything": _Anything()})
    assert to_text(graph) == text
    np.testing.assert_array_equal(graph.nodes[0].attributes["array"], np.arange(3))


GOOD = """graph(%0: float32[2, 3], %1: float32[])
  %2: float32[2] = sum(%0, axis=1, keepdims=False)
  %3: float32[2] = multiply(%2, %1)
  return %3"""

BAD = [
    ("graph(%0", "grap(%0", "line 1: expected \"graph\", but 'grap' stands there"),
    ("%1: float32[])", "%1: float32[]", 'line 1: expected ",", but the line ends'),
    ("%1: float32", "%0: float32", "line 1: %0 is computed a second time"),
    ("float32[2, 3]", "float33[2, 3]", "line 1: expected a dtype such as float32, but 'float33'"),
    ("float32[2, 3]", "object[2, 3]", "line 1: expected a dtype such as float32, but 'object'"),
    ("float32[2, 3]", "float32[2, -3]", "line 1: expected a size, but '-3' stands there"),
    ("sum(", "sun(", "line 2: there is no op 'sun'; did you mean 'sum'?"),
    ("sum(%0,", "sum(%5,", "line 2: %5 is read before it is computed"),
    ("sum(%0,", "sum(%2,", "line 2: %2 is read before it is computed"),
    ("sum(%0,", "sum(1.5,", 'line 2: expected ":" and the type of the constant'),
    ("axis=1", "axes=1", "line 2: sum() got unexpected ['axes']"),
    ("axis=1", "axis=9", "line 2: sum: axis 9 is out of range"),
    ("axis=1", "axis='a", "line 2: expected a value, a number or an attribute, but \"'a,"),
    ("axis=1", "axis=" + "(" * 99, "line 2: brackets are more than 32 deep"),
    ("axis=1", "axis=" + "9" * 99, "line 2: expected a shorter number"),
    ("axis=1", "axis=slice(1)", "line 2: expected slice(start, stop, step)"),
    ("axis=1", "axis=[...]:int64[2000]", "line 2: the numbers of a large constant were left out"),
    ("axis=1", "axis=[1]:int64[2]", "line 2: a constant of shape (2,) is given 1 numbers"),
    ("axis=1", "axis=[1, 'a']:int64[2]", "line 2: [1, 'a'] does not fit in int64"),
    ("axis=1", "axis=300:int8", "line 2: 300 does not fit in int8"),
    ("%2: float32[2] =", "%2: float32[3] =", "declared (((3,), dtype('float32')),)"),
    ("multiply(%2, %1)", "multiply(%2)", "line 3: multiply takes 2 operands, 1 are given"),
    ("multiply(%2, %1)", "multiply(%2, %1) %0", "line 3: expected the end of the line"),
    ("return", "returns", 'line 4: expected "return"'),
    ("  return %3", "", 'line 3: expected "return"'),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_errors_name_line_and_expectation(old: str, new: str, message: str):
    assert str(parse(GOOD, catalog)) == GOOD
    with pytest.raises(GraphError) as caught:
        parse(GOOD.replace(old, new, 1), catalog)
    assert message in caught.value.what


def test_an_empty_text_is_no_graph():
    with pytest.raises(GraphError, match='line 1: expected "graph", but the line ends'):
        parse("", catalog)
    with pytest.raises(GraphError, match='line 2: expected "return", but the line ends'):
        parse("graph()", catalog)


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=3))
def test_damaged_text_is_a_graph_or_an_error(at: int, junk: str):
    with contextlib.suppress(GraphError):
        verify(parse(GOOD[:at] + junk + GOOD[at + 1 :], catalog))
