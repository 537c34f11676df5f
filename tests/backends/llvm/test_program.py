"""Native programs: state in place, results where they are wanted, errors without a trace."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.backends.llvm.program import Program
from retroprop.errors import RetropropError
from retroprop.ir import parse
from retroprop.ir.interpreter import run
from retroprop.ops.catalog import catalog

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def made(text, donated=None, **options):
    return Program(parse(text, catalog), donated or {}, **options)


def outputs(program, *arrays, steps=1, moves=0):
    """Bind arrays, run, and give what is not donated."""
    count = len(program.graph.inputs)
    for slot, array in enumerate(arrays):
        program.bind(slot, array)
    results = {
        number: np.zeros(value.shape, value.dtype)
        for number, value in enumerate(program.graph.outputs)
        if number not in program.plan.lowered.donated
    }
    for number, array in results.items():
        program.bind(count + number, array)
    program.run(steps)
    return list(results.values())


STEP = """
graph(%0: float32[6, 5], %1: float32[6, 5])
  %2: float32[6, 5] = multiply(%1, 0.5:float32)
  %3: float32[6, 5] = subtract(%0, %2)
  return %3"""


def test_state_is_written_where_it_lies():
    state, g = numbers(6, 5), numbers(6, 5)
    expected = state - g * np.float32(0.5)
    assert outputs(made(STEP, {0: 0}), state, g) == []
    np.testing.assert_array_equal(state, expected)


def test_steps_go_on_from_the_state_before():
    state, g = np.zeros((6, 5), np.float32), np.ones((6, 5), np.float32)
    outputs(made(STEP, {0: 0}), state, g, steps=4)
    np.testing.assert_array_equal(state, -2.0)


def test_two_states_may_change_places():
    a, b = numbers(4), numbers(4)
    first, second = a.copy(), b.copy()
    program = made("graph(%0: float32[4], %1: float32[4])\n  return %1, %0", {0: 0, 1: 1})
    outputs(program, a, b)
    np.testing.assert_array_equal(a, second)
    np.testing.assert_array_equal(b, first)


def test_the_old_state_may_be_asked_for_as_well():
    state = numbers(3, 4)
    before = state.copy()
    text = """
graph(%0: float32[3, 4])
  %1: float32[3, 4] = multiply(%0, 2.0:float32)
  %2: float32[4, 3] = permute_dims(%0, axes=(1, 0))
  return %1, %2, %0, %1, 3.0:float32"""
    turned, old, twice, constant = outputs(made(text, {0: 0}), state)
    np.testing.assert_array_equal(state, before * 2)
    np.testing.assert_array_equal(turned, before.T)
    np.testing.assert_array_equal(old, before)
    np.testing.assert_array_equal(twice, before * 2)
    assert constant == 3.0


NETWORK = """
graph(%0: float32[300, 70], %1: float32[130, 70], %2: float32[130])
  %3: float32[70, 130] = permute_dims(%1, axes=(1, 0))
  %4: float32[300, 130] = matmul(%0, %3)
  %5: float32[300, 130] = add(%4, %2)
  %6: float32[300, 130] = tanh(%5)
  %7: float32[130] = sum(%6, axis=0, keepdims=False)
  %8: float32[300, 1] = max(%6, axis=1, keepdims=True)
  %9: float32[300, 130] = divide(%6, %8)
  %10: float32[130, 300] = permute_dims(%9, axes=(1, 0))
  %11: float32[130, 70] = matmul(%10, %0)
  %12: float32[] = sum(%11, axis=None, keepdims=False)
  return %7, %9, %11, %12"""


@pytest.mark.parametrize("target", [None, "sse", "avx2"])
def test_any_number_of_threads_gives_the_same_bits(target):
    given = numbers(300, 70), numbers(130, 70), numbers(130)
    expected = run(parse(NETWORK, catalog), given)
    found = {}
    for threads in (1, 2, 3, 8):
        program = made(NETWORK, threads=threads, target=target)
        assert program.threads == threads
        found[threads] = outputs(program, *given)
        assert [array.tobytes() for array in found[threads]] == [
            array.tobytes() for array in found[1]
        ]
    for actual, wanted in zip(found[1], expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=2e-3, atol=2e-3)


SORTED = """
graph(%0: float32[5], %1: float32[5])
  %2: float32[5] = add(%0, %1)
  %3: float32[5] = sort(%2, axis=0, descending=False, stable=True)
  %4: float32[5] = multiply(%3, 2.0:float32)
  return %4, %3"""


def test_ops_without_native_code_run_in_between():
    state, x = numbers(5), numbers(5)
    expected = state.copy()
    for _ in range(3):
        order = np.sort(expected + x)
        expected = order * 2
    program = made(SORTED, {0: 0})
    (last,) = outputs(program, state, x, steps=3)
    np.testing.assert_allclose(state, expected, rtol=1e-6)
    np.testing.assert_allclose(last, order, rtol=1e-6)
    assert program.calls == ["sort"]
    assert "sort (1, " in program.report()


def test_strict_refuses_them_by_name():
    with pytest.raises(RetropropError, match="no native code for: sort"):
        made(SORTED, strict=True)


def test_a_report_leaves_the_state_alone():
    state, g = numbers(6, 5), numbers(6, 5)
    program = made(STEP, {0: 0})
    outputs(program, state, g)
    before = state.copy()
    text = program.report()
    np.testing.assert_array_equal(state, before)
    assert "multiply+subtract" in text
    assert "everything ran natively" in text


def test_slots_move_on_from_step_to_step():
    text = """
graph(%0: float32[3])
  %1: float32[] = sum(%0, axis=None, keepdims=False)
  return %1"""
    program = made(text)
    lines, totals = numbers(7, 3), np.zeros(7, np.float32)
    program.bind(0, lines, lines.strides[0])
    program.bind(1, totals, totals.strides[0])
    program.run(7)
    np.testing.assert_allclose(totals, lines.sum(axis=1), rtol=1e-5, atol=1e-6)


def test_a_report_of_a_step_that_moves_on_stays_where_it_is():
    place = rp.asarray(0)
    memory = rp.asarray(np.zeros(4, np.float32))

    @rp.compile
    def step(x: rp.Tensor) -> rp.Tensor:
        memory.assign(rp.ops.put(memory, place.reshape((1,)), x, axis=0))
        place.assign(place + 1)
        return rp.sum(memory)

    step(rp.ones(1))
    assert "put" in step.report()  # measured many times: the fifth would be out of range
    assert place.item() == 1
    assert memory.tolist() == [1.0, 0.0, 0.0, 0.0]
