"""Large results take the place of what nobody needs any more."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.backends.llvm.program import Program
from retroprop.ir import parse
from retroprop.ir.interpreter import run
from retroprop.ops.catalog import catalog

SIZE = 256 * 1024  # bytes of float32[256, 256]
HEAD = "graph(%0: float32[256, 256], %1: float32[256, 256])\n"
PRODUCT = "  %2: float32[256, 256] = matmul(%0, %1)\n"


def large(lines: str) -> int:
    """How many large buffers a program has that gives what its reference gives."""
    graph = parse(HEAD + PRODUCT + lines, catalog)
    rng = np.random.default_rng(0)
    arrays = [(0.1 * rng.standard_normal(v.shape)).astype(v.dtype) for v in graph.inputs]
    results = [np.zeros(v.shape, v.dtype) for v in graph.outputs]
    for threads in (1, 2):
        program = Program(graph, {}, threads=threads)
        for slot, array in enumerate([*arrays, *results]):
            program.bind(slot, array)
        program.run()
        for found, expected in zip(results, run(graph, arrays), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    works = program.plan.lowered.works
    views = [view for work in works for view in (*work.results, *work.operands)]
    bases = {view.buffer.base for view in views}
    return sum(b.kind == "arena" and b.what != "panels" and b.size == SIZE for b in bases)


@pytest.mark.parametrize(
    ("lines", "buffers"),
    [
        # the product's place is taken by its exponential
        ("""  %3: float32[256, 256] = tanh(%2)
  %4: float32[256, 256] = matmul(%3, %1)
  return %4""", 1),
        # the product is read again, by another kind of work
        ("""  %3: float32[256, 256] = tanh(%2)
  %4: float32[256, 256] = matmul(%3, %2)
  return %4""", 2),
        # another look at the product is read later
        ("""  %3: float32[256, 256] = permute_dims(%2, axes=(1, 0))
  %4: float32[256, 256] = tanh(%2)
  %5: float32[256, 256] = matmul(%4, %3)
  return %5""", 2),
        # the product is read across: not place by place
        ("""  %3: float32[256, 256] = permute_dims(%2, axes=(1, 0))
  %4: float32[256, 256] = add(%2, %3)
  %5: float32[256, 256] = matmul(%4, %1)
  return %5""", 2),
        # the sum over a row is there before the row is overwritten
        ("""  %3: float32[256, 1] = max(%2, axis=1, keepdims=True)
  %4: float32[256, 256] = subtract(%2, %3)
  %5: float32[256, 256] = exp(%4)
  %6: float32[256, 1] = sum(%5, axis=1, keepdims=True)
  %7: float32[256, 256] = divide(%5, %6)
  %8: float32[256, 256] = matmul(%7, %1)
  return %8""", 1),
    ],
)  # fmt: skip
def test_memory_for_the_results_in_between(lines: str, buffers: int):
    assert large(lines) == buffers
