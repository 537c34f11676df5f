"""A loss that stays where it is, and nothing else to see."""

from __future__ import annotations

import numpy as np

from retroprop import nn
from retroprop.health.rules.stuck import loss_stuck
from tests.health.rules.trainings import blobs, dense, fitted, healthy


def unrelated() -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets that were shuffled apart."""
    x, y = blobs(1024)
    return x, np.random.default_rng(0).permutation(y)


def test_inputs_that_say_nothing_leave_the_loss_at_chance() -> None:
    (finding,) = loss_stuck(fitted(lambda: dense(width=8), unrelated(), epochs=10, lr=3e-3))
    assert "without inputs it would be 1.3" in finding.what
    assert "shuffled apart" in finding.why


def test_where_the_cause_is_known_nothing_is_added() -> None:
    made = fitted(dense, lr=1e-7, epochs=15)
    assert list(loss_stuck(made)) == []
    assert list(loss_stuck(fitted(lambda: dense(nn.Sigmoid, 10), lr=1e-3, epochs=15))) == []


def test_networks_that_learn_are_left_alone() -> None:
    assert list(loss_stuck(healthy("dense"))) == []
    assert list(loss_stuck(healthy("converged"))) == []
