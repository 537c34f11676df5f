"""Networks from descriptions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import retroprop as rp
from retroprop.errors import ArgumentError
from retroprop.tasks import networks
from retroprop.tasks.options import resolve
from retroprop.tasks.table import Table


def describe(shape, outputs, **overrides):
    data = SimpleNamespace(kind="table", y_train=range(100))
    return networks.describe(resolve(Table, data, overrides), shape, outputs)


@pytest.mark.parametrize("activation", networks.ACTIVATIONS)
def test_an_mlp_with_any_activation(activation):
    spec = describe((5,), 1, hidden=[4, 3], activation=activation)
    assert networks.build(spec)(rp.zeros((2, 5))).shape == (2, 1)


@pytest.mark.parametrize(("init", "deviation"), [("he", (2 / 100) ** 0.5), ("glorot", 0.1)])
def test_initial_weights(init, deviation):
    spec = describe((100,), 2, hidden=[100], activation="relu", init=init)
    first = networks.build(spec)[0]
    assert first.weight.numpy().std() == pytest.approx(deviation, rel=0.05)
    assert not first.bias.numpy().any()
    described = {key: value for key, value in spec.items() if key != "init"}
    assert networks.build(described)[0].bias.numpy().any()  # as runs before there was a choice


def test_rows_of_several_axes_are_made_flat():
    assert networks.build(describe((3, 4, 5), 2, hidden=[4]))(rp.zeros((6, 3, 4, 5))).shape == (
        6,
        2,
    )


def test_mistakes_are_explained():
    with pytest.raises(ArgumentError, match="init"):
        describe((5,), 1, init="xavier")
    with pytest.raises(ArgumentError, match="did you mean 'relu'"):
        describe((5,), 1, activation="rellu")
    with pytest.raises(ArgumentError, match="mlp"):
        describe((5,), 1, model="mpl")
    with pytest.raises(ArgumentError, match="too large"):
        networks.build(describe((5,), 1, hidden=[60_000, 60_000]))
    with pytest.raises(ArgumentError, match="needs images"):
        describe((5,), 1, model="cnn")
