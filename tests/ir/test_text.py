"""Graphs print as text that reads like a program."""

from __future__ import annotations

import retroprop as rp


def test_one_line_per_node_with_types_attributes_and_literals():
    x = rp.tensor([[1.0, 2.0]], requires_grad=True)
    text = str(rp.Graph.of(rp.sum(x.astype(rp.float64) * 2.0, axis=1)))
    assert text == (
        "graph(%0: float32[1, 2])\n"
        "  %1: float64[1, 2] = cast(%0, dtype=float64)\n"
        "  %2: float64[1, 2] = multiply(%1, 2.0:float64)\n"
        "  %3: float64[1] = sum(%2, axis=1, keepdims=False)\n"
        "  return %3"
    )
