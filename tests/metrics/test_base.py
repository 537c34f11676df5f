"""What holds for every metric: batches join exactly, weights count rows, nothing gives NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroprop import metrics
from retroprop.metrics import Metric

CLASSES = 4


def classes(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return rng.normal(size=(rows, CLASSES)).astype(np.float32), rng.integers(0, CLASSES, rows)


def binary(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return rng.normal(size=rows).round(1), rng.integers(0, 2, rows)


def values(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2))


CASES: dict[str, tuple[Callable[[], Metric], Callable[..., tuple[Any, Any]]]] = {
    "accuracy": (metrics.Accuracy, classes),
    "binary accuracy": (metrics.Accuracy, binary),
    "top_2": (lambda: metrics.TopKAccuracy(2), classes),
    "precision": (metrics.Precision, classes),
    "recall weighted": (lambda: metrics.Recall("weighted"), classes),
    "f1 micro": (lambda: metrics.F1("micro"), classes),
    "f1 binary": (lambda: metrics.F1("binary"), binary),
    "f1 each": (lambda: metrics.F1(None), classes),
    "confusion": (metrics.ConfusionMatrix, classes),
    "auc": (metrics.AUC, binary),
    "auc rest": (metrics.AUC, classes),
    "mae": (metrics.MAE, values),
    "mse": (metrics.MSE, values),
    "rmse": (metrics.RMSE, values),
    "r2": (metrics.R2, values),
    "perplexity": (metrics.Perplexity, classes),
}
every = pytest.mark.parametrize(("make", "draw"), CASES.values(), ids=CASES.keys())


@every
@given(cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 100))
def test_batches_make_no_difference(make: Any, draw: Any, cuts: list[int], seed: int) -> None:
    prediction, target = draw(np.random.default_rng(seed), 60)
    whole, cut = make(), make()
    whole.update(prediction, target)
    for rows in np.split(np.arange(60), sorted(cuts)):  # empty batches too
        cut.update(prediction[rows], target[rows])
    np.testing.assert_allclose(cut.compute(), whole.compute(), rtol=1e-12, atol=1e-13)


@every
def test_weights_count_rows(make: Any, draw: Any) -> None:
    rng = np.random.default_rng(0)
    prediction, target = draw(rng, 50)
    counts = rng.integers(0, 4, 50)
    weighted, repeated = make(), make()
    weighted.update(prediction, target, counts)
    repeated.update(np.repeat(prediction, counts, axis=0), np.repeat(target, counts, axis=0))
    np.testing.assert_allclose(weighted.compute(), repeated.compute(), rtol=1e-12)


@every
def test_an_empty_epoch_measures_nothing(make: Any, draw: Any) -> None:
    prediction, target = draw(np.random.default_rng(0), 5)
    empty, weightless = make(), make()
    empty.update(prediction[:0], target[:0])
    weightless.update(prediction, target, np.zeros(5))
    for metric in (make(), empty, weightless):
        if metric.name == "confusion_matrix":
            assert metric.compute().sum() == 0
        else:
            assert np.isnan(metric.compute()).all()


@every
def test_reset_forgets(make: Any, draw: Any) -> None:
    rng = np.random.default_rng(0)
    first, second, metric, fresh = draw(rng, 30), draw(rng, 30), make(), make()
    metric.update(*first, np.full(30, 2.0))
    metric.compute()
    metric.reset()
    metric.update(*second)
    fresh.update(*second)
    np.testing.assert_array_equal(metric.compute(), fresh.compute())
    assert np.asarray(metric.compute()).dtype == np.asarray(fresh.compute()).dtype


@every
def test_nan_in_nan_out(make: Any, draw: Any) -> None:
    prediction, target = draw(np.random.default_rng(0), 30)
    prediction[3] = np.nan
    metric = make()
    metric.update(prediction, target)
    assert np.isnan(metric.compute()).all()


@every
def test_computing_twice_changes_nothing(make: Any, draw: Any) -> None:
    metric = make()
    metric.update(*draw(np.random.default_rng(0), 30))
    np.testing.assert_array_equal(metric.compute(), metric.compute())


@every
def test_later_changes_of_the_arrays_do_not_matter(make: Any, draw: Any) -> None:
    prediction, target = draw(np.random.default_rng(0), 30)
    kept, changed = make(), make()
    kept.update(prediction.copy(), target.copy())
    changed.update(prediction, target)
    prediction[:], target[:] = 0, 0
    np.testing.assert_array_equal(kept.compute(), changed.compute())


def test_the_direction_is_known() -> None:
    better = {each: metrics.get(each).greater_is_better for each in metrics.names()}
    assert {name for name, up in better.items() if up is False} == {
        "mae", "mse", "perplexity", "rmse",
    }  # fmt: skip
    assert better["confusion_matrix"] is None
    assert better["accuracy"] is better["auc"] is better["r2"] is True


def test_a_metric_of_ones_own() -> None:
    class Bias(Metric):
        name = "bias"
        greater_is_better = None

        def __init__(self) -> None:
            self.reset()

        def reset(self) -> None:
            self.errors: list[float] = []

        def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
            self.errors += (np.asarray(prediction) - target).tolist()

        def compute(self) -> float:
            return math.fsum(self.errors) / len(self.errors)

    metric = metrics.get(Bias())
    metric.update([1.0, 2.0], [0.0, 0.0])
    assert metric.compute() == 1.5
    assert repr(metric) == "Bias()"
    with pytest.raises(TypeError, match="abstract"):
        Metric()  # type: ignore[abstract]
