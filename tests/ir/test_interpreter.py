"""The oracle runs what the tape recorded."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import GraphError
from retroprop.ir.interpreter import run


def test_a_recorded_program_runs_again_on_other_inputs():
    x = rp.tensor(np.ones((2, 3), np.float32), requires_grad=True)
    w = rp.tensor(np.ones(3, np.float32), requires_grad=True)
    graph = rp.Graph.of(rp.sum(x * w, axis=1), x * w)
    a, b = np.float32([[1, 2, 3], [4, 5, 6]]), np.float32([1, 10, 100])
    total, product = run(graph, [a, b])
    np.testing.assert_array_equal(product, a * b)
    np.testing.assert_array_equal(total, (a * b).sum(1))


def test_inputs_are_checked():
    x = rp.tensor([1.0], requires_grad=True)
    graph = rp.Graph.of(x * 2.0)
    with pytest.raises(GraphError, match="1 inputs, 0"):
        run(graph, [])
    with pytest.raises(GraphError, match=r"float64\[1\]"):
        run(graph, [np.ones(1)])
