"""What a Trainer tells others about, and those who listen: stopping, saving, logging, display."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retroprop.errors import ArgumentError
from retroprop.interop import weights as files
from retroprop.train.checkpoint import Snapshot
from retroprop.train.logs import CsvLog, JsonLinesLog
from retroprop.train.tensorboard import EventWriter

if TYPE_CHECKING:
    from retroprop.health.finding import Finding
    from retroprop.train.trainer import Trainer

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "LogFiles", "Plateau", "TensorBoard"]

Record = dict[str, Any]


class Callback:
    """Base of those who listen to a Trainer; override what you need.

    `on_step` is only called for callbacks that override it, so that others cost nothing per step.

    Example:
        >>> class Shout(Callback):
        ...     def on_epoch_end(self, trainer, record):
        ...         print(f"epoch {record['epoch']} is over")
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Before the first step of an epoch."""

    def on_step(self, trainer: Trainer, loss: float) -> None:
        """After every step."""

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        """After an epoch and its validation; `record` holds its numbers by name."""

    def on_finding(self, trainer: Trainer, finding: Finding) -> None:
        """When something is found that keeps the network from learning; once for each."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """After Ctrl-C, between two steps."""

    def on_diverged(self, trainer: Trainer) -> None:
        """After a loss or gradient that is not finite; the error is about to be raised."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last step."""


class _Monitor:
    """Which of two records is better by one of their numbers."""

    def __init__(self, name: str | None, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f'mode must be "auto", "min" or "max", not {mode!r}')
        self.name, self.mode, self.min_delta = name, mode, abs(min_delta)
        self.reset()

    def reset(self) -> None:
        """Forget the best so far."""
        self.best = math.nan

    def value(self, trainer: Trainer, record: Record) -> float:
        """The watched number of a record; the validation loss unless told otherwise."""
        name = self.name or ("val_loss" if "val_loss" in record else "loss")
        if name not in record:
            numbers = ", ".join(key for key, value in record.items() if isinstance(value, float))
            raise ArgumentError(
                f"there is no {name!r} to watch; an epoch has {numbers}",
                fix="give validation_data for val_ numbers, or name another one",
            )
        if self.mode == "auto":
            better_up = trainer.greater_is_better(name)
            self.mode = "max" if better_up else "min"
        return float(record[name])

    def improved(self, value: float) -> bool:
        """Whether a value beats the best so far, which it then becomes."""
        if math.isnan(value):
            return False
        gain = value - self.best if self.mode == "max" else self.best - value
        if math.isnan(self.best) or gain > self.min_delta:
            self.best = value
            return True
        return False


class EarlyStopping(Callback):
    """Stop when a number has not improved for some epochs, and go back to the best weights.

    Args:
        monitor:      a name in the epoch's record; val_loss (or loss) when None.
        patience:     how many epochs without improvement are allowed.
        min_delta:    the least change that counts.
        mode:         "min", "max", or "auto" by the name.
        restore_best: put the best epoch's weights back at the end.

    Source: Prechelt 1998, "Early stopping - but when?".
    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        self.monitor = _Monitor(monitor, mode, min_delta)
        self.patience, self.restore_best = patience, restore_best
        self.waited, self.best_epoch = 0, 0
        self.best_weights: dict[str, Any] | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.monitor.reset()
        self.waited, self.best_epoch, self.best_weights = 0, 0, None
        for record in trainer.history:  # a resumed run goes on waiting where it was
            self._watch(trainer, record)

    def _watch(self, trainer: Trainer, record: Record) -> bool:
        """Whether this epoch is the best so far."""
        if self.monitor.improved(self.monitor.value(trainer, record)):
            self.waited, self.best_epoch = 0, record["epoch"]
            return True
        self.waited += 1
        return False

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        if self._watch(trainer, record):
            if self.restore_best:
                self.best_weights = trainer.usable_weights()
            return
        if self.waited >= self.patience:
            trainer.stop(f"no improvement for {self.waited} epochs")

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.best_weights is not None:
            trainer.model.load_state_dict(self.best_weights)


class Plateau(Callback):
    """Feed an epoch's number to a `ReduceOnPlateau`, which lowers the learning rate."""

    def __init__(self, schedule: Any, monitor: str | None = None, mode: str = "min") -> None:
        self.schedule = schedule
        self.monitor = _Monitor(monitor, mode, 0.0)

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        self.schedule.update(self.monitor.value(trainer, record))


class Checkpoint(Callback):
    """Keep the best weights and the whole last state in a folder.

    Files: `weights.safetensors` (the best epoch's model) and `last.safetensors` (everything that
    `Trainer.resume` needs). Short epochs do not wait for the disk: files are written at most every
    `every_seconds`, and always at the end, after Ctrl-C, and when the training diverges - then with
    the state after the last epoch that went well.

    Args:
        folder:        where; it is made.
        monitor:       as for EarlyStopping.
        mode:          as for EarlyStopping.
        keep:          "best" weights, or those of the "last" epoch.
        every_seconds: least time between two writes.
    """

    def __init__(
        self,
        folder: str | Path,
        monitor: str | None = None,
        mode: str = "auto",
        *,
        keep: str = "best",
        every_seconds: float = 5.0,
    ) -> None:
        if keep not in ("best", "last"):
            raise ArgumentError(f'keep must be "best" or "last", not {keep!r}')
        self.folder, self.keep, self.every_seconds = Path(folder), keep, every_seconds
        self.monitor = _Monitor(monitor, mode, 0.0)
        self._pending: dict[str, Callable[[], None]] = {}
        self._written = -math.inf

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.monitor.reset()
        for record in trainer.history:
            self.monitor.improved(self.monitor.value(trainer, record))
        if not trainer.history:
            self._take_weights(trainer)
        self._take_state(trainer)
        self._flush()

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        better = self.monitor.improved(self.monitor.value(trainer, record))
        if better or self.keep == "last":
            self._take_weights(trainer)
        self._take_state(trainer)
        if time.monotonic() - self._written >= self.every_seconds:
            self._flush()

    def on_interrupt(self, trainer: Trainer) -> None:
        self._take_state(trainer)
        self._flush()

    def on_diverged(self, trainer: Trainer) -> None:
        self._flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        self._flush()

    def _take_state(self, trainer: Trainer) -> None:
        path, snapshot = self.folder / "last.safetensors", Snapshot(trainer)
        self._pending["state"] = lambda: snapshot.write(path)

    def _take_weights(self, trainer: Trainer) -> None:
        path, weights = self.folder / "weights.safetensors", trainer.usable_weights()
        self._pending["weights"] = lambda: files.save(weights, path)

    def _flush(self) -> None:
        """Write what is not written yet: weights first, the state that counts on them last."""
        for name in ("weights", "state"):
            if name in self._pending:
                self._pending.pop(name)()
        self._written = time.monotonic()


class LogFiles(Callback):
    """`log.jsonl` (one line per event) and `metrics.csv` (one row per epoch) in a folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        resumed = trainer.epoch if trainer.step else None
        self.events = JsonLinesLog(self.folder / "log.jsonl", resume_epoch=resumed)
        self.table = CsvLog(self.folder / "metrics.csv", resume_epoch=resumed)
        self.events.write({"event": "begin", "epoch": trainer.epoch, "step": trainer.step})

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        self.events.write({"event": "epoch", **record})
        self.table.write(record)

    def on_finding(self, trainer: Trainer, finding: Finding) -> None:
        self.events.write({"event": "finding", "epoch": trainer.epoch, **finding.as_dict()})

    def on_interrupt(self, trainer: Trainer) -> None:
        self.events.write({"event": "interrupt", "epoch": trainer.epoch, "step": trainer.step})
        self.events.close()

    def on_diverged(self, trainer: Trainer) -> None:
        self.events.write({"event": "diverged", "epoch": trainer.epoch, "step": trainer.step})
        self.events.close()

    def on_fit_end(self, trainer: Trainer) -> None:
        reason = trainer.stop_reason or "all epochs done"
        self.events.write({"event": "end", "epoch": trainer.epoch, "reason": reason})
        self.events.close()


class TensorBoard(Callback):
    """Scalars of every epoch in TensorBoard's file format, in a folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.writer = EventWriter(self.folder)

    def on_epoch_end(self, trainer: Trainer, record: Record) -> None:
        numbers = {k: v for k, v in record.items() if isinstance(v, float) and math.isfinite(v)}
        self.writer.scalars(numbers, step=record["epoch"])

    def on_fit_end(self, trainer: Trainer) -> None:
        self.writer.close()
