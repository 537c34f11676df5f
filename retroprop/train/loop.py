"""One call of `Trainer.fit`: epochs of batches, their numbers, and everyone who is told."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from retroprop.data.dataset import Batch, Dataset, batches, take
from retroprop.data.order import shuffled
from retroprop.data.stream import Ahead
from retroprop.errors import ArgumentError, DivergedError, DTypeError
from retroprop.train.callbacks import Callback
from retroprop.train.engine import in_memory
from retroprop.train.interrupt import Interruptible
from retroprop.train.progress import Progress

if TYPE_CHECKING:
    from retroprop.health.finding import Finding
    from retroprop.train.trainer import Trainer

__all__ = ["Batching", "Loop"]

Record = dict[str, Any]
Order = np.ndarray[Any, np.dtype[np.int64]]


class Batching:
    """How a data set is cut into the batches of an epoch: a pure function of seed and epoch.

    Args:
        data:       what is cut.
        batch_size: examples in a batch, >= 1; the last one keeps what is left.
        seed:       of the order.
        shuffle:    a new order each epoch, or the data's own.

    Example:
        >>> batching = Batching(Dataset(np.arange(5)), batch_size=2, seed=0, shuffle=False)
        >>> batching.steps, [batch.x.tolist() for batch in batching.epoch(0, first=1)]
        (3, [[2, 3], [4]])
    """

    def __init__(self, data: Dataset, batch_size: int, seed: int, shuffle: bool) -> None:
        whole = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
        if not whole or batch_size < 1:
            raise ArgumentError(f"batch_size must be an integer >= 1, got {batch_size!r}")
        self.data, self.batch_size = data, int(batch_size)
        self.seed, self.shuffle = seed, shuffle

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return math.ceil(len(self.data) / self.batch_size)

    def order(self, epoch: int, first: int = 0) -> Order:
        """The examples of an epoch in their order, from batch number `first` on."""
        count = len(self.data)
        order = shuffled(count, self.seed, epoch) if self.shuffle else np.arange(count)
        return order[first * self.batch_size :]

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from number `first` on."""
        return batches(self.data, self.batch_size, self.order(epoch, first))


class Loop:
    """The loop around `Trainer.train_steps`; the trainer holds all state, so that it can be saved.

    Args:
        trainer:   who is trained.
        batching:  the training data, cut.
        held_out:  validation data, or None.
        listeners: callbacks.
        display:   progress.
    """

    def __init__(
        self,
        trainer: Trainer,
        batching: Batching,
        held_out: Dataset | None,
        listeners: list[Callback],
        display: Progress,
    ) -> None:
        strangers = [one for one in listeners if not isinstance(one, Callback)]
        if strangers:
            raise DTypeError(f"callbacks must be Callback objects, got {strangers[0]!r}")
        self.trainer, self.batching, self.held_out = trainer, batching, held_out
        self.listeners, self.display = listeners, display
        # A callback that leaves `on_step` as it is costs nothing per step.
        self.watchers = [one for one in listeners if type(one).on_step is not Callback.on_step]

    def run(self, first: int, epochs: int) -> None:
        """Train `epochs` epochs, counted from epoch number `first`, or until somebody stops it."""
        if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer):
            raise ArgumentError(f"epochs must be an integer, got {epochs!r}")
        trainer, last = self.trainer, first + int(epochs)
        trainer.stop_reason = None
        self._tell("on_fit_begin")
        with (
            Interruptible() as interrupt,
            self.display.fit(epochs=last, steps=self.batching.steps),
        ):
            while trainer.epoch < last and trainer.stop_reason is None:
                try:
                    self._epoch(interrupt)
                except DivergedError as error:
                    self._found(error)
                    self._tell("on_diverged")
                    raise
            if trainer.monitor is not None:
                self._say(trainer.monitor.review())
        self._tell("on_fit_end")

    def _say(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.display.note(str(finding))
            self._tell("on_finding", finding)

    def _found(self, error: DivergedError) -> None:
        """Tell everyone where a number that is not finite came from."""
        if error.provenance is None:
            return
        finding = error.provenance.finding(self.trainer.step + 1)
        rate = 0.1 * self.trainer.optimizer.lr
        finding = finding._replace(fixes=({"lr": rate}, {"clip_grad_norm": 1.0}))
        if self.trainer.monitor is not None:
            self.trainer.monitor.findings.append(finding)
        self._tell("on_finding", finding)

    def _tell(self, event: str, *arguments: Any) -> None:
        for listener in self.listeners:
            getattr(listener, event)(self.trainer, *arguments)

    def _epoch(self, interrupt: Interruptible) -> None:
        trainer, began = self.trainer, time.perf_counter()
        self._tell("on_epoch_begin")
        trainer.begin_epoch()
        self.display.epoch_begin(trainer.epoch + 1)
        order = self.batching.order(trainer.epoch, trainer.position["batch"])
        waited = self._batches(order, interrupt)
        record = {"epoch": trainer.epoch + 1, **trainer.epoch_scores()}
        if waited is not None:
            record["waited"] = waited
        if self.held_out is not None:
            self.display.stage("validating")
            batch_size = max(self.batching.batch_size, 256)
            scores = trainer.evaluate(self.held_out, batch_size=batch_size)
            record.update((f"val_{name}", score) for name, score in scores.items())
        if trainer.divergence.skipped:
            record["skipped"] = trainer.divergence.skipped
        record["lr"] = trainer.optimizer.lr
        record["seconds"] = time.perf_counter() - began
        trainer.end_epoch(record)
        self.display.epoch_end(record)
        self._tell("on_epoch_end", record)

    def _batches(self, order: Order, interrupt: Interruptible) -> float | None:
        """The steps of an epoch; seconds that they waited for batches, where these are made."""
        trainer, data = self.trainer, self.batching.data
        if not trainer.makes_batches(data):
            self._all(order, interrupt)
            return None
        size, first = self.batching.batch_size, trainer.position["batch"]
        rows = [order[at : at + size] for at in range(0, len(order), size)]

        def make(number: int) -> Any:
            return trainer.batch(data, rows[number], first + number)

        # Files are read by two threads; arrays are only augmented: by one, which calls in order.
        with Ahead(make, range(len(rows)), threads=1 if in_memory(data) else 2) as ahead:
            trainer.ahead = ahead
            try:
                self._all(order, interrupt)
            finally:
                trainer.ahead = None
        return ahead.waited

    def _all(self, order: Order, interrupt: Interruptible) -> None:
        while len(order):
            order = order[self._steps(order) :]
            if interrupt.requested:
                self._tell("on_interrupt")
                raise KeyboardInterrupt

    def _steps(self, order: Order) -> int:
        """The next steps of an epoch, as many as the engine takes at once; how many examples."""
        trainer, size = self.trainer, self.batching.batch_size
        monitor = trainer.monitor
        look = monitor is not None and monitor.is_due(trainer.step)
        many = 1 if self.watchers or trainer.ahead or look else trainer.engine.steps_at_once()
        if monitor is not None:
            many = min(many, monitor.steps_until(trainer.step) or many)
        steps = max(1, min(many, len(order) // size))
        rows = order[: steps * size].reshape(steps, -1)
        if monitor is not None and look:
            data = self.batching.data
            batch = (take(part, rows[0]) for part in (data.x, data.y, data.weights))
            monitor.before(*map(trainer.tensors, batch))
        losses = self._train(rows)
        if monitor is not None and look and losses:
            self._say(monitor.after(trainer.step))
        self.display.step(
            trainer.position["batch"],
            examples=rows.size,
            loss=trainer.epoch_loss(),
            lr=trainer.optimizer.lr,
        )
        for watcher in self.watchers if losses else ():
            watcher.on_step(trainer, losses[-1])
        return int(rows.size)

    def _train(self, rows: Order) -> list[float]:
        """Train on rows; the first batch that is skipped is said."""
        divergence = self.trainer.divergence
        before = divergence.first
        losses = self.trainer.train_steps(self.batching.data, rows)
        if divergence.first is not before and divergence.first is not None:
            self.display.note(f"skipped a batch: {divergence.first}")
            self._found(divergence.first)
        return losses
