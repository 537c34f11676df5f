"""Native loops: memory that moves along, kernels that leave the loop, threads, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.backends.llvm.loop import Loop
from retroprop.backends.llvm.program import Program
from retroprop.errors import IndexRangeError
from retroprop.ir import Graph, parse
from retroprop.ir.interpreter import run
from retroprop.ops.catalog import catalog

HEAD = """
graph(%0: float32[4, 3], %1: float32[4, 3], %2: float32[6, 4, 3], %3: float32[3, 3])
"""
BODIES = {
    "kept": """
      %4: float32[4, 3] = matmul(%0, %3)
      %5: float32[4, 3] = add(%4, %2)
      %6: float32[4, 3] = tanh(%5)
      return %6, %1, %6, %0, %5""",
    "swapped": """
      %4: float32[4, 3] = multiply(%0, %2)
      return %1, %4, %4""",
    "in turn": """
      %4: float32[4, 3] = add(%0, %2)
      %5: float32[4, 3] = subtract(%1, %4)
      return %4, %5""",
    "twice": """
      %4: float32[4, 3] = maximum(%0, %2)
      return %4, %4, %4, %4, %2, %3""",
    "constant": """
      %4: float32[4, 3] = broadcast_to(2.0:float32, shape=(4, 3))
      %5: float32[4, 3] = add(%4, %2)
      return %4, %0, %4, %5""",
    "sums": """
      %4: float32[3] = sum(%2, axis=0, keepdims=False)
      %5: float32[4, 3] = add(%0, %4)
      %6: float32[4] = max(%5, axis=1, keepdims=False)
      return %5, %0, %6""",
}


def loop_of(name: str, reverse: bool, length: int = 6) -> Graph:
    """A graph that is one loop, whose results it returns."""
    inputs = "graph(%0: float32[4, 3], %1: float32[4, 3], %2: float32[4, 3], %3: float32[3, 3])"
    text = inputs + BODIES[name].replace("\n    ", "\n")
    body = parse(text, catalog)
    how = f"body=below, carried=2, sliced=1, length={length}, reverse={reverse}"
    shapes = [v.shape if n < 2 else (length, *v.shape) for n, v in enumerate(body.outputs)]
    made = [f"%{4 + n}" for n in range(len(shapes))]
    types = [f"{m}: float32[{', '.join(map(str, s))}]" for m, s in zip(made, shapes, strict=True)]
    lines = [HEAD.replace("[6,", f"[{length},").strip()]
    lines.append(f"  {', '.join(types)} = scan(%0, %1, %2, %3, {how})")
    lines += [f"    {line}" for line in str(body).splitlines()]
    lines.append(f"  return {', '.join(made)}")
    return parse("\n".join(lines), catalog)


def outputs(program: Program, arrays: list[np.ndarray]) -> list[np.ndarray]:
    results = [np.full(v.shape, 7, v.dtype) for v in program.graph.outputs]
    for slot, array in enumerate([*arrays, *results]):
        program.bind(slot, array)
    program.run()
    return results


@pytest.mark.parametrize("length", [1, 2, 6])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", BODIES)
def test_every_way_to_carry_and_to_keep(name: str, reverse: bool, length: int):
    graph = loop_of(name, reverse, length)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(v.shape).astype(v.dtype) for v in graph.inputs]
    found = outputs(Program(graph, {}, strict=True), arrays)
    for one, expected in zip(found, run(graph, arrays), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-6)


def loops_of(compiled: Any) -> list[Loop]:
    works = compiled._latest.program.plan.lowered.works
    return [work for work in works if isinstance(work, Loop)]


def trained(hidden: int, batch: int, **options: Any) -> tuple[Any, list[np.ndarray]]:
    rp.manual_seed(0)
    model = nn.LSTM(5, hidden)
    x = np.random.default_rng(1).standard_normal((9, batch, 5)).astype(np.float32)

    @rp.compile(**options)
    def step(x: rp.Tensor) -> list[rp.Tensor]:
        model.zero_grad()
        y, _ = model(x)
        (y * y).mean().backward()
        return [y, *(p.grad for p in model.parameters())]

    return step, [one.numpy() for one in step(x)]


@pytest.mark.parametrize("target", [None, "sse", "avx2"])
def test_threads_and_instructions(target: str | None):
    """The same bits with any number of threads; small and large enough to share."""
    for hidden, batch in ((4, 3), (96, 48)):
        _, one = trained(hidden, batch, threads=1, target=target)
        for threads in (2, 3):
            _, other = trained(hidden, batch, threads=threads, target=target)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
        _, plain = trained(hidden, batch, backend="numpy")
        for a, b in zip(one, plain, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


def test_weights_are_packed_before_the_loop_and_rows_need_no_meeting():
    step, _ = trained(96, 48)
    forward, backward = loops_of(step)
    for loop in (forward, backward):
        names = [kernel.what for kernel in loop.kernels()]
        assert "matmul" in names
        assert "pack" not in names
        assert not loop.meets
    assert "loop of 9 steps" in step.report()


def test_an_index_out_of_range_in_a_step_is_named_and_changes_nothing():
    table = rp.tensor(np.ones((4, 2), np.float32), requires_grad=True)
    count = rp.asarray(0)

    @rp.compile
    def step(indices: rp.Tensor) -> rp.Tensor:
        count.assign(count + 1)
        return rp.scan(
            lambda h, i: (h * 0.5 + rp.take(table, i, axis=0), None), rp.zeros((2, 2)), indices
        )[0]

    step(np.array([[0, 3], [1, 2]]))
    with pytest.raises(IndexRangeError, match="take: index 4 is out of range for axis 0 of 4"):
        step(np.array([[0, 3], [1, 4]]))
    assert count.item() == 1


def test_memory_does_not_grow_with_what_a_step_computes_for_itself():
    def peak(length: int) -> int:
        @rp.compile
        def step(x: rp.Tensor) -> rp.Tensor:
            def body(h: rp.Tensor, x: rp.Tensor) -> tuple[rp.Tensor, None]:
                return rp.tanh(h @ rp.ones((16, 16))) + x, None

            return rp.scan(body, rp.zeros((8, 16)), x)[0]

        step(rp.ones((length, 1, 16)))
        return step._latest.program.facts.peak

    assert peak(500) == peak(4)


def test_a_step_without_native_code_runs_through_numpy():
    @rp.compile(verbose=False)
    def step(x: rp.Tensor) -> rp.Tensor:
        def body(h: rp.Tensor, x: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
            return h + rp.linalg.det(x), h

        return rp.scan(body, rp.asarray(0.0), x)[0]

    x = np.float32(np.random.default_rng(0).standard_normal((3, 4, 4)))
    np.testing.assert_allclose(step(x).item(), np.linalg.det(x).sum(), rtol=1e-4)
    assert step._latest.program.calls


def test_it_starts_from_the_cache(tmp_path, monkeypatch):
    from retroprop import settings

    monkeypatch.setattr(settings, "cache_folder", str(tmp_path))
    first = Program(loop_of("kept", True), {})
    second = Program(loop_of("kept", True), {})
    assert not first._library.from_cache
    assert second._library.from_cache
    arrays = [np.ones(v.shape, v.dtype) for v in first.graph.inputs]
    for one, other in zip(outputs(first, arrays), outputs(second, arrays), strict=True):
        np.testing.assert_array_equal(one, other)
