"""Networks from descriptions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.tasks import networks
from retroprop.tasks.options import resolve
from retroprop.tasks.table import Table


def describe(kind, shape, outputs, **overrides):
    data = SimpleNamespace(kind=kind, y_train=range(100))
    return networks.describe(resolve(Table, data, overrides), shape, outputs)


@pytest.mark.parametrize("size", [3, 8, 28])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_cnn_for_any_size_of_image(size, batch_norm):
    spec = describe("images", (3, size, size), 7, channels=[4, 8, 8], batch_norm=batch_norm)
    assert networks.build(spec)(rp.zeros((2, 3, size, size))).shape == (2, 7)


@pytest.mark.parametrize("activation", networks.ACTIVATIONS)
def test_an_mlp_with_any_activation(activation):
    spec = describe("table", (5,), 1, hidden=[4, 3], activation=activation)
    assert networks.build(spec)(rp.zeros((2, 5))).shape == (2, 1)


@pytest.mark.parametrize(("init", "deviation"), [("he", (2 / 100) ** 0.5), ("glorot", 0.1)])
def test_initial_weights(init, deviation):
    spec = describe("table", (100,), 2, hidden=[100], activation="relu", init=init)
    first = networks.build(spec)[0]
    assert first.weight.numpy().std() == pytest.approx(deviation, rel=0.05)
    assert not first.bias.numpy().any()
    described = {key: value for key, value in spec.items() if key != "init"}
    assert networks.build(described)[0].bias.numpy().any()  # as runs before there was a choice


def test_mistakes_are_explained():
    with pytest.raises(ArgumentError, match="init"):
        describe("table", (5,), 1, init="xavier")
    with pytest.raises(ArgumentError, match="did you mean 'relu'"):
        describe("table", (5,), 1, activation="rellu")
    with pytest.raises(ArgumentError, match="mlp"):
        describe("table", (5,), 1, model="mpl")
    with pytest.raises(ArgumentError, match="too large"):
        networks.build(describe("table", (5,), 1, hidden=[60_000, 60_000]))
    with pytest.raises(ArgumentError, match="needs images"):
        describe("table", (5,), 1, model="cnn")
