"""Learning rates that are too high or too low, on networks that do not learn for that."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop import nn, optim
from retroprop.health.rules.rate import learning_rate_too_high, learning_rate_too_low
from tests.health.networks import history
from tests.health.rules.trainings import dense, fitted, healthy


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 3.0), ("lion", 1.0)])
def test_long_steps_throw_the_loss_up(optimizer: str, lr: float) -> None:
    model = lambda: dense(nn.LeakyReLU)  # noqa: E731
    (finding,) = learning_rate_too_high(fitted(model, optimizer=optimizer, lr=lr, epochs=5))
    assert "the loss" in finding.what
    assert finding.fixes[0]["lr"] <= 0.1 * lr
    assert f"lr={finding.fixes[0]['lr']:.1g}" in finding.remedy


def test_a_loss_that_jumps_back_is_found() -> None:
    made = history("layer", "gradient", [[1.0]])
    made.losses = [1.0] * 20 + [0.1] * 40 + [3.0] * 10 + [0.2] * 40
    (finding,) = learning_rate_too_high(made)
    assert "jumped from 0.1 to 3 at step 61" in finding.what


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 1e-7), ("sgd", 1e-6)])
def test_short_steps_leave_everything_as_it_is(optimizer: str, lr: float) -> None:
    made = fitted(dense, optimizer=optimizer, lr=lr)
    (finding,) = learning_rate_too_low(made)
    assert finding.evidence["ratio"] < 1e-4
    assert finding.fixes[0]["lr"] > 50 * lr
    assert list(learning_rate_too_high(made)) == []


def test_the_end_of_a_schedule_is_slow_on_purpose() -> None:
    made = fitted(dense, lr=optim.schedule.one_cycle(0.01, 144))
    assert made.rates[-1] < 0.01 * max(made.rates)
    assert list(learning_rate_too_low(made)) == []


def test_networks_that_have_learnt_may_rest() -> None:
    made = healthy("converged")
    assert np.mean(made.losses[-20:]) < 0.01
    assert list(learning_rate_too_low(made)) == list(learning_rate_too_high(made)) == []
