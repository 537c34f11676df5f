"""Parameters and buffers: whose numbers they hold, how they copy and change type."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import DTypeError, TapeError
from retroprop.nn.parameter import draw_uniform


def test_a_parameter_owns_its_numbers() -> None:
    array = np.array([1.0, 2.0], np.float32)
    for source in (array, rp.asarray(array)):
        parameter = nn.Parameter(source)
        array[0] = 9.0
        assert parameter.tolist() == [1.0, 2.0]
        array[0] = 1.0


def test_kinds_and_flags() -> None:
    parameter, buffer = nn.Parameter([1.0]), nn.Buffer([1])
    assert isinstance(parameter, rp.Tensor)
    assert parameter.requires_grad
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad
    assert not buffer.requires_grad
    assert buffer.persistent
    assert not nn.Buffer([1], persistent=False).persistent
    with pytest.raises(DTypeError, match="only floating tensors have gradients"):
        nn.Parameter([1])


def test_what_is_computed_from_a_parameter_is_a_plain_tensor() -> None:
    parameter = nn.Parameter([1.0, 2.0])
    assert type(parameter * 2) is rp.Tensor
    assert type(parameter.detach()) is rp.Tensor
    (parameter * parameter).sum().backward()
    assert parameter.grad is not None
    assert parameter.grad.tolist() == [2.0, 4.0]


def test_changes_need_no_grad() -> None:
    parameter = nn.Parameter([1.0])
    with pytest.raises(TapeError, match="in place while recording"):
        parameter.assign([2.0])
    with rp.no_grad():
        parameter.assign([2.0])
    assert parameter.tolist() == [2.0]
    assert parameter.requires_grad


def test_copies_are_cells_of_their_own() -> None:
    parameter = nn.Parameter([1.0], requires_grad=False)
    buffer = nn.Buffer([1], persistent=False)
    copied, other, again = copy.deepcopy([parameter, buffer, parameter])
    assert copied is again
    assert type(copied) is nn.Parameter
    assert not copied.requires_grad
    assert type(other) is nn.Buffer
    assert not other.persistent
    parameter.assign([5.0])
    assert copied.tolist() == [1.0]
    trained = nn.Parameter([3.0])
    twin = copy.deepcopy(trained)
    (twin * 2).backward()
    assert twin.grad is not None
    assert trained.grad is None


def test_retype_keeps_the_cell() -> None:
    parameter, count = nn.Parameter([1.5]), nn.Buffer([3])
    (parameter * 2).backward()
    parameter.retype("float64")
    count.retype("float64")
    assert parameter.dtype == rp.float64
    assert parameter.requires_grad
    assert parameter.grad is not None
    assert parameter.grad.dtype == rp.float64
    assert count.dtype == rp.int64
    (parameter * 2).backward()
    assert parameter.grad.tolist() == [4.0]
    with pytest.raises(DTypeError, match="cannot become int64"):
        parameter.retype("int64")


def test_repr_names_the_kind() -> None:
    assert repr(nn.Parameter([1.0])) == "Parameter(tensor([1.], requires_grad=True))"
    assert repr(nn.Buffer([1])) == "Buffer(tensor([1]))"


def test_uniform_draws() -> None:
    first, second = nn.Parameter(rp.zeros((50, 40))), nn.Parameter(rp.zeros(7, dtype="float64"))
    draw_uniform(0.5, first, None, second)
    values = first.detach().numpy()
    assert -0.5 <= values.min() < -0.48
    assert 0.48 < values.max() < 0.5
    assert abs(values.mean()) < 0.02
    assert second.dtype == rp.float64
    rp.manual_seed(0)
    again = nn.Parameter(rp.zeros((50, 40)))
    draw_uniform(0.5, again)
    np.testing.assert_array_equal(again.detach().numpy(), values)
