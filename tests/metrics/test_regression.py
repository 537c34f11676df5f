"""Errors and R2 against hand values and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retroprop import metrics
from retroprop.errors import ShapeError


def test_by_hand() -> None:
    prediction, target = [1.0, 2.0, 6.0], [1.0, 4.0, 2.0]
    assert metrics.mae(prediction, target) == 2.0
    assert metrics.mse(prediction, target) == 20 / 3
    assert metrics.rmse(prediction, target) == math.sqrt(20 / 3)
    assert metrics.r2(prediction, target) == pytest.approx(1 - 20 / (42 / 9), rel=1e-12)
    assert metrics.mae(prediction, target, [2, 1, 0]) == 2 / 3


@pytest.mark.parametrize("outputs", [(), (1,), (3,)])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_agrees(outputs: tuple[int, ...], weighted: bool) -> None:
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    target = rng.normal(size=(200, *outputs)) * 3 + 7
    prediction = target + rng.normal(size=target.shape)
    weight = rng.uniform(size=200) if weighted else None
    pairs = {
        metrics.mae: reference.mean_absolute_error,
        metrics.mse: reference.mean_squared_error,
        metrics.r2: reference.r2_score,
    }
    for ours, theirs in pairs.items():
        expected = theirs(target, prediction, sample_weight=weight)
        assert ours(prediction, target, weight) == pytest.approx(expected, rel=1e-12)
    squared = reference.mean_squared_error(target, prediction, sample_weight=weight)
    assert metrics.rmse(prediction, target, weight) == pytest.approx(squared**0.5, rel=1e-12)


def test_r2_at_its_edges() -> None:
    assert metrics.r2([1.0, 1.0], [1.0, 1.0]) == 1.0
    assert metrics.r2([1.0, 2.0], [1.0, 1.0]) == 0.0
    assert metrics.r2([0.1] * 3, [0.1] * 3) == 1.0
    assert metrics.r2([0.2] * 3, [0.1] * 3) == 0.0  # the mean of 0.1 is not 0.1
    assert math.isnan(metrics.r2([1.0], [1.0]))
    assert math.isnan(metrics.r2([1.0, 2.0], [1.0, 5.0], [1, 0]))
    assert metrics.r2([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]) == 0.0


def test_r2_keeps_the_digits_of_large_targets() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=3000)
    prediction = target + 0.1 * rng.normal(size=3000)
    metric = metrics.R2()
    for rows in np.array_split(np.arange(3000), 100):
        metric.update(prediction[rows] + 1e9, target[rows] + 1e9)
    assert metric.compute() == pytest.approx(metrics.r2(prediction, target), abs=1e-8)


def test_float32_is_accumulated_in_float64() -> None:
    metric = metrics.MAE()
    error = np.full(100_000, 0.1, dtype=np.float32)
    for _ in range(20):
        metric.update(error, np.zeros_like(error))
    assert metric.compute() == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_a_row_of_weight_zero_does_not_count_whatever_it_holds() -> None:
    for function in (metrics.mae, metrics.mse, metrics.rmse):
        assert function([1.0, np.inf], [0.0, 0.0], [1, 0]) == 1.0
    assert metrics.r2([1.0, 2.0, np.nan], [1.0, 2.0, np.nan], [1, 1, 0]) == 1.0


def test_what_is_too_large_is_infinite() -> None:
    assert metrics.mse([1e300], [-1e300]) == np.inf
    assert metrics.rmse([1e300], [-1e300]) == np.inf
    assert metrics.mae([np.inf], [0.0]) == np.inf


def test_outputs_stay_the_same() -> None:
    metric = metrics.R2()
    metric.update(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="this batch has 3 outputs, those before it 2"):
        metric.update(np.zeros((3, 3)), np.zeros((3, 3)))
