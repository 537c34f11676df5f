"""Graphs print as text that reads like a program."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import retroprop as rp
from retroprop.ir import Graph, Value, parse, to_text
from retroprop.ops import catalog


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


NUMBERS = [
    (np.float32(0.1), "0.1:float32"),
    (np.float64(0.1), "0.1:float64"),
    (np.float64(np.float32(0.1)), "0.10000000149011612:float64"),
    (np.float16(65504), "65500.0:float16"),
    (ml_dtypes.bfloat16(3.0), "3.0:bfloat16"),
    (np.float32(-0.0), "-0.0:float32"),
    (np.float32(np.nan), "nan:float32"),
    (np.float64(-np.inf), "-inf:float64"),
    (np.float32(1e-45), "1e-45:float32"),
    (np.bool_(True), "True:bool"),
    (np.int8(-128), "-128:int8"),
    (np.uint64(2**64 - 1), "18446744073709551615:uint64"),
    (np.complex64(complex(-0.0, np.inf)), "(-0.0+infj):complex64"),
    (np.complex128(complex(1, -np.nan)), "(1.0+nanj):complex128"),
    (np.float32([0.5, -1.0]), "[0.5, -1.0]:float32[2]"),
    (np.int64([[1, 2], [3, 4]]), "[1, 2, 3, 4]:int64[2, 2]"),
    (np.zeros((0, 3), bool), "[]:bool[0, 3]"),
]


@pytest.mark.parametrize(("number", "text"), NUMBERS, ids=[text for _, text in NUMBERS])
def test_constants_are_exact(number: Any, text: str):
    array = np.asarray(number)
    graph = Graph([], [], [Value(array.shape, array.dtype, constant=array)])
    assert to_text(graph) == f"graph()\n  return {text}"
    (value,) = parse(to_text(graph), catalog).outputs
    assert (value.shape, value.dtype) == (array.shape, array.dtype)
    assert isinstance(value.constant, np.ndarray)
    assert repr(value.constant) == repr(array)


def test_large_constants_are_left_out():
    array = np.arange(2000)
    graph = Graph([], [], [Value(array.shape, array.dtype, constant=array)])
    assert to_text(graph) == "graph()\n  return [...]:int64[2000]"
