"""A monitor looks, says each finding once, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from tests.health.networks import batch, deep, watched


def test_a_finding_is_said_once() -> None:
    monitor = watched(deep(nn.Sigmoid), steps=4)
    assert [finding.rule for finding in monitor.findings] == ["vanishing_gradient"]
    assert monitor.findings[0].step == 1
    assert "from 14 to 0" in monitor.findings[0].what
    assert monitor.history.events == [1, 2, 3, 4]
    assert len(monitor.history.losses) == 4


def test_a_healthy_network_has_no_findings() -> None:
    assert watched(deep(nn.ReLU, layers=4), steps=4).findings == []


def test_updates_are_those_of_the_step() -> None:
    monitor = watched(deep(nn.ReLU, layers=3), steps=1)
    names, updates = monitor.history.series("update", "parameter")
    _, gradients = monitor.history.series("gradient", "parameter")
    assert names[0] == "0.weight"
    np.testing.assert_allclose(updates, gradients * 0.01**2, rtol=1e-3)


def trained(health: Any, model: nn.Module, *, compiled: bool = True) -> tuple[rp.Trainer, Any]:
    x, y = batch(256)
    rp.manual_seed(1)
    trainer = rp.Trainer(model, optimizer="adam", health=health, compiled=compiled)
    trainer.fit(x.numpy(), y.numpy(), epochs=3, batch_size=16, progress=False)
    return trainer, {name: value.numpy() for name, value in model.state_dict().items()}


def noisy() -> nn.Module:
    """Whatever a pass may leave behind: random state, running statistics."""
    rp.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_training_goes_on_bit_for_bit(compiled: bool) -> None:
    plain, expected = trained(False, noisy(), compiled=compiled)
    looked, found = trained(5, noisy(), compiled=compiled)
    assert plain.monitor is None
    assert looked.monitor is not None
    assert len(looked.monitor.history) > 5
    assert [r["loss"] for r in plain.history] == [r["loss"] for r in looked.history]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_short_training_is_looked_at_too() -> None:
    trainer, _ = trained(True, deep(nn.Sigmoid))
    assert trainer.monitor is not None
    assert [finding.rule for finding in trainer.monitor.findings] == ["vanishing_gradient"]


def test_what_the_targets_say_without_inputs_is_known() -> None:
    history = watched(deep(nn.ReLU, layers=3), steps=2).history
    expected = np.bincount(batch()[1].numpy(), minlength=3) / 64
    np.testing.assert_allclose(history.recent("classes", "")[-1], expected, rtol=1e-6)
    assert history.facts["batch_size"] == 64


def test_numbers_have_means_and_weights() -> None:
    model = nn.Linear(8, 1)
    trainer = rp.Trainer(model, loss="mse", health=1)
    x, _ = batch(8)
    y = np.arange(8, dtype="f4")[:, None]
    weights = np.array([1, 1, 0, 0, 0, 0, 0, 0], "f4")
    trainer.fit(x.numpy(), y, batch_size=8, epochs=2, sample_weight=weights, progress=False)
    assert trainer.monitor is not None
    history = trainer.monitor.history
    assert history.recent("target mean", "")[-1].tolist() == [0.5]
    assert history.recent("target square", "")[-1].tolist() == [0.5]
