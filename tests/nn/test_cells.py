"""Cells: the same steps as the layers take, in a loop written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, ShapeError

CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


def normal(*shape: int) -> Any:
    return rp.asarray(np.random.default_rng(0).normal(size=shape))


def out(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("cell", CELLS)
def test_a_loop_of_cells_is_the_layer(cell: Any) -> None:
    one = cell(4, 6, dtype="float64")
    layer = getattr(nn, cell.__name__.removesuffix("Cell"))(4, 6, dtype="float64")
    layer.load_state_dict({f"{name}_l0": value for name, value in one.state_dict().items()})
    x, state, outputs = normal(5, 3, 4), None, []
    for step in x:
        state = one(step, state)
        outputs.append(out(state).detach().numpy())
    y, last = layer(x)
    np.testing.assert_allclose(np.stack(outputs), y.detach().numpy())
    np.testing.assert_allclose(out(state).detach().numpy(), out(last)[0].detach().numpy())


@pytest.mark.parametrize("cell", CELLS)
def test_the_batch_may_be_left_out(cell: Any) -> None:
    one = cell(4, 6, dtype="float64")
    x = normal(3, 4)
    state = one(x)
    single = one(x[1], None)
    assert out(single).shape == (6,)
    np.testing.assert_allclose(out(single).detach().numpy(), out(state)[1].detach().numpy())
    again = one(x[1], single)
    assert out(again).shape == (6,)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_by_finite_differences(cell: Any) -> None:
    one = cell(2, 3, dtype="float64")
    count = one.kind.states

    def run(x: Any, *state: Any) -> Any:
        new = one(x, state if count > 1 else state[0])
        return rp.concat(new, axis=-1) if count > 1 else new

    assert rp.gradcheck(run, [normal(2, 2), *[normal(2, 3)] * count])


@pytest.mark.parametrize("cell", CELLS)
def test_misfits_are_named(cell: Any) -> None:
    name = cell.__name__
    with pytest.raises(ShapeError) as error:
        cell(4, 6)(rp.zeros((3, 5)))
    assert f"{name} expects (batch, 4 features) or (4 features,), got (3, 5)" in str(error.value)
    assert f"fix: make it nn.{name}(5, 6)" in str(error.value)
    with pytest.raises(ShapeError, match=f"nn.{name.removesuffix('Cell')} takes whole sequences"):
        cell(4, 6)(rp.zeros((7, 3, 4)))
    state = rp.zeros((2, 6))
    with pytest.raises(ShapeError, match=r"h_0 must be \(batch 3, features 6\), it is \(2, 6\)"):
        cell(4, 6)(rp.zeros((3, 4)), (state, state) if cell is nn.LSTMCell else state)
    with pytest.raises(ArgumentError, match="hidden_size must be at least 1"):
        cell(4, 0)


def test_the_state_of_an_lstm_cell_is_a_pair() -> None:
    with pytest.raises(ArgumentError, match="pair"):
        nn.LSTMCell(4, 6)(rp.zeros((3, 4)), rp.zeros((3, 6)))


def test_an_unknown_nonlinearity() -> None:
    with pytest.raises(ArgumentError, match="unknown nonlinearity 'rely'; did you mean 'relu'"):
        nn.RNNCell(4, 6, nonlinearity="rely")


@pytest.mark.parametrize("cell", CELLS)
def test_without_bias(cell: Any) -> None:
    one = cell(4, 6, bias=False)
    assert list(one.state_dict()) == ["weight_ih", "weight_hh"]
    assert not out(one(rp.zeros((3, 4)))).numpy().any()


def test_repr_and_cost() -> None:
    assert repr(nn.GRUCell(4, 6, False)) == "GRUCell(input_size=4, hidden_size=6, bias=False)"
    assert nn.summary(nn.LSTMCell(4, 6), (3, 4)).multiply_adds == 3 * 24 * (4 + 6)
