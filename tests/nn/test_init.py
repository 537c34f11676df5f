"""Initialisers by name, and `auto_`, which chooses by what follows each layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.errors import ArgumentError, DTypeError
from retroprop.nn import init
from retroprop.nn.attention import MultiheadAttention
from retroprop.nn.recurrent import GRU, LSTM


def deviation(weight: Any) -> float:
    return float(weight.detach().numpy().std())


def bound(weight: Any) -> float:
    return float(np.abs(weight.detach().numpy()).max())


HE = math.sqrt(2 / 500)
LECUN = math.sqrt(1 / 500)
XAVIER = math.sqrt(6 / (500 + 400)) / math.sqrt(3)


@pytest.mark.parametrize("name", ["he_normal", "he_normal_", "kaiming_normal_", "glorot_uniform"])
def test_by_name(name: str) -> None:
    assert init.get(name)(rp.zeros((3, 4))).shape == (3, 4)


def test_by_name_or_function() -> None:
    assert init.get(init.zeros_) is init.zeros_
    assert init.get("auto") is init.auto_
    with pytest.raises(ArgumentError, match="unknown initialiser 'he_nromal'; did you mean 'he_"):
        init.get("he_nromal")
    with pytest.raises(ArgumentError, match="unknown initialiser 'calculate_gain'"):
        init.get("calculate_gain")


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.ReLU(), HE),
        (nn.GELU(), HE),
        (nn.LeakyReLU(1.0), math.sqrt(1 / 500)),
        (nn.SELU(), LECUN),
        (nn.Tanh(), XAVIER),
        (nn.Sigmoid(), XAVIER),
    ],
)
def test_the_activation_that_follows_decides(activation: Any, expected: float) -> None:
    model = nn.Sequential(nn.Linear(500, 400), activation, nn.Linear(400, 2))
    assert init.auto_(model) is model
    assert deviation(model[0].weight) == pytest.approx(expected, rel=0.02)
    assert not model[0].bias.detach().numpy().any()
    assert bound(model[2].weight) <= math.sqrt(6 / 402)


def test_norms_and_dropout_are_looked_past_and_left_alone() -> None:
    class Shift(nn.Module):
        """Stands for a norm: one-dimensional parameters, no activation."""

        def __init__(self) -> None:
            self.weight = nn.Parameter([1.0] * 400)
            self.bias = nn.Parameter([0.5] * 400)

        def forward(self, x: Any) -> Any:
            return x * self.weight + self.bias

    shift = Shift()
    model = nn.Sequential(
        nn.Sequential(nn.Linear(500, 400), shift), nn.Identity(), nn.ReLU(), nn.Linear(400, 1)
    )
    init.auto_(model)
    assert deviation(model[0][0].weight) == pytest.approx(HE, rel=0.02)
    assert shift.weight.tolist() == [1.0] * 400
    assert shift.bias.tolist() == [0.5] * 400


def test_two_layers_without_activation_between_them() -> None:
    model = nn.Sequential(nn.Linear(500, 400), nn.Linear(400, 100), nn.ReLU())
    init.auto_(model)
    assert deviation(model[0].weight) == pytest.approx(XAVIER, rel=0.02)
    assert deviation(model[1].weight) == pytest.approx(math.sqrt(2 / 400), rel=0.02)


class Hidden(nn.Module):
    """A module whose `forward` nobody can see."""

    def __init__(self, activation: Any) -> None:
        self.first = nn.Linear(500, 400)
        self.act = activation

    def forward(self, x: Any) -> Any:
        return self.act(self.first(x))


def test_where_nobody_can_see_the_model_is_asked_then_the_user() -> None:
    assert deviation(init.auto_(Hidden(nn.Tanh())).first.weight) == pytest.approx(XAVIER, rel=0.02)
    assert deviation(init.auto_(Hidden(nn.SELU())).first.weight) == pytest.approx(LECUN, rel=0.02)
    given = init.auto_(Hidden(nn.Tanh()), "relu")
    assert deviation(given.first.weight) == pytest.approx(HE, rel=0.02)
    given = init.auto_(Hidden(nn.Tanh()), nn.SELU())
    assert deviation(given.first.weight) == pytest.approx(LECUN, rel=0.02)
    inside = nn.Sequential(Hidden(nn.SELU()), nn.Linear(400, 10))
    assert deviation(init.auto_(inside)[0].first.weight) == pytest.approx(LECUN, rel=0.02)


def test_a_single_layer() -> None:
    assert deviation(init.auto_(nn.Linear(500, 400)).weight) == pytest.approx(XAVIER, rel=0.02)
    layer = init.auto_(nn.Linear(500, 400), "relu")
    assert deviation(layer.weight) == pytest.approx(HE, rel=0.02)


def test_convolutions_count_their_window() -> None:
    conv = nn.Conv2d(20, 50, 5)
    init.auto_(nn.Sequential(conv, nn.ReLU()))
    assert deviation(conv.weight) == pytest.approx(math.sqrt(2 / 500), rel=0.03)
    back = nn.ConvTranspose2d(20, 50, 5)
    init.auto_(nn.Sequential(back, nn.ReLU()))
    assert deviation(back.weight) == pytest.approx(math.sqrt(2 / 500), rel=0.03)


def test_recurrent_weights_are_orthogonal_gate_by_gate() -> None:
    lstm = init.auto_(LSTM(7, 6, num_layers=2))
    for name, value in lstm.named_parameters():
        numbers = value.detach().numpy()
        if name.startswith("weight_hh"):
            for gate in numbers.reshape(4, 6, 6):
                np.testing.assert_allclose(gate @ gate.T, np.eye(6), atol=1e-5)
        elif name.startswith("bias_ih"):
            np.testing.assert_array_equal(numbers.reshape(4, 6), np.eye(4)[1][:, None] * np.ones(6))
        elif name.startswith("bias_hh"):
            assert not numbers.any()
        else:
            assert bound(value) <= math.sqrt(6 / (numbers.shape[1] + 6))
    gru = init.auto_(GRU(7, 6))
    assert not gru.bias_ih_l0.detach().numpy().any()


def test_projections_of_attention_are_linear() -> None:
    attention = init.auto_(MultiheadAttention(64, 4), "relu")
    assert bound(attention.in_proj_weight) <= math.sqrt(6 / (64 + 3 * 64))
    assert bound(attention.out_proj.weight) <= math.sqrt(6 / (64 + 64))
    assert not attention.in_proj_bias.detach().numpy().any()


def test_embeddings_are_small_and_their_padding_zero() -> None:
    table = init.auto_(nn.Embedding(300, 40, padding_idx=3))
    rows = table.weight.detach().numpy()
    assert not rows[3].any()
    assert rows.std() == pytest.approx(0.02, rel=0.05)
    assert table.weight.requires_grad


def test_the_generator_decides_all_of_it() -> None:
    weights = []
    for seed in (1, 1, 2):
        model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
        init.auto_(model, generator=rp.random.Generator(seed))
        weights.append([p.tolist() for p in model.parameters()])
    assert weights[0] == weights[1] != weights[2]


def test_misuse_is_explained() -> None:
    with pytest.raises(DTypeError, match="auto_ starts a module, got Tensor"):
        init.auto_(rp.zeros((2, 2)))  # type: ignore[type-var]
    with pytest.raises(ArgumentError, match="unknown activation 'geluu'; did you mean 'gelu'"):
        init.auto_(nn.Linear(2, 2), "geluu")


def test_the_projection_of_an_lstm_has_no_gates() -> None:
    layer = init.auto_(LSTM(3, 6, proj_size=4))
    for gate in np.split(layer.weight_hh_l0.detach().numpy(), 4):
        np.testing.assert_allclose(gate.T @ gate, np.eye(4), atol=1e-5)
    assert layer.bias_ih_l0.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
    assert abs(layer.weight_hr_l0.detach().numpy()).max() <= (6 / (4 + 6)) ** 0.5
