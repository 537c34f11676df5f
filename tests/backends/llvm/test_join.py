"""What is joined is computed where it will lie."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.backends.llvm.program import Program
from retroprop.ir import parse
from retroprop.ir.interpreter import run
from retroprop.ops.catalog import catalog

HEAD = "graph(%0: float32[6, 4], %1: float32[6, 4], %2: float32[8, 5])\n"


def program(lines: str, donated: dict[int, int] | None = None) -> Program:
    """A program that gives what its reference gives."""
    graph = parse(HEAD + lines, catalog)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(v.shape).astype(v.dtype) for v in graph.inputs]
    expected = run(graph, [array.copy() for array in arrays])
    results = [np.zeros(v.shape, v.dtype) for v in graph.outputs]
    made = Program(graph, donated or {})
    for slot, array in enumerate([*arrays, *results]):
        made.bind(slot, array)
    made.run()
    for number, value in enumerate(expected):
        slot = (donated or {}).get(number, len(arrays) + number)
        found = [*arrays, *results][slot]
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5)
    return made


def copies(made: Program) -> int:
    return sum(kernel.what == "copy" for kernel in made.plan.kernels)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("""  %3: float32[6, 4] = exp(%0)
  %4: float32[6, 4] = tanh(%1)
  %5: float32[6, 8] = concatenate(%3, %4, axis=1)
  %6: float32[6, 5] = matmul(%5, %2)
  return %6""", 0),
        # a part that others read as well, and one that lies elsewhere already
        ("""  %3: float32[6, 4] = exp(%0)
  %4: float32[6, 8] = concatenate(%3, %1, axis=-1)
  %5: float32[6, 4] = sin(%3)
  %6: float32[6, 5] = matmul(%4, %2)
  return %6, %5""", 1),
        # the same part twice
        ("""  %3: float32[6, 4] = exp(%0)
  %4: float32[6, 8] = concatenate(%3, %3, axis=1)
  %5: float32[6, 5] = matmul(%4, %2)
  return %5""", 1),
        # along the first axis
        ("""  %3: float32[6, 4] = exp(%0)
  %4: float32[6, 4] = sin(%1)
  %5: float32[12, 4] = concatenate(%3, %4, axis=0)
  %6: float32[4] = sum(%5, axis=0, keepdims=False)
  return %6""", 0),
    ],
)  # fmt: skip
def test_copies_that_are_left(lines: str, count: int):
    assert copies(program(lines)) == count


def test_what_goes_to_the_caller_is_not_written_before_its_time():
    joined = """  %3: float32[3, 4], %4: float32[3, 4] = split(%0, sizes=(3, 3), axis=0)
  %5: float32[3, 4] = exp(%4)
  %6: float32[3, 4] = exp(%3)
  %7: float32[6, 4] = concatenate(%5, %6, axis=0)
  return %7"""
    program(joined, {0: 0})
