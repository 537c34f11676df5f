"""Back through time beside PyTorch, eager and compiled: batches that carry a state on, sequences of
different lengths, a thousand steps, second derivatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn

torch = pytest.importorskip("torch")
# PyTorch tells that it has no fast way for projections.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

TIME, BATCH, FEATURES, HIDDEN = 4, 3, 2, 5
KINDS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 3}),
]


def pair(name: str, layers: int = 1, **options: Any) -> tuple[Any, Any]:
    """A layer and PyTorch's, with the same numbers in double precision."""
    theirs = getattr(torch.nn, name)(FEATURES, HIDDEN, layers, dtype=torch.float64, **options)
    ours = getattr(nn, name)(FEATURES, HIDDEN, layers, dtype="float64", **options)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape)


def states(layer: Any) -> list[Any]:
    """Numbers to begin with: h_0, and c_0 for an LSTM."""
    count = layer.num_layers * (1 + layer.bidirectional)
    sizes = [layer.proj_size or layer.hidden_size, layer.hidden_size][: layer.kind.states]
    return [normal(count, BATCH, size) for size in sizes]


def packed(state: Any) -> Any:
    return tuple(state) if len(state) > 1 else state[0]


def several(state: Any) -> list[Any]:
    return list(state) if isinstance(state, tuple) else [state]


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            one.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-11
        )


def truncated(model: Any, x: Any, state: Any) -> tuple[Any, Any, Any]:
    """One batch, in either library: outputs, the state for the next one, gradients."""
    model.zero_grad()
    y, last = model(x, packed(state))
    (y * y).sum().backward()
    return y, [part.detach() for part in several(last)], [p.grad for p in model.parameters()]


@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_a_state_goes_from_batch_to_batch_and_no_gradient_back(name: str, options: Any) -> None:
    ours, theirs = pair(name, 2, **options)
    x, start = normal(3 * TIME, BATCH, FEATURES), states(ours)
    expected, state = [], [torch.tensor(part) for part in start]
    for number in range(3):
        part = torch.tensor(x[number * TIME : (number + 1) * TIME])
        y, state, gradients = truncated(theirs, part, state)
        expected.append([y, *state, *gradients])
    compiled = rp.compile(lambda x, state: truncated(ours, x, state), strict=True)
    for step in (lambda x, state: truncated(ours, x, state), compiled):
        state, outputs = [rp.asarray(part) for part in start], []
        for number in range(3):
            part = x[number * TIME : (number + 1) * TIME]
            y, state, gradients = step(rp.asarray(part), state)
            close([y, *state, *gradients], expected[number])
            outputs.append(y.detach().numpy())
        whole, last = ours(rp.asarray(x), packed([rp.asarray(part) for part in start]))
        np.testing.assert_allclose(np.concatenate(outputs), whole.detach().numpy(), rtol=1e-11)
        close(state, several(last))
    assert [len(made) for made in compiled.programs.values()] == [1]


def all_of(model: Any, x: Any, state: Any, lengths: Any) -> list[Any]:
    """Outputs, last states, and the gradients of all there is, in either library."""
    model.zero_grad()
    x, *state = given = [one.detach().requires_grad_() for one in (x, *state)]
    y, last = read(model, x, packed(state), lengths)
    ((y * y).sum() + sum((part**3).sum() for part in last)).backward()
    return [y, *last, *(one.grad for one in given), *(p.grad for p in model.parameters())]


def read(model: Any, x: Any, state: Any, lengths: Any) -> tuple[Any, list[Any]]:
    """Outputs and last states; in PyTorch lengths are told by packing."""
    if isinstance(model, nn.Module):
        y, last = model(x, state, lengths=lengths)
    else:
        rnn = torch.nn.utils.rnn
        y, last = model(rnn.pack_padded_sequence(x, lengths, enforce_sorted=False), state)
        y, _ = rnn.pad_packed_sequence(y, total_length=TIME)
    return y, several(last)


@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_one_program_reads_sequences_of_all_lengths(name: str, options: Any) -> None:
    ours, theirs = pair(name, bidirectional=True, **options)
    x, state = normal(TIME, BATCH, FEATURES), states(ours)
    compiled = rp.compile(lambda *given: all_of(ours, *given), strict=True)
    for lengths in ([2, 4, 1], [3, 1, 4], [4, 4, 4]):
        expected = all_of(theirs, torch.tensor(x), map(torch.tensor, state), lengths)
        given = rp.asarray(x), [rp.asarray(part) for part in state], rp.asarray(lengths)
        close(compiled(*given), expected)
    assert [len(made) for made in compiled.programs.values()] == [1]


def make_it_remember(layer: Any) -> None:
    """Weights of a PyTorch layer with which a gradient comes through a long time."""
    with torch.no_grad():
        if isinstance(layer, torch.nn.RNN):
            layer.weight_hh_l0.copy_(torch.eye(HIDDEN))
            layer.bias_ih_l0.copy_((layer.nonlinearity == "relu") / 100 - layer.bias_hh_l0)
        else:  # the gate that keeps what there is stays open
            layer.bias_hh_l0[HIDDEN : 2 * HIDDEN] += 8


@pytest.mark.parametrize(("name", "options"), [*KINDS[:2], KINDS[3]], ids=str)
def test_a_gradient_through_a_thousand_steps(name: str, options: Any) -> None:
    ours, theirs = pair(name, **options)
    make_it_remember(theirs)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    x = normal(1000, 2, FEATURES) / 100

    def run(model: Any, x: Any) -> list[Any]:
        model.zero_grad()
        x = x.detach().requires_grad_()
        _, last = model(x)
        sum((part * part).sum() for part in several(last)).backward()
        return [x.grad, *(p.grad for p in model.parameters())]

    expected = run(theirs, torch.tensor(x))
    assert abs(expected[0][0].numpy()).max() > 1e-4  # from the first step
    close(run(ours, rp.asarray(x)), expected)
    close(rp.compile(lambda x: run(ours, x), strict=True, threads=1)(rp.asarray(x)), expected)


@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_second_derivatives(name: str, options: Any) -> None:
    """Of the norm of a gradient, in the inputs and in all parameters."""
    ours, theirs = pair(name, **options)
    x, start, lengths = normal(TIME, BATCH, FEATURES), states(ours), [2, 4, 1]

    def loss(model: Any, x: Any, state: Any) -> Any:
        y, last = read(model, x, packed(state), lengths)
        return (y * y).sum() + sum((part**3).sum() for part in last)

    def run(x: Any, *state: Any) -> list[Any]:
        ours.zero_grad()
        x = x.detach().requires_grad_()
        slope = rp.grad(lambda x: loss(ours, x, state))(x)
        (slope * slope).sum().backward()
        return [x.grad, *(p.grad for p in ours.parameters())]

    leaf = torch.tensor(x, requires_grad=True)
    value = loss(theirs, leaf, [torch.tensor(part) for part in start])
    (slope,) = torch.autograd.grad(value, leaf, create_graph=True)
    (slope * slope).sum().backward()
    expected = [leaf.grad, *(p.grad for p in theirs.parameters())]
    given = [rp.asarray(x), *(rp.asarray(part) for part in start)]
    close(run(*given), expected)
    close(rp.compile(run, strict=True)(*given), expected)
