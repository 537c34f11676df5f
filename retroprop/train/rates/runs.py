"""Steps of training at given learning rates: those of a Trainer, or of a function of the user's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from retroprop.core.tensor import Tensor
from retroprop.data.dataset import Dataset, take
from retroprop.data.order import generator, shuffled
from retroprop.errors import ArgumentError, DivergedError
from retroprop.optim.optimizer import Optimizer
from retroprop.train.trainer import Trainer

__all__ = ["Runs", "StepRuns", "TrainerRuns"]

Array = np.ndarray[Any, Any]

_MOST = 1000  # batches that are taken of an iterable whose length is not known


class Runs:
    """Runs of training steps, each run over an order of batches of its own.

    Subclasses say how steps are taken (`begin`, `take`), and may take several at once.

    Args:
        optimizer: whose learning rate is set; groups keep their ratios.
        roots:     what the steps use, for `Kept`.
    """

    def __init__(self, optimizer: Optimizer, roots: Sequence[Any]) -> None:
        self.optimizer, self.roots = optimizer, [optimizer, *roots]
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        first = rates[0]
        self._shares = [rate / first if min(rates) > 0 else 1.0 for rate in rates]

    def begin(self, seed: int, steps: int) -> None:
        """Ready a run over the order of batches that belongs to a seed."""
        raise NotImplementedError

    def take(self, at: int, most: int) -> list[float]:
        """Take steps from number `at` on, at most so many; returns the loss of each."""
        raise NotImplementedError

    def losses(self, seed: int, rates: Array) -> Iterator[list[float]]:
        """The losses of a run, piece by piece; it ends early where one is not finite.

        Args:
            seed:  of the order of the batches.
            rates: (steps,) the learning rate of each step.
        """
        self.begin(seed, len(rates))
        at = 0
        while at < len(rates):
            changed = np.flatnonzero(rates[at:] != rates[at])
            same = int(changed[0]) if len(changed) else len(rates) - at
            self._set(float(rates[at]))
            try:
                made = self.take(at, same)
            except (DivergedError, FloatingPointError):
                return
            finite = list(itertools.takewhile(np.isfinite, made))
            yield finite
            if len(finite) < len(made):
                return
            at += len(made)

    def _set(self, rate: float) -> None:
        for group, share in zip(self.optimizer.param_groups, self._shares, strict=True):
            group["lr"] = rate * share


class TrainerRuns(Runs):
    """Steps of a Trainer on its data, compiled as in training.

    Args:
        trainer:    whose engine takes the steps; its position and history do not move.
        data:       what it is trained on.
        batch_size: examples in a step.
    """

    def __init__(self, trainer: Trainer, data: Dataset, batch_size: int) -> None:
        parts = (trainer.model, trainer.objective, trainer.ema, trainer.augment)
        super().__init__(trainer.optimizer, parts)
        self.trainer, self.data, self.batch_size = trainer, data, batch_size
        counted = np.arange(len(data))
        if data.weights is not None:
            counted = counted[data.weights > 0]  # a batch of others alone would have no loss
        if not len(counted):
            raise ArgumentError("lr_find: every sample_weight is 0, so nothing can be learnt")
        self._counted = counted

    def begin(self, seed: int, steps: int) -> None:
        self._seed = self.trainer.seed + seed
        size = min(self.batch_size, len(self._counted))
        whole = len(self._counted) // size * size
        epochs = -(-steps * size // whole)
        orders = [shuffled(len(self._counted), self._seed, e)[:whole] for e in range(epochs)]
        self._rows = self._counted[np.concatenate(orders)].reshape(-1, size)[:steps]
        self.trainer.model.train()

    def take(self, at: int, most: int) -> list[float]:
        trainer = self.trainer
        if trainer.augment is None:
            rows = self._rows[at : at + min(most, trainer.engine.steps_at_once())]
            return _numbers(trainer.engine.train_rows(self.data, rows).losses)
        data = self.data
        x, y, weights = (take(part, self._rows[at]) for part in (data.x, data.y, data.weights))
        x, y = trainer.augment(x, y, generator(self._seed, 0, at))
        return _numbers(trainer.engine.train_batch(x, y, weights).losses)


class StepRuns(Runs):
    """Steps that a function of the user's takes.

    Args:
        step:      a function of a batch that makes one update and returns the loss.
        optimizer: the one it uses.
        batches:   batches, each a tuple of arguments or one argument.
    """

    def __init__(self, step: Callable[..., Any], optimizer: Optimizer, batches: Any) -> None:
        super().__init__(optimizer, [step])
        self.step = step
        sized = hasattr(batches, "__len__") and hasattr(batches, "__getitem__")
        self.batches = batches if sized else list(itertools.islice(batches, _MOST))
        if not len(self.batches):
            raise ArgumentError("lr_find: there are no batches")

    def begin(self, seed: int, steps: int) -> None:
        count = len(self.batches)
        epochs = -(-steps // count)
        self._order = np.concatenate([shuffled(count, seed, epoch) for epoch in range(epochs)])

    def take(self, at: int, most: int) -> list[float]:
        batch = self.batches[int(self._order[at])]
        made = self.step(*batch) if isinstance(batch, tuple | list) else self.step(batch)
        loss = made[0] if isinstance(made, tuple) else made
        if loss is None:
            raise ArgumentError(
                "lr_find: the step returned None", fix="let it return the loss of its batch"
            )
        return [float(loss.item() if isinstance(loss, Tensor) else loss)]


def _numbers(losses: Any) -> list[float]:
    return [float(loss) for loss in losses]
