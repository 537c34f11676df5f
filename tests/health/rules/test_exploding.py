"""Exploding gradients are found where they are."""

from __future__ import annotations

import retroprop as rp
from retroprop import nn
from retroprop.health.rules.exploding import exploding_gradient
from tests.health.networks import deep, watched


def test_weights_that_are_too_large_explode() -> None:
    model = deep(nn.ReLU, 12)
    with rp.no_grad():
        for param in model.parameters():
            param.assign(param * 8)
    (finding,) = exploding_gradient(watched(model, steps=1).history)
    assert "grows" in finding.what
    assert "clip_grad_norm=1.0" in finding.remedy


def test_others_do_not() -> None:
    assert list(exploding_gradient(watched(deep(nn.ReLU, 12)).history)) == []
