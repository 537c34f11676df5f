"""RNN, LSTM, GRU: what is theirs alone; what they share is in test_stacked.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.RNN(2, 3), "RNN(input_size=2, hidden_size=3)"),
        (
            nn.RNN(2, 3, nonlinearity="relu"),
            "RNN(input_size=2, hidden_size=3, nonlinearity='relu')",
        ),
        (nn.GRU(2, 3, 2, False), "GRU(input_size=2, hidden_size=3, num_layers=2, bias=False)"),
        (
            nn.LSTM(2, 3, 2, proj_size=1, dtype="float64"),
            "LSTM(input_size=2, hidden_size=3, num_layers=2, proj_size=1, dtype='float64')",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_repr_reads_as_the_call(layer: Any, text: str) -> None:
    assert repr(layer) == text
    assert repr(eval(f"nn.{text}")) == text


def test_the_nonlinearity_is_one_that_there_is() -> None:
    with pytest.raises(ArgumentError, match="unknown nonlinearity 'tan'; did you mean 'tanh'"):
        nn.RNN(2, 3, nonlinearity="tan")


def test_relu_in_place_of_tanh() -> None:
    y, _ = nn.RNN(2, 3, nonlinearity="relu")(rp.asarray(normal(4, 2) * 100))
    assert y.numpy().min() == 0
    assert y.numpy().max() > 1


def test_the_projection_of_an_lstm() -> None:
    layer = nn.LSTM(2, 5, 2, proj_size=3, bidirectional=True)
    y, (h, c) = layer(rp.zeros((4, 2, 2)))
    assert (y.shape, h.shape, c.shape) == ((4, 2, 6), (4, 2, 3), (4, 2, 5))
    assert layer.weight_hr_l1_reverse.shape == (3, 5)
    assert layer.weight_ih_l1.shape == (20, 6)
    for wrong in (5, 6, -1):
        with pytest.raises(ArgumentError, match="proj_size must be below hidden_size 5"):
            nn.LSTM(2, 5, proj_size=wrong)


@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_by_finite_differences(layer: Any) -> None:
    made = layer(2, 2, 2, bidirectional=True, batch_first=True, dtype="float64")

    def run(x: Any) -> Any:
        y, state = made(x, lengths=[2, 3])
        last = state if isinstance(state, tuple) else (state,)
        return rp.concat([rp.flatten(y), *(rp.flatten(part) for part in last)])

    assert rp.gradcheck(run, [normal(2, 3, 2)])


@pytest.mark.parametrize("layer", LAYERS)
def test_parameter_gradients_by_finite_differences(layer: Any) -> None:
    made = layer(2, 2, dtype="float64")
    x = rp.asarray(normal(3, 2, 2))
    for name, value in list(made.named_parameters()):

        def run(weight: Any, name: str = name) -> Any:
            setattr(made, name, weight)
            return made(x)[0]

        assert rp.gradcheck(run, [value.numpy().copy()], order=1), name
        setattr(made, name, value)


@pytest.mark.parametrize("layer", LAYERS)
def test_parameters_start_uniform_in_the_range_of_the_hidden_size(layer: Any) -> None:
    for name, value in layer(3, 25, 2, bidirectional=True).named_parameters():
        numbers = value.detach().numpy()
        assert abs(numbers).max() <= 0.2, name
        assert abs(numbers).max() > 0.15, name


@pytest.mark.parametrize("layer", LAYERS)
def test_an_order_is_learned(layer: Any) -> None:
    """Which of two marks came first: what no layer without memory can tell."""
    rng = np.random.default_rng(0)
    x = np.zeros((64, 6, 2), "float32")
    marks = np.array([rng.permutation(6)[:2] for _ in range(64)])
    x[np.arange(64), marks[:, 0], 0] = 1
    x[np.arange(64), marks[:, 1], 1] = 1
    target = (marks[:, 0] < marks[:, 1]).astype("float32")
    rp.manual_seed(0)
    made, head = layer(2, 8, batch_first=True), nn.Linear(8, 1)
    optimizer = rp.optim.Adam([*made.parameters(), *head.parameters()], lr=0.05)
    for _ in range(60):
        score = head(made(rp.asarray(x))[0][:, -1])[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(score, rp.asarray(target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ((score.detach().numpy() > 0) == (target > 0)).mean() > 0.95
