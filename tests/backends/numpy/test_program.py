"""The reference as a program: bound memory, steps, donated outputs."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.backends.numpy.program import build
from retroprop.errors import IndexRangeError, RetropropError
from retroprop.ops import catalog


def graph(text):
    return rp.Graph.parse(text, catalog)


COUNT = """
graph(%0: float32[2], %1: float32[2])
  %2: float32[2] = add(%0, %1)
  %3: float32[] = sum(%2, axis=None, keepdims=False)
  return %2, %3"""


def test_steps_carry_donated_state_and_move_the_rest():
    program = build(graph(COUNT), {0: 0})
    state = np.float32([1, 1])
    lines = np.float32([[1, 2], [3, 4], [5, 6]])
    sums = np.empty(3, np.float32)
    program.bind(0, state)
    program.bind(1, lines, lines.strides[0])
    program.bind(3, sums, sums.strides[0])
    program.run(3)
    assert state.tolist() == [10.0, 13.0]
    assert sums.tolist() == [5.0, 12.0, 23.0]


def test_states_that_change_places_do_not_run_into_each_other():
    program = build(graph("graph(%0: float32[1], %1: float32[1])\n  return %1, %0"), {0: 0, 1: 1})
    a, b = np.float32([1]), np.float32([2])
    program.bind(0, a)
    program.bind(1, b)
    program.run()
    assert (a.item(), b.item()) == (2, 1)


def test_a_step_that_fails_changes_nothing_and_says_how_many_went_well():
    program = build(
        graph(
            "graph(%0: float32[2], %1: int64[1])\n"
            "  %2: float32[2] = add(%0, %0)\n"
            "  %3: float32[1] = take(%0, %1, axis=0)\n"
            "  return %2, %3"
        ),
        {0: 0},
    )
    state, index = np.float32([1, 2]), np.int64([[0], [1], [2]])
    taken = np.zeros((3, 1), np.float32)
    program.bind(0, state)
    program.bind(1, index, index.strides[0])
    program.bind(3, taken, taken.strides[0])
    with pytest.raises(IndexRangeError) as caught:
        program.run(3)
    assert caught.value.completed_steps == 2
    assert state.tolist() == [4.0, 8.0]
    assert taken.tolist() == [[1.0], [4.0], [0.0]]


def test_it_reports_its_ops_and_has_no_code():
    program = build(graph(COUNT), {})
    assert program.report() == "2 ops through NumPy: add (1), sum (1)"
    with pytest.raises(RetropropError, match="generates no code"):
        program.llvm_ir()
    with pytest.raises(RetropropError, match="generates no code"):
        program.assembly()
