"""One step of a recurrent cell, one function per kind: from the state before to the state after.

A step gets the input's share of the gates ready made, for the input of a whole sequence is
multiplied by its weights at once (`input_share`). A kind is a record, so that a layer over time and
a single cell share the same maths, and a backend can fuse a step by recognising one function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from retroprop.core.tensor import Tensor
from retroprop.nn.functional.linear import linear
from retroprop.ops.activation import relu, sigmoid
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import permute_dims, split
from retroprop.ops.trigonometric import tanh

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Kind",
    "Past",
    "State",
    "gru_step",
    "input_share",
    "lstm_step",
    "relu_step",
    "tanh_step",
    "turned",
]

State = tuple[Tensor, ...]


class Past(NamedTuple):
    """The weights that meet the state, turned so that states are multiplied from the left.

    Attributes:
        hidden:  (projected, gates * hidden), of the state before; projected = hidden without one.
        bias:    (gates * hidden,) where the step adds it, else None.
        project: (hidden, projected), of the output, or None.
    """

    hidden: Tensor
    bias: Tensor | None = None
    project: Tensor | None = None


class Kind(NamedTuple):
    """What tells one kind of recurrent cell from another.

    Attributes:
        gates:         blocks of `hidden` rows in the weights.
        states:        tensors in the state; the first is the output.
        step:          (input's share, state, Past) -> state.
        is_bias_apart: whether the step adds bias_hh itself: it counts before a gate multiplies it.
    """

    gates: int
    states: int
    step: Callable[[Tensor, State, Past], State]
    is_bias_apart: bool = False


def turned(weight: Tensor) -> Tensor:
    """The transpose of a weight matrix."""
    return permute_dims(weight, axes=(1, 0))


def input_share(
    kind: Kind, rows: Tensor, weight: Tensor, bias_ih: Tensor | None, bias_hh: Tensor | None
) -> Tensor:
    """What the input adds to the gates: (rows, features) -> (rows, gates * hidden)."""
    bias = bias_ih
    if bias_ih is not None and bias_hh is not None and not kind.is_bias_apart:
        bias = bias_ih + bias_hh
    return linear(rows, weight, bias)


def _activated_step(activation: Any, share: Tensor, state: State, past: Past) -> State:
    (h,) = state
    return (activation(share + matmul(h, past.hidden)),)


def tanh_step(share: Tensor, state: State, past: Past) -> State:
    """A plain step: h' = tanh(x weight_ihᵀ + h weight_hhᵀ + biases).

    Source: Elman 1990, "Finding structure in time".
    """
    return _activated_step(tanh, share, state, past)


def relu_step(share: Tensor, state: State, past: Past) -> State:
    """A plain step with relu in place of tanh.

    Source: Le, Jaitly, Hinton 2015, arXiv:1504.00941.
    """
    return _activated_step(relu, share, state, past)


def _parts(gates: Tensor, count: int) -> tuple[Tensor, ...]:
    """Gates side by side, each by itself."""
    parts: tuple[Tensor, ...] = split(gates, sizes=(gates.shape[-1] // count,) * count, axis=-1)
    return parts


def lstm_step(share: Tensor, state: State, past: Past) -> State:
    """A step of long short-term memory, over the state (h, c).

        i, f, g, o = x weight_ihᵀ + h weight_hhᵀ + biases
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c'), times weight_hrᵀ where there is a projection

    Source: Hochreiter, Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000; projection:
        Sak, Senior, Beaufays 2014, arXiv:1402.1128.
    """
    h, c = state
    pairs = zip(_parts(share, 4), _parts(matmul(h, past.hidden), 4), strict=True)
    i, f, g, o = (x + carried for x, carried in pairs)  # part by part: one kernel when compiled
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if past.project is None else matmul(h, past.project)), c


def gru_step(share: Tensor, state: State, past: Past) -> State:
    """A step of a gated recurrent unit.

        r = sigmoid(x_r + h_r)    z = sigmoid(x_z + h_z)    n = tanh(x_n + r h_n)
        h' = (1 - z) n + z h

    where x_. = x weight_ihᵀ + bias_ih and h_. = h weight_hhᵀ + bias_hh are split in three.

    Source: Cho et al. 2014, arXiv:1406.1078. Differs, as in PyTorch: r multiplies the product with
        weight_hh instead of h.
    """
    (h,) = state
    carried = matmul(h, past.hidden)
    carried = carried if past.bias is None else carried + past.bias
    x_r, x_z, x_n = _parts(share, 3)
    h_r, h_z, h_n = _parts(carried, 3)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    return (n + z * (h - n),)


RNN = {"tanh": Kind(1, 1, tanh_step), "relu": Kind(1, 1, relu_step)}
LSTM = Kind(4, 2, lstm_step)
GRU = Kind(3, 1, gru_step, is_bias_apart=True)
