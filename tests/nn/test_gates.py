"""The step of each kind of cell: its formula, and its gradients by finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop.nn import gates
from retroprop.nn.gates import Past, input_share, turned

HIDDEN = 3


def draw(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def run(kind: gates.Kind, *arrays: Any) -> list[Any]:
    """A step from arrays: share, weight, bias (where it stands apart), and the state."""
    share, weight, bias, *state = map(rp.asarray, arrays)
    past = Past(weight, bias if kind.is_bias_apart else None)
    return [part.numpy() for part in kind.step(share, tuple(state), past)]


def test_plain_steps() -> None:
    share, weight, bias, h = draw((2, 3), (3, 3), (3,), (2, 3))
    (tanh,) = run(gates.RNN["tanh"], share, weight, bias, h)
    (relu,) = run(gates.RNN["relu"], share, weight, bias, h)
    np.testing.assert_allclose(tanh, np.tanh(share + h @ weight))
    np.testing.assert_allclose(relu, np.maximum(share + h @ weight, 0))


def test_lstm_step() -> None:
    share, weight, h, c = draw((2, 12), (3, 12), (2, 3), (2, 3))
    i, f, g, o = np.split(share + h @ weight, 4, axis=-1)
    cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    out, new = run(gates.LSTM, share, weight, np.zeros(12), h, c)
    np.testing.assert_allclose(new, cell)
    np.testing.assert_allclose(out, sigmoid(o) * np.tanh(cell))


def test_lstm_step_with_projection() -> None:
    share, weight, project, h, c = draw((2, 12), (2, 12), (3, 2), (2, 2), (2, 3))
    past = Past(rp.asarray(weight), None, rp.asarray(project))
    out, new = gates.lstm_step(rp.asarray(share), (rp.asarray(h), rp.asarray(c)), past)
    *_, o = np.split(share + h @ weight, 4, axis=-1)
    np.testing.assert_allclose(out.numpy(), sigmoid(o) * np.tanh(new.numpy()) @ project)


def test_gru_step() -> None:
    share, weight, bias, h = draw((2, 9), (3, 9), (9,), (2, 3))
    x_r, x_z, x_n = np.split(share, 3, axis=-1)
    h_r, h_z, h_n = np.split(h @ weight + bias, 3, axis=-1)
    z = sigmoid(x_z + h_z)
    n = np.tanh(x_n + sigmoid(x_r + h_r) * h_n)
    (out,) = run(gates.GRU, share, weight, bias, h)
    np.testing.assert_allclose(out, (1 - z) * n + z * h)


KINDS = {"tanh": gates.RNN["tanh"], "relu": gates.RNN["relu"], "lstm": gates.LSTM, "gru": gates.GRU}


@pytest.mark.parametrize("name", KINDS)
def test_gradients_to_second_order(name: str) -> None:
    kind = KINDS[name]
    rows = kind.gates * HIDDEN
    inputs = draw((2, rows), (HIDDEN, rows), (rows,), *[(2, HIDDEN)] * kind.states)

    def step(share: Any, weight: Any, bias: Any, *state: Any) -> Any:
        past = Past(weight, bias if kind.is_bias_apart else None)
        return rp.concat(kind.step(share, state, past), axis=-1)

    assert rp.gradcheck(step, inputs)


def test_biases_are_added_once() -> None:
    rows, weight, bias_ih, bias_hh = map(rp.asarray, draw((2, 4), (3, 4), (3,), (3,)))
    plain = rows.numpy() @ weight.numpy().T
    both = input_share(gates.RNN["tanh"], rows, weight, bias_ih, bias_hh)
    np.testing.assert_allclose(both.numpy(), plain + bias_ih.numpy() + bias_hh.numpy())
    apart = input_share(gates.GRU, rows, weight, bias_ih, bias_hh)
    np.testing.assert_allclose(apart.numpy(), plain + bias_ih.numpy())
    none = input_share(gates.GRU, rows, weight, None, None)
    np.testing.assert_allclose(none.numpy(), plain)


def test_turned_is_the_transpose() -> None:
    (matrix,) = draw((2, 3))
    np.testing.assert_array_equal(turned(rp.asarray(matrix)).numpy(), matrix.T)
