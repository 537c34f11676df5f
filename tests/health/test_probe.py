"""What a probe sees of a pass, eager and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.health import Probe
from tests.health.networks import batch, deep

BOTH = pytest.mark.parametrize("around", [lambda f: f, rp.compile], ids=["eager", "compiled"])


def probed(model: nn.Module, x: rp.Tensor, around: Any = lambda f: f) -> dict[Any, Any]:
    """The statistics of the gradient of the mean square of a model's output."""

    def run(x: rp.Tensor) -> Any:
        with Probe(model) as probe:
            (model(x) ** 2).mean().backward()
        probe.parameters()
        model.zero_grad()
        return probe.values

    return {key: value.numpy() for key, value in around(run)(x).items()}


@BOTH
def test_statistics_are_what_they_are_called(around: Any) -> None:
    model = nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with rp.no_grad():
        model[2].bias.assign(rp.asarray([-99.0, 0.0, 0.0, 0.0]))
        model[0].weight.assign(model[0].weight * 8)
    x, _ = batch()
    seen = probed(model, x, around)
    first = model[0](x)
    tanh = np.tanh(first.detach().numpy())
    relu = np.maximum(model[2](rp.asarray(tanh)).detach().numpy(), 0)
    expected = {
        ("activation", "0"): (first.detach().numpy() ** 2).mean(),
        ("spread", "0"): first.detach().numpy().var(axis=0).mean(),
        ("saturated", "1:tanh"): (np.abs(tanh) > 0.95).mean(),
        ("zero", "3:relu"): (relu == 0).mean(),
        ("dead", "3:relu"): 0.25,
        ("weight", "4.weight"): (model[4].weight.detach().numpy() ** 2).mean(),
        ("still", "2.weight"): 0.25,  # the dead unit's row
    }
    for key, value in expected.items():
        np.testing.assert_allclose(seen[key], value, rtol=1e-5, err_msg=str(key))
    hidden = first.detach().requires_grad_()
    (model[4](model[3](model[2](model[1](hidden)))) ** 2).mean().backward()
    np.testing.assert_allclose(seen["gradient", "0"], (hidden.grad.numpy() ** 2).mean(), rtol=1e-5)


@BOTH
def test_a_sequence_shows_its_gradient_step_by_step(around: Any) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.layer = nn.Embedding(5, 3), nn.GRU(3, 4, batch_first=True)

        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return self.layer(self.table(x))[0][:, -1]

    seen = probed(Reader(), rp.asarray(np.arange(12).reshape(2, 6) % 5), around)
    steps = seen["by step", "layer:input"]
    assert steps.shape == (6,)
    assert steps[-1] > steps[0] > 0
    assert seen["still", "table.weight"] == 0


def test_layers_come_in_the_order_of_the_pass() -> None:
    model = deep(nn.Sigmoid, layers=3)
    with Probe(model) as probe:
        model(batch()[0])
    names = [site.name for site in probe.sites]
    assert names == ["0", "1:sigmoid", "2", "3:sigmoid", "4"]
    assert [site.units for site in probe.sites] == [32, 32, 32, 32, 3]


def test_a_layer_that_is_called_twice_is_one_place() -> None:
    layer = nn.Linear(4, 4)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return rp.tanh(self.layer(rp.tanh(self.layer(x))))

    with Probe(Twice()) as probe:
        Twice()(rp.ones((2, 4)))
    with Probe(model := Twice()) as probe:
        model(rp.ones((2, 4)))
    assert [site.name for site in probe.sites] == ["layer", ":tanh", ":tanh 2"]


def test_it_leaves_no_hooks_behind() -> None:
    model = deep(nn.ReLU, layers=3)
    with Probe(model) as probe:
        pass
    model(batch()[0])
    assert probe.sites == []


@BOTH
def test_predictions_are_counted_by_class(around: Any) -> None:
    model, (x, _) = deep(nn.ReLU, layers=3), batch()
    expected = np.bincount(model(x).numpy().argmax(1), minlength=3) / 64
    np.testing.assert_allclose(probed(model, x, around)["predicted", ""], expected, rtol=1e-6)


def test_one_output_is_two_classes() -> None:
    x, _ = batch()
    model = nn.Sequential(nn.Linear(8, 1))
    positive = (model(x).numpy() > 0).mean()
    for made in (model, nn.Sequential(*model, nn.Sigmoid())):
        shares = probed(made, x)["predicted", ""]
        np.testing.assert_allclose(shares, [1 - positive, positive], rtol=1e-6)


@BOTH
def test_rows_that_are_looked_up_are_known(around: Any) -> None:
    model = nn.Sequential(nn.Embedding(6, 3), nn.Flatten(), nn.Linear(6, 2))
    seen = probed(model, rp.asarray([[1, 4], [4, 1]]), around)
    assert seen["rows", "0.weight"].tolist() == [0, 1, 0, 0, 1, 0]


@BOTH
def test_units_that_are_silent_are_known_one_by_one(around: Any) -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    with rp.no_grad():
        model[0].bias.assign(rp.asarray([-99.0, 0.0, -99.0, 0.0]))
    assert probed(model, batch()[0], around)["silent", "1:relu"].tolist() == [1, 0, 1, 0]


@BOTH
def test_steps_of_data_have_gradients_too(around: Any) -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.RNN(2, 4, batch_first=True)

        def forward(self, x: rp.Tensor) -> rp.Tensor:
            return self.cell(x)[0][:, -1]

    data = rp.asarray(np.random.default_rng(0).standard_normal((3, 7, 2)).astype("f4"))
    steps = probed(Last(), data, around)["by step", "cell:input"]
    assert steps.shape == (7,)
    assert steps[-1] > steps[0] > 0
    assert not data.requires_grad


def test_sites_tell_places_and_inputs() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 2))
    with Probe(model) as probe:
        model(rp.ones((2, 1, 6, 6)))
    probe.parameters()
    sites = {site.name: site for site in probe.sites}
    assert (sites["0"].units, sites["0"].places) == (3, 16)
    assert (sites["3"].units, sites["3"].places) == (2, 1)
    assert (sites["0.weight"].fan, sites["0.bias"].fan, sites["3.weight"].fan) == (9, 0, 48)


def test_steps_of_cells_are_no_sites_of_their_own() -> None:
    model = nn.LSTM(2, 3)
    with Probe(model) as probe:
        model(rp.ones((30, 2, 2)))
    assert [site.kind for site in probe.sites] == ["input", "layer"]
