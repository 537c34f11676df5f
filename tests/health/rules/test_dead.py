"""Dead units: at the start, on the way, and those that only look dead in a small batch."""

from __future__ import annotations

import numpy as np

from retroprop import nn
from retroprop.health import History, Site
from retroprop.health.rules.dead import dead_relu
from tests.health.rules.trainings import blobs, dense, fitted, healthy


def biased(low: float) -> nn.Module:
    """A network whose first layer is pushed below 0."""
    model = dense()
    nn.init.constant_(model[0].bias, low)
    return model


def test_units_that_start_below_zero_are_dead_at_the_start() -> None:
    (finding,) = dead_relu(fitted(lambda: biased(-30.0), epochs=6))
    assert finding.where == ("1:relu",)
    assert finding.what.startswith("100% of the 24 units of 1:relu")
    assert "at the start" in finding.why
    assert 'activation="leaky_relu"' in finding.remedy


def test_long_steps_kill_units_on_the_way() -> None:
    (finding,) = dead_relu(fitted(dense, optimizer="sgd", lr=8.0, epochs=6))
    assert "on the way" in finding.why
    assert finding.fixes[0] == {"lr": 0.8}


def seen(*rows: list[float], size: int = 64) -> History:
    made = History([Site("1:relu", "relu", 4)], batch_size=size)
    for number, row in enumerate(rows):
        values = {("silent", "1:relu"): row, ("dead", "1:relu"): np.mean(row)}
        made.add(100 * (number + 1), 0.1, values)
    return made


def test_a_unit_that_wakes_up_is_not_dead() -> None:
    assert list(dead_relu(seen([1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 1]))) == []
    (finding,) = dead_relu(seen([0, 0, 0, 0], *[[1, 1, 1, 0]] * 3))
    assert finding.step == 200
    assert "0% at step 100" in finding.what


def test_small_batches_need_more_of_them() -> None:
    assert list(dead_relu(seen(*[[1, 1, 1, 0]] * 6, size=8))) == []
    assert len(list(dead_relu(seen(*[[1, 1, 1, 0]] * 16, size=8)))) == 1
    assert list(dead_relu(seen(*[[1, 1, 1, 0]] * 16, size=1))) == []


def test_units_that_are_used_now_and_then_live() -> None:
    assert list(dead_relu(healthy("converged"))) == []
    x, y = blobs(64)
    assert list(dead_relu(fitted(dense, (x, y), batch_size=4, epochs=4))) == []
