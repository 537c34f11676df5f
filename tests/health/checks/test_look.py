"""A look sees the whole pass, and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.core import rng
from retroprop.errors import RetropropError
from retroprop.health.checks.look import look, loss_function, own_parameters
from tests.health.checks.cases import data, mlp


def tensors():
    x, y = data()
    return rp.asarray(x), rp.asarray(y)


def noisy():
    rp.manual_seed(0)
    layers = (nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    return nn.Sequential(*layers)


def test_it_leaves_no_trace():
    model = noisy()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    state = rng.default_generator().get_state()
    model[0].weight.grad = rp.ones((16, 8))
    seen = look(model, "cross_entropy", *tensors())
    assert seen.leftover == ("0.weight",)
    assert model[0].weight.grad.numpy().sum() == 16 * 8
    assert model[4].weight.grad is None
    np.testing.assert_array_equal(state, rng.default_generator().get_state())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_gradients_are_those_of_a_step():
    model, (x, y) = mlp(), tensors()
    seen = look(model, "cross_entropy", x, y)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    assert seen.loss == pytest.approx(loss.item(), rel=1e-6)
    for name, param in model.named_parameters():
        np.testing.assert_allclose(seen.gradients[name], param.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_calls_have_shapes_and_modes():
    model = noisy()
    model[3].eval()
    calls = {call.name: call for call in look(model, "cross_entropy", *tensors()).calls}
    assert calls["0"].given == (64, 8)
    assert calls["0"].made == (64, 16)
    assert calls["1"].training
    assert not calls["3"].training


def test_a_model_that_looks_at_numbers_is_run():
    class Looks(nn.Module):
        def __init__(self):
            self.line = nn.Linear(8, 3)

        def forward(self, x):
            return self.line(x) * (2.0 if x.numpy().sum() > 1e9 else 1.0)

    seen = look(Looks(), "cross_entropy", *tensors())
    assert seen.graph is None
    assert seen.error is None
    assert seen.outputs == (64, 3)


def test_what_stops_a_pass_is_kept():
    seen = look(nn.Linear(7, 3), "cross_entropy", *tensors())
    assert seen.loss is None
    assert "7" in str(seen.error)


def test_the_feed_is_what_the_first_layer_reads():
    x, y = tensors()
    seen = look(mlp(), "cross_entropy", x * 3.0, y)
    np.testing.assert_allclose(seen.feed.deviation, 3 * data()[0].std(axis=0), rtol=1e-5)
    normed = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert look(normed, "cross_entropy", x, y).feed is None


def test_losses_and_parameters():
    assert loss_function("cross_entropy") is nn.functional.cross_entropy
    with pytest.raises(RetropropError, match="no loss"):
        loss_function("mean_of_nothing")
    assert len(own_parameters(nn.Linear(2, 2))) == 2
