"""Signals and gradients through depth, before the first step."""

from __future__ import annotations

from retroprop import nn
from retroprop.health.checks.scale import initial_scale
from tests.health.checks.cases import case, mlp


def test_deep_sigmoids_shrink_both_ways():
    found = list(initial_scale(case(mlp(nn.Sigmoid, 10))))
    assert [finding.evidence["of"] for finding in found] == ["activations", "gradients"]
    assert all("shrink" in finding.what for finding in found)
    assert found[0].fixes[0] == {"activation": "relu", "init": "he"}


def test_thirty_layers_need_he():
    deep = mlp(nn.ReLU, 30)
    assert list(initial_scale(case(deep)))
    nn.init.auto_(deep)
    assert list(initial_scale(case(deep))) == []


def test_large_weights_grow():
    model = mlp(nn.ReLU, 8)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 1.0)
    (first, second) = initial_scale(case(model))
    assert "activations grow" in first.what
    assert "gradients grow" in second.what


def test_no_gradient_at_all():
    model = mlp(nn.ReLU, 6)
    for layer in model[:-1]:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.bias, -50.0)
    found = list(initial_scale(case(model)))
    assert found
    assert max(finding.weight for finding in found) >= 0.7


def test_shallow_networks_have_no_depth():
    assert list(initial_scale(case(mlp(nn.Sigmoid, 3)))) == []
