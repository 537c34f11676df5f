"""Gradients through the steps of a sequence, on recurrent networks that cannot learn."""

from __future__ import annotations

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.health import History, Site
from retroprop.health.rules.time import exploding_in_time, vanishing_in_time
from tests.health.rules.trainings import Reader, fitted, healthy, scaled, sequences


def recurrent(gain: float, **options: str) -> nn.Module:
    """A plain recurrent network whose recurrent weights are orthogonal, times a gain."""
    model = Reader(nn.RNN(1, 16, batch_first=True, **options))
    nn.init.orthogonal_(model.cell.weight_hh_l0, gain=gain)
    return model


def test_a_first_step_that_does_not_come_through_vanishes() -> None:
    history = fitted(lambda: recurrent(0.3), sequences(), lr=1e-3, epochs=15)
    (finding,) = vanishing_in_time(history)
    assert finding.where == ("cell",)
    assert "of 20 steps" in finding.what
    assert "nn.LSTM" in finding.remedy
    assert finding.evidence["per_step"] < 0.7


def test_gated_layers_are_told_to_open_their_gates() -> None:
    history = fitted(
        lambda: scaled(Reader(nn.LSTM(1, 16, batch_first=True)), "bias", 0.0),
        sequences(length=25),
        lr=1e-4,
        epochs=15,
    )
    (finding,) = vanishing_in_time(history)
    assert "forget gates" in finding.remedy


def test_recurrent_weights_that_are_too_large_explode() -> None:
    model = lambda: recurrent(2.0, nonlinearity="relu")  # noqa: E731
    (finding,) = exploding_in_time(fitted(model, sequences(length=30), lr=1e-5, epochs=2))
    assert "grows" in finding.what
    assert {"clip_grad_norm": 1.0} in finding.fixes


def test_jumps_of_the_norm_are_explosions_too() -> None:
    history = History(model=recurrent(1.0))
    history.norms = [1.0] * 200
    assert list(exploding_in_time(history)) == []
    history.norms[150] = history.norms[160] = 1e4
    (finding,) = exploding_in_time(history)
    assert finding.step == 151
    history.facts["clip_grad_norm"] = 1.0
    assert list(exploding_in_time(history)) == []


def test_padding_at_the_end_does_not_count() -> None:
    history = History([Site("cell:input", "input", 20)], model=recurrent(1.0))
    steps = np.where(np.arange(20) < 12, 1.0, 0.0)
    history.add(1, 0.1, {("by step", "cell:input"): steps})
    assert list(exploding_in_time(history)) == []


def test_a_layer_that_learns_may_forget() -> None:
    history = healthy("gru")
    assert history.by_step("cell:input") is not None
    assert list(vanishing_in_time(history)) == list(exploding_in_time(history)) == []


def test_the_data_itself_is_asked_for_its_gradient() -> None:
    rp.manual_seed(0)
    history = fitted(lambda: recurrent(1.0), sequences(), epochs=2)
    steps = history.by_step("cell:input")
    assert steps is not None
    assert steps.shape == (20,)
    assert (steps > 0).all()
