"""What RNN, LSTM and GRU have in common: cells over time, in layers and directions."""

from __future__ import annotations

import math
import warnings
from typing import Any

from retroprop.array.creation import asarray, zeros
from retroprop.array.manipulation import stack
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.dropout import dropout
from retroprop.nn.gates import Kind, Past, State, input_share, turned
from retroprop.nn.linear import shown_dtype
from retroprop.nn.options import Optioned
from retroprop.nn.parameter import Parameter, draw_uniform
from retroprop.nn.unroll import live_rows, unroll
from retroprop.ops.arithmetic import where
from retroprop.ops.movement import concatenate, permute_dims, reshape, split

__all__ = ["Stacked"]

Shape = tuple[int, ...]


class Stacked(Optioned):
    """Layers and directions of one kind of cell; the subclasses name the arguments."""

    always_shown = ("input_size", "hidden_size")
    kind: Kind

    def _build(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        dtype: Any,
    ) -> None:
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_arguments()
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._add_weights(suffix, input_size if layer == 0 else self._out_size(), dtype)
        self.reset_parameters()

    def _check_arguments(self) -> None:
        name, dropout = type(self).__name__, self.dropout
        for what in ("hidden_size", "num_layers"):
            if getattr(self, what) < 1:
                raise ArgumentError(
                    f"{name}: {what} must be at least 1, it is {getattr(self, what)}"
                )
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ArgumentError(f"{name}: dropout is {dropout!r}, a probability is from 0 to 1")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ArgumentError(
                f"{name}: proj_size must be below hidden_size {self.hidden_size}, it is "
                f"{self.proj_size}"
            )
        if dropout and self.num_layers == 1:
            warnings.warn(
                f"{name}: dropout={dropout} acts between layers, and there is only one",
                stacklevel=4,
            )

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        """How the names of a layer's weights end, one for each direction."""
        return (f"_l{layer}", f"_l{layer}_reverse")[: 1 + self.bidirectional]

    def _out_size(self) -> int:
        """Features of a layer's output, both directions together."""
        return (self.proj_size or self.hidden_size) * (1 + self.bidirectional)

    def _add_weights(self, suffix: str, features: int, dtype: Any) -> None:
        rows = self.kind.gates * self.hidden_size
        shapes: dict[str, Shape] = {
            "weight_ih": (rows, features),
            "weight_hh": (rows, self.proj_size or self.hidden_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            self.register_parameter(name + suffix, Parameter(zeros(shape, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw all parameters anew, uniform in ±1/sqrt(hidden features)."""
        draw_uniform(1 / math.sqrt(self.hidden_size), *self.parameters(recurse=False))

    def flatten_parameters(self) -> None:
        """Kept for programs written for PyTorch, where it arranges memory for a GPU."""

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        steps = output[0].size // output[0].shape[-1]
        matrices = (each.size for each in self.parameters(recurse=False) if each.ndim > 1)
        return steps * sum(matrices)

    def extra_repr(self) -> str:
        return super().extra_repr() + shown_dtype(self.weight_ih_l0)  # type: ignore[attr-defined]

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, Any]:
        x = self._checked(asarray(input))
        is_batched = x.ndim == 3
        if not is_batched:
            x = reshape(x, (x.shape[0], 1, x.shape[1]))
        elif self.batch_first:
            x = permute_dims(x, (1, 0, 2))
        time, batch, features = x.shape
        states = self._states(hx, time, batch, is_batched, x.dtype)
        live = None
        if lengths is not None:
            live = self._live(asarray(lengths), time, batch, is_batched)
            x = where(
                reshape(live, (time, batch, 1)), x, 0.0
            )  # padding may hold anything, even NaN
        rows, last = self._run(reshape(x, (time * batch, features)), states, live, time)
        y = reshape(rows, (time, batch, rows.shape[1]))
        final = tuple(stack(parts, axis=0) for parts in zip(*last, strict=True))
        if not is_batched:
            y = reshape(y, (time, y.shape[2]))
            final = tuple(reshape(part, (part.shape[0], part.shape[2])) for part in final)
        elif self.batch_first:
            y = permute_dims(y, (1, 0, 2))
        return y, (final if len(final) > 1 else final[0])

    def _run(
        self, rows: Tensor, states: list[State], live: Tensor | None, time: int
    ) -> tuple[Tensor, list[State]]:
        """All layers, on the sequences as rows: outputs, and the state of each direction."""
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs: list[Tensor] = []
            for suffix in self._suffixes(layer):
                weight, bias_ih, bias_hh, past = self._weights(suffix)
                share = input_share(self.kind, rows, weight, bias_ih, bias_hh)
                state = states[len(last)]
                y, state = unroll(
                    self.kind, share, state, past, time=time, live=live, reverse=bool(outputs)
                )
                outputs.append(y)
                last.append(state)
            rows = concatenate(*outputs, axis=-1) if len(outputs) > 1 else outputs[0]
            if self.dropout and layer < self.num_layers - 1:
                rows = dropout(rows, self.dropout, self.training)
        return rows, last

    def _weights(self, suffix: str) -> tuple[Any, Any, Any, Past]:
        """Weights and biases of one layer in one direction; bias_hh is there or in the Past."""
        bias_ih, bias_hh, weight_hr = (
            getattr(self, name + suffix, None) for name in ("bias_ih", "bias_hh", "weight_hr")
        )
        past = Past(
            turned(getattr(self, "weight_hh" + suffix)),
            bias_hh if self.kind.is_bias_apart else None,
            None if weight_hr is None else turned(weight_hr),
        )
        return getattr(self, "weight_ih" + suffix), bias_ih, bias_hh, past

    # -- what it is given ------------------------------------------------------------------------

    def _axes(self) -> str:
        return "batch, time" if self.batch_first else "time, batch"

    def _checked(self, x: Tensor) -> Tensor:
        """The input, if its axes are those of sequences of this layer's features."""
        name, wanted = type(self).__name__, self.input_size
        if x.ndim not in {2, 3}:
            raise ShapeError(
                f"{name} expects ({self._axes()}, {wanted} features), or (time, {wanted} features) "
                f"for one sequence; got {x.shape}",
                fix="add the axis that is missing: rp.expand_dims(x, axis=...)",
            )
        if x.shape[-1] != wanted:
            axes = self._axes() if x.ndim == 3 else "time"
            raise ShapeError(
                f"{name} expects ({axes}, {wanted} features), got {x.shape}: "
                f"{x.shape[-1]} features",
                fix=_features_fix(name, wanted, self.hidden_size, x.shape),
            )
        if x.shape[self.batch_first and x.ndim == 3] == 0:
            raise ShapeError(f"{name}: the input {x.shape} has no time steps")
        return x

    def _states(self, hx: Any, time: int, batch: int, is_batched: bool, dtype: Any) -> list[State]:
        """The state before the first step, for each layer and direction; zeros if none is given."""
        count = self.num_layers * (1 + self.bidirectional)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: self.kind.states]
        if hx is None:
            zero = tuple(zeros((batch, size), dtype=dtype) for size in sizes)
            return [zero] * count
        given = (hx,) if self.kind.states == 1 else hx
        if not isinstance(given, tuple | list) or len(given) != self.kind.states:
            raise ArgumentError(
                f"{type(self).__name__}: the initial state is a pair (h_0, c_0), got {hx!r:.60}"
            )
        whole = []
        for name, size, part in zip(("h_0", "c_0"), sizes, given, strict=False):
            h = asarray(part)
            wanted = (count, batch, size) if is_batched else (count, size)
            if h.shape != wanted:
                self._refuse_state(name, h.shape, wanted, time)
            parts = split(reshape(h, (count * batch, size)), sizes=(batch,) * count, axis=0)
            whole.append(parts)
        return list(zip(*whole, strict=True))

    def _refuse_state(self, name: str, shape: Shape, wanted: Shape, time: int) -> None:
        sizes = (f"layers * directions {wanted[0]}", *(f"batch {n}" for n in wanted[1:-1]))
        turn = len(wanted) == 3 and shape == (wanted[0], time, wanted[2])
        raise ShapeError(
            f"{type(self).__name__}: {name} must be ({', '.join(sizes)}, features {wanted[-1]}), "
            f"it is {shape}",
            fix=self._turn(time) if turn else "batch stays on axis 1 here, also with batch_first",
        )

    def _live(self, lengths: Tensor, time: int, batch: int, is_batched: bool) -> Tensor:
        """Which rows of the padded input count."""
        if not is_batched:
            raise ArgumentError(
                f"{type(self).__name__}: lengths go with a batch of sequences, the input is one",
                fix="cut the sequence instead: x[:length]",
            )
        turn = lengths.shape == (time,) and time != batch
        return live_rows(lengths, time, batch, self._turn(time) if turn else None)

    def _turn(self, batch: int) -> str:
        flag = not self.batch_first
        order = "(batch, time, features)" if flag else "(time, batch, features)"
        return f"if the input is {order} with batch {batch}, make the layer with batch_first={flag}"


def _features_fix(name: str, wanted: int, hidden: int, shape: Shape) -> str:
    """What probably went wrong when the last axis has not the features of the layer."""
    if wanted in shape[:-1]:
        axes = [axis for axis in range(len(shape)) if axis != shape.index(wanted)]
        order = (*axes, shape.index(wanted))
        return f"features come last: rp.permute_dims(x, {order})"
    return f"make it nn.{name}({shape[-1]}, {hidden}), or give it {wanted} features"
