"""How the loss goes, and what chance gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from retroprop.health import History
from retroprop.health.rules.progress import chance_loss, progress
from tests.health.rules.trainings import dense, fitted, healthy


def seen(losses: Any, **facts: Any) -> History:
    made = History(**facts)
    made.losses = list(losses)
    return made


def test_a_loss_that_falls_is_neither_flat_nor_stuck() -> None:
    course = progress(seen(np.exp(-np.arange(100) / 30)))
    assert course is not None
    assert not course.is_flat
    assert not course.is_stuck
    assert course.start > 0.9 > course.now


def test_a_loss_that_stays_is_flat_and_stuck() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(200)
    course = progress(seen(1 + noise))
    assert course is not None
    assert course.is_flat
    assert course.is_stuck
    assert course.level == pytest.approx(1, abs=0.01)


def test_too_much_noise_tells_nothing() -> None:
    course = progress(seen(np.random.default_rng(0).exponential(size=40)))
    assert course is not None
    assert not course.is_flat


def test_a_training_that_was_resumed_is_not_stuck_where_it_goes_on() -> None:
    history = seen([0.1] * 100)
    history.add(5100, 0.1, {})
    course = progress(history)
    assert course is not None
    assert not course.is_new
    assert not course.is_stuck


def test_few_losses_and_negative_ones_say_nothing() -> None:
    assert progress(seen([1.0] * 19)) is None
    assert progress(seen([-1.0] * 40)) is None
    assert progress(seen([math.nan] * 40)) is None


@pytest.mark.parametrize(
    ("loss", "what", "values", "expected"),
    [
        ("cross_entropy", "classes", [[0.5, 0.25, 0.25]], 1.0397),
        ("CrossEntropyLoss", "classes", [[1.0, 0.0], [0.0, 1.0]], math.log(2)),
        ("BCEWithLogitsLoss", "target mean", [[0.5]], math.log(2)),
    ],
)
def test_chance_is_the_entropy_of_the_targets(
    loss: str, what: str, values: list[list[float]], expected: float
) -> None:
    history = History(loss=loss)
    for row in values:
        history.add(1, 0.1, {(what, ""): row, ("target square", ""): row})
    assert chance_loss(history) == pytest.approx(expected, abs=1e-4)


def test_chance_of_squares_is_the_variance() -> None:
    history = History(loss="mse")
    history.add(1, 0.1, {("target mean", ""): [1.0, 0.0], ("target square", ""): [3.0, 4.0]})
    assert chance_loss(history) == pytest.approx(3.0)
    assert chance_loss(History(loss="mse")) is None
    assert chance_loss(History(loss="my_own")) is None


def test_a_trainer_tells_what_is_needed() -> None:
    chance = chance_loss(healthy("dense"))
    assert chance == pytest.approx(math.log(4), abs=0.05)
    x = np.random.default_rng(0).standard_normal((256, 8)).astype("f4")
    history = fitted(lambda: dense(outputs=1), (x, 2 * x[:, :1]), loss="mse", epochs=3)
    assert chance_loss(history) == pytest.approx(4, rel=0.4)
