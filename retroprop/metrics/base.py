"""What every metric is: something that reads batches and says one number about all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Metric"]


class Metric(ABC):
    """A measurement over a whole epoch, fed batch by batch.

    The result is that of all batches joined into one, not a mean of results per batch: how the
    rows were cut into batches, and whether the last one is smaller, makes no difference.
    Everything is accumulated in float64. An epoch without rows (or of weight zero) measures NaN,
    without a warning; a NaN prediction makes the result NaN.

    Attributes:
        name: what the metric is called in histories, logs and `metrics.get`.
        greater_is_better: True (accuracy), False (errors), or None where neither is better.

    Example:
        >>> from retroprop.metrics import Accuracy
        >>> metric = Accuracy()
        >>> metric.update(np.array([[2.0, 1.0], [0.0, 3.0]]), [0, 0])
        >>> metric.update(np.array([[5.0, 1.0]]), [0])
        >>> round(metric.compute(), 4)
        0.6667
    """

    name: str
    greater_is_better: bool | None
    _options: tuple[str, ...] = ()  # constructor arguments to show

    @abstractmethod
    def update(self, prediction: Any, target: Any, weight: Any = None) -> None:
        """Take in one batch; `weight` (n,) counts each row that many times."""

    @abstractmethod
    def compute(self) -> Any:
        """The value over everything since the last `reset`."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all batches: a new epoch begins."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._options)
        return f"{type(self).__name__}({options})"
