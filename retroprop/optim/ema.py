"""Exponential moving averages of weights; they are often better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from retroprop import dtypes, ops
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, CheckpointError
from retroprop.optim.group import listed, read_params
from retroprop.optim.optimizer import workable
from retroprop.optim.ranges import is_real
from retroprop.optim.saving import assign_all

__all__ = ["EMA"]


class EMA:
    """An average of each parameter over the last steps.

        a = d a + (1 - d) p           d = decay, with warmup min(decay, (1 + n) / (10 + n))

    n counts the updates before. Call `update()` after each optimizer step (it can be part
    of a compiled one) and evaluate inside `with ema.applied():`. Buffers of a module (batch
    statistics) are not averaged. Averages of 16-bit parameters are kept in float32.

    Args:
        model_or_params: a module, or Tensors or (name, Tensor) pairs.
        decay:           share of the average that is kept; 0.999 averages over about 1000 steps.
        warmup:          start with a smaller decay, so that the first weights are forgotten soon.

    Attributes:
        averages: the averages, cells in the order of the parameters.
        count:    int64 cell, the updates so far.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> ema = EMA([w], decay=0.75)
        >>> with rp.no_grad():
        ...     w = w.assign(rp.asarray([5.0]))
        >>> ema.update()
        >>> with ema.applied():
        ...     w.item()
        2.0
        >>> w.item()
        5.0

    Source: Polyak, Juditsky 1992; the warm-up is TensorFlow's.
    """

    def __init__(self, model_or_params: Any, decay: float = 0.999, warmup: bool = False) -> None:
        if not is_real(decay) or not 0 <= decay <= 1:
            raise ArgumentError(f"EMA: decay is {decay!r}, it must be a number from 0 to 1")
        named = getattr(model_or_params, "named_parameters", None)
        items = listed(named() if callable(named) else model_or_params, "EMA")
        self.params, self.names = read_params(items, "EMA", 0)
        self.decay = float(decay)
        self.warmup = warmup
        self.averages = [workable(param).detach() for param in self.params]
        self.count = Tensor(np.int64(0))
        self._weights: list[Tensor] | None = None

    def update(self) -> None:
        """Take the present weights into the averages."""
        if self._weights is not None:
            raise ArgumentError(
                "EMA.update: the averages stand in place of the weights", fix="call swap() first"
            )
        with no_grad():
            n = self.count.astype(dtypes.float64)
            share = n * 0.0 + (1.0 - self.decay)
            if self.warmup:
                share = ops.maximum(share, 9.0 / (n + 10.0))
            for average, param in zip(self.averages, self.params, strict=True):
                change = workable(param) - average
                average.assign(average + change * share.astype(average.dtype))
            self.count.assign(self.count + 1)

    def swap(self) -> None:
        """Put the averages in place of the weights; a second call puts the weights back."""
        incoming = self.averages if self._weights is None else self._weights
        weights = [param.detach() for param in self.params] if self._weights is None else None
        with no_grad():
            for param, value in zip(self.params, incoming, strict=True):
                param.assign(value.astype(param.dtype))
        self._weights = weights

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averages as its weights inside a `with` block."""
        if self._weights is not None:
            raise ArgumentError("EMA.applied: the averages stand in place of the weights already")
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state_dict(self) -> dict[str, Any]:
        """The averages and the count as Tensors by flat names, and the settings."""
        state = {name: cell.detach() for name, cell in self._cells().items()}
        return {"state": state, "decay": self.decay, "warmup": self.warmup}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; nothing changes unless everything fits.

        Raises:
            CheckpointError: other parameters or shapes; all are listed.
        """
        missing = {"state", "decay", "warmup"} - set(state_dict)
        if missing:
            raise CheckpointError(f"EMA state: {sorted(missing)} not found in it")
        assign_all("EMA state", self._cells(), state_dict["state"])
        self.decay, self.warmup = float(state_dict["decay"]), bool(state_dict["warmup"])

    def _cells(self) -> dict[str, Tensor]:
        averages = zip(self.names, self.averages, strict=True)
        return {"count": self.count, **{f"average.{name}": cell for name, cell in averages}}

    def __repr__(self) -> str:
        return f"EMA({len(self.params)} parameters, decay={self.decay}, warmup={self.warmup})"
