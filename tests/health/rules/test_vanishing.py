"""Vanishing gradients are found where they are, with their cause."""

from __future__ import annotations

import pytest

from retroprop import nn
from retroprop.health import History
from retroprop.health.rules.vanishing import vanishing_gradient
from tests.health.networks import deep, history, watched


@pytest.mark.parametrize(("activation", "kind"), [(nn.Sigmoid, "sigmoid"), (nn.Tanh, "tanh")])
def test_deep_bounded_networks_vanish(activation: type[nn.Module], kind: str) -> None:
    layers = 8 if kind == "sigmoid" else 24
    (finding,) = vanishing_gradient(watched(deep(activation, layers)).history)
    assert "shrinks" in finding.what
    assert finding.why.startswith(kind)
    assert 'activation="relu"' in finding.remedy


def test_deep_rectified_networks_vanish_by_their_weights() -> None:
    (finding,) = vanishing_gradient(watched(deep(nn.ReLU, 24)).history)
    assert "weights" in finding.why
    assert 'init="he"' in finding.remedy


def test_few_layers_do_not() -> None:
    assert list(vanishing_gradient(watched(deep(nn.Tanh, 5)).history)) == []


def steep(total: float, losses: list[float]) -> History:
    """Six layers, the first of which gets so much of the gradient."""
    made = history("layer", "gradient", [[total ** (2 * (5 - i) / 5) for i in range(6)]])
    made.losses = losses
    return made


def test_what_is_learnt_all_the_same_is_no_fault() -> None:
    falling = [0.97**i for i in range(60)]
    assert list(vanishing_gradient(steep(1e-4, falling))) == []
    assert len(list(vanishing_gradient(steep(1e-4, [1.0] * 60)))) == 1
    assert len(list(vanishing_gradient(steep(1e-7, falling)))) == 1
