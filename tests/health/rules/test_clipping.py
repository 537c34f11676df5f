"""Clipping that shortens every gradient."""

from __future__ import annotations

from retroprop.health.rules.clipping import always_clipping
from tests.health.rules.trainings import dense, fitted, healthy


def test_a_tiny_bound_is_found() -> None:
    (finding,) = always_clipping(fitted(dense, optimizer="sgd", lr=0.1, clip_grad_norm=1e-3))
    assert finding.what.startswith("100% of the last 100 gradients")
    assert finding.fixes[0]["clip_grad_norm"] > 0.5
    assert finding.weight == 0.4


def test_it_weighs_less_where_steps_are_scaled_anyway() -> None:
    (finding,) = always_clipping(fitted(dense, clip_grad_norm=1e-3))
    assert "adam" in finding.why
    assert finding.weight == 0.2


def test_a_bound_that_is_met_now_and_then_is_as_it_should_be() -> None:
    assert list(always_clipping(healthy("clipped"))) == []
    assert list(always_clipping(healthy("dense"))) == []
