"""What is made again instead of being kept: less memory, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.backends.llvm import plan
from retroprop.backends.llvm.remake import remade
from retroprop.ir import Graph, parse, verify
from retroprop.ir.interpreter import run
from retroprop.ops.catalog import catalog

F = nn.functional
HEAD = "graph(%0: float32[256, 64], %1: float32[64, 256], %2: float32[256])\n"


def rebuilt(lines: str) -> tuple[Graph, Graph]:
    """A graph, and what it becomes: the same bits."""
    graph = parse(HEAD + lines, catalog)
    found = remade(graph)
    verify(found)
    rng = np.random.default_rng(0)
    arrays = [0.1 * rng.standard_normal(v.shape).astype(v.dtype) for v in graph.inputs]
    for one, other in zip(run(found, arrays), run(graph, arrays), strict=True):
        np.testing.assert_array_equal(one, other)
    return graph, found


def count(graph: Graph, name: str) -> int:
    return sum(node.op.name == name for node in graph.nodes)


TWO_KEPT = """  %3: float32[256, 256] = matmul(%0, %1)
  %4: float32[256, 256] = add(%3, %2)
  %5: float32[256, 256] = tanh(%4)
  %6: float32[256, 64] = permute_dims(%1, axes=(1, 0))
  %7: float32[256, 64] = matmul(%5, %6)
  %8: float32[256, 256] = matmul(%7, %1)
  %9: float32[256, 256] = subtract(1.0:float32, %4)
  %10: float32[256, 256] = multiply(%8, %9)
  %11: float32[256, 256] = square(%4)
  %12: float32[256, 256] = multiply(%10, %11)
  return %12"""


def test_one_that_is_kept_for_two_that_are_not():
    graph, found = rebuilt(TWO_KEPT)  # the product, for the difference and the square
    assert (count(graph, "add"), count(found, "add")) == (1, 2)
    assert count(found, "tanh") == 1


def test_one_for_one_is_no_gain():
    graph, found = rebuilt(TWO_KEPT.replace("square(%4)", "square(%10)"))
    assert found is graph


def test_an_activation_of_several_steps():
    lines = """  %3: float32[256, 256] = matmul(%0, %1)
  %4: float32[256, 256] = add(%3, %2)
  %5: float32[256, 256] = sigmoid(%4)
  %6: float32[256, 256] = multiply(%4, %5)
  %7: float32[256, 64] = permute_dims(%1, axes=(1, 0))
  %8: float32[256, 64] = matmul(%6, %7)
  %9: float32[256, 256] = matmul(%8, %1)
  %10: float32[256, 256] = multiply(%9, %5)
  %11: float32[256, 256] = multiply(%9, %4)
  %12: float32[256, 256] = add(%10, %11)
  return %12"""
    graph, found = rebuilt(lines)
    assert (count(graph, "sigmoid"), count(found, "sigmoid")) == (1, 2)
    assert (count(graph, "add"), count(found, "add")) == (2, 3)


@pytest.mark.parametrize("change", [("%10", "%12"), ("256, 256", "4, 4")])
def test_small_values_and_results_are_kept(change: tuple[str, str]):
    text = (HEAD + TWO_KEPT).replace("256", "4").replace("64", "4")
    assert remade(parse(text, catalog)) is not None
    graph = parse(text, catalog)
    assert remade(graph) is graph


def test_a_network_trains_to_the_same_bits_in_less_memory(monkeypatch):
    def trained(*, keep: bool) -> tuple[list[bytes], int]:
        if keep:
            monkeypatch.setattr(plan, "remade", lambda graph: graph)
        rp.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 512), nn.GELU(), nn.Linear(512, 64), nn.SiLU())
        x = rp.asarray(np.random.default_rng(0).standard_normal((256, 64)).astype(np.float32))

        @rp.compile(threads=1 + keep)
        def step(x: rp.Tensor) -> list[rp.Tensor]:
            model.zero_grad()
            (model(x) ** 2).mean().backward()
            return [p.grad for p in model.parameters()]

        return [g.numpy().tobytes() for g in step(x)], step._latest.program.facts.peak

    again, less = trained(keep=False)
    kept, more = trained(keep=True)
    assert again == kept
    assert less < 0.8 * more
