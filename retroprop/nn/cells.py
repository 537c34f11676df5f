"""Recurrent cells: a single step, for loops written by hand."""

from __future__ import annotations

import math
from typing import Any

from retroprop.array.creation import asarray, check_device, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError, unknown
from retroprop.nn import gates
from retroprop.nn.gates import Kind, Past, State, input_share, turned
from retroprop.nn.linear import shown_dtype
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Parameter, draw_uniform
from retroprop.ops.movement import reshape

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _Cell(Optioned):
    """One step of a kind of cell; the subclasses name the arguments."""

    always_shown = ("input_size", "hidden_size")
    kind: Kind

    def _build(self, input_size: int, hidden_size: int, bias: bool, dtype: Any) -> None:
        if hidden_size < 1:
            raise ArgumentError(
                f"{type(self).__name__}: hidden_size must be at least 1, it is {hidden_size}"
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self.kind.gates * hidden_size
        self.weight_ih = Parameter(zeros((rows, input_size), dtype=dtype))
        self.weight_hh = Parameter(zeros((rows, hidden_size), dtype=dtype))
        self.bias_ih = Parameter(zeros((rows,), dtype=dtype)) if bias else None
        self.bias_hh = Parameter(zeros((rows,), dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, uniform in ±1/sqrt(hidden features)."""
        draw_uniform(1 / math.sqrt(self.hidden_size), *self.parameters(recurse=False))

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        state = output[0] if isinstance(output, tuple) else output
        rows = state.size // self.hidden_size
        return rows * (self.weight_ih.size + self.weight_hh.size)

    def extra_repr(self) -> str:
        return super().extra_repr() + shown_dtype(self.weight_ih)

    def _step(self, input: Any, given: Any) -> State:
        """The state after an input, from the state before it."""
        x = asarray(input)
        if x.ndim not in {1, 2} or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__} expects (batch, {self.input_size} features) or "
                f"({self.input_size} features,), got {x.shape}",
                fix=f"a cell takes one step; nn.{type(self).__name__.removesuffix('Cell')} takes "
                "whole sequences"
                if x.ndim == 3
                else f"make it nn.{type(self).__name__}({x.shape[-1]}, {self.hidden_size})"
                if x.ndim in {1, 2}
                else None,
            )
        batch = x.shape[0] if x.ndim == 2 else 1
        past = Past(turned(self.weight_hh), self.bias_hh if self.kind.is_bias_apart else None)
        rows = reshape(x, (batch, self.input_size))
        share = input_share(self.kind, rows, self.weight_ih, self.bias_ih, self.bias_hh)
        new = self.kind.step(share, self._state(given, x, batch), past)
        if x.ndim == 1:
            return tuple(reshape(part, (self.hidden_size,)) for part in new)
        return new

    def _state(self, given: Any, x: Tensor, batch: int) -> State:
        names = ("h_0", "c_0")[: self.kind.states]
        if given is None:
            return (zeros((batch, self.hidden_size), dtype=x.dtype),) * len(names)
        if len(given) != len(names):
            raise ArgumentError(f"{type(self).__name__}: the state is a pair (h_0, c_0)")
        parts = []
        for name, part in zip(names, map(asarray, given), strict=True):
            wanted = (*x.shape[:-1], self.hidden_size)
            if part.shape != wanted:
                axes = [f"batch {n}" for n in wanted[:-1]] + [f"features {wanted[-1]}"]
                raise ShapeError(
                    f"{type(self).__name__}: {name} must be ({', '.join(axes)}), it is {part.shape}"
                )
            parts.append(reshape(part, (batch, self.hidden_size)))
        return tuple(parts)


class RNNCell(_Cell):
    """One step of a plain recurrent network: h' = tanh(x weight_ihᵀ + h weight_hhᵀ + biases).

    Args:
        input_size:   features of the input.
        hidden_size:  features of the state.
        bias:         False leaves the biases out.
        nonlinearity: "tanh" or "relu".
        device:       "cpu"; accepted because programs for PyTorch give one.
        dtype:        of the parameters; float32 by default.

    Attributes:
        weight_ih, weight_hh: (hidden, features), (hidden, hidden).
        bias_ih, bias_hh:     (hidden,). All are uniform in ±1/sqrt(hidden) at first.

    Shape: (batch, features), state (batch, hidden) -> (batch, hidden); batch may be left out.

    Example:
        >>> import retroprop as rp
        >>> RNNCell(10, 20)(rp.zeros((3, 10))).shape
        (3, 20)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        if nonlinearity not in gates.RNN:
            raise unknown("nonlinearity", nonlinearity, gates.RNN)
        self.nonlinearity = nonlinearity
        self.kind = gates.RNN[nonlinearity]
        self._build(input_size, hidden_size, bias, dtype)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(_Cell):
    """One step of long short-term memory; `LSTM` has the maths.

    Args:
        input_size:  features of the input.
        hidden_size: features of the state.
        bias:        False leaves the biases out.
        device:      "cpu"; accepted because programs for PyTorch give one.
        dtype:       of the parameters; float32 by default.

    Attributes:
        weight_ih, weight_hh: (4 * hidden, features), (4 * hidden, hidden); gates i, f, g, o.
        bias_ih, bias_hh:     (4 * hidden,).

    Shape: (batch, features), state (h, c) each (batch, hidden) -> (h, c); batch may be left out.

    Example:
        >>> import retroprop as rp
        >>> h, c = LSTMCell(10, 20)(rp.zeros((3, 10)))
        >>> h.shape, c.shape
        ((3, 20), (3, 20))
    """

    kind = gates.LSTM

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self._build(input_size, hidden_size, bias, dtype)

    def forward(self, input: Any, hx: Any = None) -> State:
        return self._step(input, hx)


class GRUCell(_Cell):
    """One step of a gated recurrent unit; `GRU` has the maths.

    Args:
        input_size:  features of the input.
        hidden_size: features of the state.
        bias:        False leaves the biases out.
        device:      "cpu"; accepted because programs for PyTorch give one.
        dtype:       of the parameters; float32 by default.

    Attributes:
        weight_ih, weight_hh: (3 * hidden, features), (3 * hidden, hidden); gates r, z, n.
        bias_ih, bias_hh:     (3 * hidden,).

    Shape: (batch, features), state (batch, hidden) -> (batch, hidden); batch may be left out.

    Example:
        >>> import retroprop as rp
        >>> GRUCell(10, 20)(rp.zeros((10,))).shape
        (20,)
    """

    kind = gates.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self._build(input_size, hidden_size, bias, dtype)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]
