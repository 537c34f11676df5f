"""What becomes of a graph: what is fused, what costs nothing, what is compiled once."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop.backends.llvm.lower import Lowered
from retroprop.backends.llvm.program import Program
from retroprop.backends.llvm.target import host
from retroprop.ir import parse
from retroprop.ops.catalog import catalog


def kernels(text, donated=None):
    lowered = Lowered(parse(text, catalog), donated or {}, host())
    return [work.what for work in lowered.works]


def test_elementwise_ops_are_one_kernel_and_views_none():
    text = """
graph(%0: float32[4, 6], %1: float32[6])
  %2: float32[4, 6] = add(%0, %1)
  %3: float32[4, 6] = relu(%2)
  %4: float32[6, 4] = permute_dims(%3, axes=(1, 0))
  %5: float32[2, 4] = take_slice(%4, key=(slice(1, 5, 2), slice(None, None, None)))
  %6: float32[2, 4] = multiply(%5, 2.0:float32)
  return %6"""
    assert kernels(text) == ["add+relu", "multiply"]


def test_a_reduction_takes_in_what_it_reduces():
    text = """
graph(%0: float32[40, 6])
  %1: float32[40, 6] = square(%0)
  %2: float32[] = sum(%1, axis=None, keepdims=False)
  %3: float32[40, 6] = exp(%0)
  %4: float32[40] = sum(%3, axis=1, keepdims=False)
  return %2, %3, %4"""
    assert kernels(text) == ["sum(square)", "sum(exp)"]


def test_state_that_is_read_later_is_copied_at_the_end():
    text = """
graph(%0: float32[4], %1: float32[4])
  %2: float32[4] = add(%0, %1)
  %3: float32[4] = sort(%0, axis=0, descending=False, stable=True)
  return %2, %3"""
    assert kernels(text, {0: 0}) == ["add", "sort", "copy"]


def test_paths_that_meet_are_one_kernel():
    """Adam's moments: each has a path of its own before they meet."""
    text = """
graph(%0: float32[8], %1: float32[8], %2: float32[8], %3: float32[8])
  %4: float32[8] = multiply(%3, 0.999:float32)
  %5: float32[8] = square(%0)
  %6: float32[8] = multiply(%5, 0.001:float32)
  %7: float32[8] = add(%4, %6)
  %8: float32[8] = subtract(%0, %2)
  %9: float32[8] = multiply(%8, 0.1:float32)
  %10: float32[8] = add(%2, %9)
  %11: float32[8] = sqrt(%7)
  %12: float32[8] = divide(%10, %11)
  %13: float32[8] = subtract(%1, %12)
  return %13, %10, %7"""
    assert len(kernels(text, {0: 1, 1: 2, 2: 3})) == 1


def deep(layers):
    inputs = ", ".join(f"%{i}: float32[16, 16]" for i in range(layers + 1))
    lines, last = [], 0
    for layer in range(layers):
        number = layers + 1 + 2 * layer
        lines += [
            f"  %{number}: float32[16, 16] = matmul(%{last}, %{layer + 1})",
            f"  %{number + 1}: float32[16, 16] = relu(%{number})",
        ]
        last = number + 1
    return "\n".join([f"graph({inputs})", *lines, f"  return %{last}"])


def test_equal_layers_are_compiled_once():
    few, many = (Program(parse(deep(n), catalog), {}).llvm_ir() for n in (3, 30))
    assert few.count("\ndefine") == many.count("\ndefine")


@pytest.mark.parametrize("index", [4, -5])
def test_indices_are_looked_at_before_state_changes(index):
    text = """
graph(%0: float32[4, 2], %1: int64[3])
  %2: float32[3, 2] = take(%0, %1, axis=0)
  %3: float32[] = sum(%2, axis=None, keepdims=False)
  %4: float32[4, 2] = add(%0, %3)
  return %4"""
    program = Program(parse(text, catalog), {0: 0})
    state, places = np.ones((4, 2), np.float32), np.array([0, index, 1])
    program.bind(0, state)
    program.bind(1, places)
    with pytest.raises(IndexError, match=rf"take: index {index} is out of range for axis 0 of 4"):
        program.run()
    assert (state == 1).all()
    places[1] = -4
    program.run()
    assert (state == 7).all()


def test_each_view_of_indices_is_looked_at():
    text = """
graph(%0: float32[2], %1: int64[4], %2: float32[2])
  %3: int64[2] = take_slice(%1, key=(slice(0, 2, None),))
  %4: float32[2] = take(%0, %3, axis=0)
  %5: float32[2] = add(%2, %4)
  %6: int64[2] = take_slice(%1, key=(slice(2, 4, None),))
  %7: float32[2] = take(%0, %6, axis=0)
  return %5, %7"""
    program = Program(parse(text, catalog), {0: 2})
    state, found = np.zeros(2, np.float32), np.zeros(2, np.float32)
    arrays = (np.ones(2, np.float32), np.array([0, 1, 0, 9]), state)
    for slot, array in zip((0, 1, 2, 4), (*arrays, found), strict=True):
        program.bind(slot, array)
    with pytest.raises(IndexError, match="index 9 is out of range"):
        program.run()
    assert (state == 0).all()


def test_a_single_element_is_looked_at_where_it_lies():
    """NumPy copies it out; a view has to stay a view."""
    x = rp.asarray(np.float32([3.0, 5.0, 7.0]))

    @rp.compile
    def middle(x: rp.Tensor) -> tuple[rp.Tensor, rp.Tensor]:
        changed = x * 1.0
        changed[2] = x[0] * 10
        return x[1] * x[2], changed

    product, changed = middle(x)
    assert product.item() == 35.0
    assert changed.tolist() == [3.0, 5.0, 30.0]
