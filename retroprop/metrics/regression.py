"""How far predicted numbers are from the true ones."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from retroprop.errors import ShapeError
from retroprop.metrics.base import Metric
from retroprop.metrics.inputs import Paired, paired

__all__ = ["MAE", "MSE", "R2", "RMSE", "mae", "mse", "r2", "rmse"]


class _MeanCost(Metric):
    """Weighted mean of something about each error, over all rows and outputs."""

    greater_is_better = False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._sum = self._total = 0.0

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in predicted and true values of one batch."""
        batch = paired(self.name, prediction, target, weight)
        with np.errstate(over="ignore", invalid="ignore"):  # the result is inf or NaN then
            cost = self._cost(batch.prediction - batch.target)
            if batch.weight is not None:
                # A row of weight 0 does not count, whatever it holds: 0 * inf would be NaN.
                cost = np.where(batch.weight == 0, 0.0, cost * batch.weight)
            self._sum += float(cost.sum())
        self._total += cost.size if batch.weight is None else float(batch.weight.sum())

    def compute(self) -> float:
        """The mean over the epoch; NaN without rows."""
        return self._sum / self._total if self._total else float("nan")

    @abstractmethod
    def _cost(self, error: Any) -> Any:
        """What each error costs, elementwise."""


class MAE(_MeanCost):
    """Mean absolute error: how far off a prediction is, on average, in units of the target.

        mae = sum_i weight_i |prediction_i - target_i| / sum_i weight_i

    prediction and target are (n,) or (n, outputs); outputs count the same.

    Example:
        >>> metric = MAE()
        >>> metric.update([1.0, 2.0], [1.5, 4.0])
        >>> metric.compute()
        1.25
    """

    name = "mae"

    def _cost(self, error: Any) -> Any:
        return np.abs(error)


class MSE(_MeanCost):
    """Mean squared error.

        mse = sum_i weight_i (prediction_i - target_i)^2 / sum_i weight_i

    Example:
        >>> metric = MSE()
        >>> metric.update([1.0, 2.0], [1.5, 4.0])
        >>> metric.compute()
        2.125
    """

    name = "mse"

    def _cost(self, error: Any) -> Any:
        return error * error


class RMSE(MSE):
    """Root of the mean squared error, in units of the target; large errors count more.

    With several outputs, the root of the mean over all of them (scikit-learn instead averages
    one root per output).

    Example:
        >>> metric = RMSE()
        >>> metric.update([3.0, 0.0], [0.0, 4.0])
        >>> round(metric.compute(), 4)
        3.5355
    """

    name = "rmse"

    def compute(self) -> float:
        """The root of the mean over the epoch; NaN without rows."""
        return math.sqrt(super().compute())


class R2(Metric):
    """Coefficient of determination: the share of the target's variation that is predicted.

        r2 = 1 - sum_i weight_i (target_i - prediction_i)^2 / sum_i weight_i (target_i - mean)^2

    1 is perfect, 0 as good as always predicting the mean, below 0 worse. Several outputs: the
    mean of one value each. A target that is constant over the epoch gives 1 when predicted
    exactly, else 0 (as scikit-learn); fewer than two rows give NaN.
    The target's variation is accumulated around a running mean, so that large targets of small
    variation keep their digits.

    Example:
        >>> metric = R2()
        >>> metric.update([1.0, 2.0, 2.0], [1.0, 2.0, 3.0])
        >>> metric.compute()
        0.5

    Source: Chan, Golub, LeVeque 1979, STAN-CS-79-773 (joining variances).
    """

    name = "r2"
    greater_is_better = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._rows: Any = None  # then one entry per output, as all of these

    def _start(self, outputs: int) -> None:
        self._rows = np.zeros(outputs)
        self._total, self._mean = np.zeros(outputs), np.zeros(outputs)
        self._variation, self._error = np.zeros(outputs), np.zeros(outputs)
        self._low, self._high = np.full(outputs, np.inf), np.full(outputs, -np.inf)

    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in predicted and true values of one batch."""
        batch = paired(self.name, prediction, target, weight)
        outputs = batch.target.shape[1]
        if self._rows is None:
            self._start(outputs)
        if len(self._rows) != outputs:
            raise ShapeError(
                f"r2: this batch has {outputs} outputs, those before it {len(self._rows)}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self._join(batch)

    def _join(self, batch: Paired) -> None:
        weight = np.ones_like(batch.target) if batch.weight is None else batch.weight
        counts = weight > 0
        total = weight.sum(axis=0)
        safe = np.where(total > 0, total, 1.0)
        target = np.where(counts, batch.target, 0.0)
        mean = (weight * target).sum(axis=0) / safe
        around = np.where(counts, batch.target - mean, 0.0)
        error = np.where(counts, batch.target - batch.prediction, 0.0)
        joined = np.where(self._total + total > 0, self._total + total, 1.0)
        step = mean - self._mean
        self._variation += (weight * around**2).sum(axis=0) + step**2 * self._total * total / joined
        self._mean += step * total / joined
        self._error += (weight * error**2).sum(axis=0)
        self._total += total
        self._rows += counts.sum(axis=0)
        low, high = np.where(counts, target, np.inf), np.where(counts, target, -np.inf)
        self._low = np.minimum(self._low, low.min(axis=0, initial=np.inf))
        self._high = np.maximum(self._high, high.max(axis=0, initial=-np.inf))

    def compute(self) -> float:
        """The mean over outputs; NaN below two rows."""
        if self._rows is None or not self._rows.size or (self._rows < 2).any():
            return float("nan")
        # Not "variation == 0": rounding leaves a speck of it on targets that are all 0.1.
        constant = self._low == self._high
        exact = np.where(self._error == 0, 1.0, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = 1.0 - self._error / self._variation
        broken = np.isnan(self._error)
        return float(np.where(constant & ~broken, exact, value).mean())


def _measured(metric: Metric, prediction: Any, target: Any, weight: Any) -> float:
    metric.update(prediction, target, weight)
    return float(metric.compute())


def mae(prediction: Any, target: Any, weight: Any = None) -> float:
    """Mean absolute error; see `MAE`.

    Example:
        >>> mae([1.0, 2.0], [1.5, 4.0])
        1.25
    """
    return _measured(MAE(), prediction, target, weight)


def mse(prediction: Any, target: Any, weight: Any = None) -> float:
    """Mean squared error; see `MSE`.

    Example:
        >>> mse([1.0, 2.0], [1.5, 4.0], weight=[1, 0])
        0.25
    """
    return _measured(MSE(), prediction, target, weight)


def rmse(prediction: Any, target: Any, weight: Any = None) -> float:
    """Root of the mean squared error; see `RMSE`.

    Example:
        >>> rmse([1.0, 5.0], [1.0, 1.0], weight=[3, 1])
        2.0
    """
    return _measured(RMSE(), prediction, target, weight)


def r2(prediction: Any, target: Any, weight: Any = None) -> float:
    """Coefficient of determination; see `R2`.

    Example:
        >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
        1.0
    """
    return _measured(R2(), prediction, target, weight)
