"""Recurrent layers against PyTorch: outputs, states, gradients of inputs, states and parameters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from retroprop import nn
from tests.nn.parity import agree

torch = pytest.importorskip("torch")
# PyTorch tells that it has no fast way for projections.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

TIME, BATCH, FEATURES, HIDDEN = 4, 3, 2, 5
LENGTHS = [2, 4, 1]


class Ours(nn.Module):
    """A layer whose initial states are arguments of their own."""

    def __init__(self, inner: nn.Module) -> None:
        self.inner = inner

    def forward(self, x: Any, *state: Any, lengths: Any = None) -> Any:
        return self.inner(x, packed(state), lengths=lengths)


class Theirs(torch.nn.Module):  # type: ignore[misc]
    """The same in PyTorch, where lengths are told by packing."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any, *state: Any, lengths: Any = None) -> Any:
        if lengths is None:
            return self.inner(x, packed(state))
        first = self.inner.batch_first
        rows = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, first, enforce_sorted=False)
        y, last = self.inner(rows, packed(state))
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, first, total_length=TIME)
        return y, last


def packed(state: tuple[Any, ...]) -> Any:
    return state if len(state) > 1 else (state[0] if state else None)


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def pair(name: str, *arguments: Any, **options: Any) -> tuple[Any, Any]:
    ours = getattr(nn, name)(*arguments, **options)
    return Ours(ours), Theirs(getattr(torch.nn, name)(*arguments, **options))


def states(layer: Any, batch: tuple[int, ...] = (BATCH,)) -> list[Any]:
    """Initial states of a layer: h_0, and c_0 for an LSTM."""
    inner = layer.inner
    count = inner.num_layers * (1 + inner.bidirectional)
    sizes = [inner.proj_size or inner.hidden_size, inner.hidden_size][: inner.kind.states]
    return [normal(count, *batch, size) for size in sizes]


KINDS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 3}),
]
GRID = list(itertools.product([1, 2], [True, False], [True, False], [True, False]))


@pytest.mark.parametrize(("layers", "bias", "batch_first", "bidirectional"), GRID)
@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_options(
    name: str, options: Any, layers: int, bias: bool, batch_first: bool, bidirectional: bool
) -> None:
    layer, reference = pair(
        name, FEATURES, HIDDEN, layers, bias=bias, batch_first=batch_first,
        bidirectional=bidirectional, **options,
    )  # fmt: skip
    x = normal(TIME, BATCH, FEATURES)
    agree(torch, layer, reference, [x.swapaxes(0, 1) if batch_first else x, *states(layer)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_without_initial_state(name: str, options: Any, bidirectional: bool, dtype: str) -> None:
    layer, reference = pair(name, FEATURES, HIDDEN, 2, bidirectional=bidirectional, **options)
    agree(torch, layer, reference, [normal(TIME, BATCH, FEATURES)], dtype=dtype)


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_one_sequence_without_batch(
    name: str, options: Any, batch_first: bool, with_state: bool
) -> None:
    layer, reference = pair(
        name, FEATURES, HIDDEN, 2, batch_first=batch_first, bidirectional=True, **options
    )
    given = states(layer, ()) if with_state else []
    agree(torch, layer, reference, [normal(TIME, FEATURES), *given])


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_lengths_are_those_of_packed_sequences(
    name: str, options: Any, bidirectional: bool, batch_first: bool, with_state: bool
) -> None:
    layer, reference = pair(
        name, FEATURES, HIDDEN, 2, batch_first=batch_first, bidirectional=bidirectional, **options
    )
    x = normal(TIME, BATCH, FEATURES)
    x = x.swapaxes(0, 1) if batch_first else x
    given = states(layer) if with_state else []
    agree(torch, layer, reference, [x, *given], lengths=LENGTHS)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_long_sequence_in_single_precision(name: str) -> None:
    layer, reference = pair(name, FEATURES, HIDDEN)
    agree(torch, layer, reference, [normal(60, BATCH, FEATURES)], dtype="float32")


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_parameters_start_in_the_same_range(name: str) -> None:
    layer, reference = pair(name, 64, 100, 2, bidirectional=True)
    ours = dict(layer.named_parameters())
    for key, value in reference.named_parameters():
        numbers = ours[key].detach().numpy()
        assert abs(numbers).max() <= 0.1
        if numbers.ndim > 1:
            assert numbers.std() == pytest.approx(value.detach().numpy().std(), rel=0.05)
