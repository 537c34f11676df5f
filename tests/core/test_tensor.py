"""The cell: making, assigning, differentiating, and what it tells when misused."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import retroprop as rp
from retroprop.errors import DTypeError, ShapeError, TapeError


def leaf(*numbers: float) -> rp.Tensor:
    return rp.tensor(list(numbers), requires_grad=True)


def test_python_numbers_take_the_default_types():
    assert rp.asarray(1.5).dtype == rp.float32
    assert rp.asarray([1, 2]).dtype == rp.int64
    assert rp.asarray([True]).dtype == rp.bool
    assert rp.asarray(1j).dtype == rp.complex64
    assert rp.asarray(np.float64(1.0)).dtype == rp.float64
    assert rp.asarray(np.zeros(2, np.int8)).dtype == rp.int8


def test_lists_of_tensors_become_one_tensor():
    assert rp.asarray([rp.asarray(1.0), rp.asarray(2.0)]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("data", [[[1, 2], [3]], ["a"], [None], object()])
def test_what_is_no_array_of_numbers_is_refused(data):
    with pytest.raises((ShapeError, DTypeError)):
        rp.asarray(data)


def test_backward_adds_to_grad():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_backward_sums_over_all_paths():
    x = leaf(2.0)
    y = x * x
    (y * y + y).sum().backward()
    assert x.grad.tolist() == [4 * 8.0 + 4.0]


def test_a_chain_of_a_hundred_thousand_ops_does_not_overflow_the_stack():
    x = rp.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1e-6
    y.backward()
    assert x.grad.item() == 1.0


def test_the_tape_goes_with_the_tensors_and_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0)
        middle = x * 2.0
        gone = weakref.ref(middle)
        y = middle * middle
        del middle
        assert gone() is None
        node = weakref.ref(y)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_arrays_kept_by_an_unused_tape_go_at_once():
    gc.collect()
    gc.disable()
    try:
        x = rp.ones(3, requires_grad=True)
        y = rp.exp(x * 2.0)
        kept = weakref.ref(y.value.node.kept["y"][0])
        assert kept() is not None
        del y
        assert kept() is None
    finally:
        gc.enable()


def test_an_output_that_nobody_held_still_takes_part():
    x = rp.asarray(np.random.default_rng(0).normal(size=(3, 3)))
    spd = x @ x.mT + 3.0 * rp.eye(3, dtype=rp.float64)
    assert rp.gradcheck(lambda s: rp.linalg.eigh((s + s.mT) / 2.0).eigenvalues, [spd])


def test_a_second_backward_needs_retain_graph():
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]
    with pytest.raises(TapeError, match="retain_graph=True"):
        y.backward()


def test_create_graph_gives_second_derivatives():
    x = leaf(2.0)
    (x * x * x).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    assert x.grad.tolist() == [12.0]


def test_inputs_limits_who_receives_a_gradient():
    x, z = leaf(2.0), leaf(3.0)
    (x * z).sum().backward(inputs=[z])
    assert x.grad is None
    assert z.grad.tolist() == [2.0]


def test_backward_of_several_elements_needs_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(ShapeError, match="a loss has one element"):
        (x * x).backward()
    (x * x).backward(rp.asarray([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]


def test_backward_without_anything_to_differentiate_says_so():
    with pytest.raises(TapeError, match="requires_grad=True"):
        rp.asarray(1.0).backward()
    x = leaf(1.0)
    with rp.no_grad():
        y = (x * x).sum()
    with pytest.raises(TapeError, match="no_grad"):
        y.backward()


def test_detach_stops_gradients():
    x = leaf(3.0)
    (x * x.detach()).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_hooks_see_and_replace_gradients_and_can_be_removed():
    x = leaf(1.0)
    seen = []
    y = x * 2.0
    y.register_hook(lambda g: seen.append(g.tolist()))
    remove = x.register_hook(lambda g: g * 10.0)
    y.sum().backward()
    assert seen == [[1.0]]
    assert x.grad.tolist() == [20.0]
    remove()
    x.grad = None
    (x * 2.0).sum().backward()
    assert x.grad.tolist() == [2.0]


def test_in_place_operators_rebind_and_gradients_flow():
    x = leaf(2.0)
    y = x * 3.0
    alias_of_value = y.detach()
    y *= x
    assert alias_of_value.tolist() == [6.0]
    y.sum().backward()
    assert x.grad.tolist() == [12.0]


def test_a_leaf_changes_only_outside_recording():
    x = leaf(1.0)
    with pytest.raises(TapeError, match="no_grad"):
        x += 1.0
    with rp.no_grad():
        x += 1.0
    assert x.tolist() == [2.0]
    assert x.requires_grad
    assert x.is_leaf


def test_assign_keeps_shape_and_dtype():
    x = rp.zeros(2)
    x.assign([1.0, 2.0])
    assert x.tolist() == [1.0, 2.0]
    with pytest.raises(ShapeError, match=r"\(2,\), the value \(3,\)"):
        x.assign(rp.zeros(3))
    with pytest.raises(DTypeError, match="float64"):
        x.assign(rp.zeros(2, dtype=rp.float64))


def test_assignment_does_not_disturb_what_was_recorded():
    w = leaf(2.0)
    y = (w * w).sum()
    with rp.no_grad():
        w.assign([100.0])
    y.backward()
    assert w.grad.tolist() == [4.0]


def test_only_floating_leaves_require_gradients():
    with pytest.raises(DTypeError, match="int64"):
        rp.asarray([1]).requires_grad_()
    x = leaf(1.0)
    with pytest.raises(TapeError, match="detach"):
        (x * 2.0).requires_grad_(False)
    assert not x.requires_grad_(False).requires_grad


def test_numpy_views_are_read_only():
    x = rp.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 1.0


def test_numpy_functions_do_not_take_a_tracked_tensor_in_silence():
    with pytest.raises(TapeError, match=r"detach\(\).numpy\(\)"):
        np.asarray(leaf(1.0))
    assert np.asarray(rp.asarray([1.0]), dtype=np.float64).dtype == np.float64


def test_numpy_arrays_on_the_left_give_way():
    y = np.float32([1.0, 2.0]) * rp.asarray([3.0, 4.0])
    assert isinstance(y, rp.Tensor)
    assert y.tolist() == [3.0, 8.0]


def test_dlpack_goes_both_ways_without_a_copy():
    array = np.arange(3, dtype=np.float32)
    x = rp.from_dlpack(array)
    assert np.shares_memory(x.numpy(), array)
    back = np.from_dlpack(x)
    assert np.shares_memory(back, array)
    with pytest.raises(TapeError, match="detach"):
        np.from_dlpack(leaf(1.0))


def test_python_conversions():
    assert float(rp.asarray(1.5)) == 1.5
    assert int(rp.asarray(3)) == 3
    assert [10, 20, 30][rp.asarray(1)] == 20
    assert bool(rp.asarray(True))
    assert complex(rp.asarray(2.0)) == 2
    assert len(rp.zeros((3, 2))) == 3
    assert [row.tolist() for row in rp.asarray([[1], [2]])] == [[1], [2]]
    with pytest.raises(ShapeError, match=r"rp\.any"):
        bool(rp.zeros(2))
    with pytest.raises(TypeError, match="0-d"):
        len(rp.asarray(1.0))
    with pytest.raises(DTypeError, match="0-d integer"):
        [1, 2][rp.asarray(1.0)]
    with pytest.raises(ShapeError, match="tolist"):
        rp.zeros(2).item()


def test_repr_reads_well():
    assert repr(rp.asarray([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(leaf(1.0)) == "tensor([1.], requires_grad=True)"
    assert repr(rp.asarray(1, dtype=rp.int8)) == "tensor(1, dtype=int8)"


def test_transposes():
    assert rp.zeros((2, 3)).T.shape == (3, 2)
    assert rp.zeros((5, 2, 3)).mT.shape == (5, 3, 2)
    with pytest.raises(ShapeError, match="matrix"):
        rp.zeros((5, 2, 3)).T  # noqa: B018
    with pytest.raises(ShapeError, match="two axes"):
        rp.zeros(5).mT  # noqa: B018


def test_the_device_is_the_cpu():
    assert rp.zeros(1).device == "cpu"
    assert rp.zeros(1).to_device("cpu").shape == (1,)
    with pytest.raises(rp.ArgumentError, match="cuda"):
        rp.zeros(1).to_device("cuda")


def test_the_namespace_is_the_package():
    assert rp.zeros(1).__array_namespace__() is rp


def test_inputs_may_be_computed_tensors():
    x = leaf(2.0)
    h = x * 3.0
    (h * h).sum().backward(inputs=[h])
    assert h.grad.tolist() == [12.0]
    assert x.grad is None
