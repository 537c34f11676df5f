"""The training loop: batches in, steps of the optimizer, numbers of every epoch out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from retroprop import dtypes, optim, tree
from retroprop import metrics as metric_table
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.data.dataset import Dataset, batches, length, take
from retroprop.data.order import generator
from retroprop.data.stream import Ahead
from retroprop.errors import ArgumentError, DivergedError, DTypeError
from retroprop.health.monitor import Monitor
from retroprop.interop import weights as files
from retroprop.nn.module import Module
from retroprop.train import checkpoint
from retroprop.train.callbacks import Callback
from retroprop.train.divergence import Divergence
from retroprop.train.engine import Engine, Outcome, in_memory
from retroprop.train.inputs import dataset, pair, with_targets
from retroprop.train.loop import Batching, Loop
from retroprop.train.objective import Objective
from retroprop.train.progress import Progress

__all__ = ["Trainer"]

Record = dict[str, Any]
Array = np.ndarray[Any, Any]


class Trainer:
    """Train, evaluate and use a model on arrays in memory.

    Args:
        model:          an nn.Module from a batch of inputs to predictions.
        loss:           a name ("mse"), a function (prediction, target), or a loss module.
        optimizer:      an optimizer over the model's parameters, or a name ("adam").
        metrics:        names or objects of retroprop.metrics; measured exactly over each epoch.
        callbacks:      listeners for every fit; see retroprop.train.callbacks.
        clip_grad_norm: bound on the global norm of the gradient, or None.
        accumulate:     cut each batch in this many parts, with the gradient of the whole.
        augment:        a function (x, y, random generator) -> (x, y) on a training batch; called in
                        a thread, some batches ahead (in two, where examples are read from files).
        ema:            an optim.EMA whose averaged weights are the ones evaluated, or None.
        seed:           of the order of the batches and of augmentation.
        compiled:       run steps as native code (`rp.compile`); False runs op by op, as NumPy does.
        health:         look now and then for what keeps the network from learning; True as often as
                        costs next to nothing, a number every so many steps.
        nonfinite:      a step whose loss or gradient is not finite is never applied; then "stop"
                        with an error that says why, or "skip" the batch.

    Attributes:
        history: one record (dict) per epoch: epoch, loss, metrics, val_..., lr, seconds.
        epoch, step: how many are done.
        position:    how far into the present epoch: batches, and the sums behind its loss.
        stop_reason: why the last fit ended before its time, or None.
        monitor:     what looks after health (`monitor.findings`, `monitor.history`), or None.
        divergence:  counts the batches that were skipped (`divergence.skipped`).

    Example:
        >>> import retroprop as rp
        >>> from retroprop import nn, optim
        >>> _ = rp.manual_seed(0)
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(-1, 1)
        >>> model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        >>> opt = optim.Adam(model.parameters(), lr=0.05)
        >>> trainer = rp.Trainer(model, loss="mse", optimizer=opt, metrics=["r2"])
        >>> history = trainer.fit(x, x**2, epochs=60, batch_size=16, progress=False)
        >>> trainer.evaluate(x, x**2)["r2"] > 0.9
        True
    """

    def __init__(
        self,
        model: Module,
        loss: Any = "cross_entropy",
        optimizer: Any = "adam",
        metrics: str | Sequence[Any] = (),
        *,
        callbacks: Iterable[Callback] = (),
        clip_grad_norm: float | None = None,
        accumulate: int = 1,
        augment: Any = None,
        ema: Any = None,
        seed: int = 0,
        compiled: bool = True,
        health: bool | int = True,
        nonfinite: str = "stop",
    ) -> None:
        if accumulate < 1:
            raise ArgumentError(f"accumulate must be at least 1, it is {accumulate}")
        if not isinstance(model, Module):
            raise DTypeError(f"model must be an nn.Module, got {type(model).__name__}")
        self.model, self.objective = model, Objective(loss)
        if isinstance(optimizer, str):
            optimizer = optim.get(optimizer)(model.parameters())  # type: ignore[call-arg]
        if not isinstance(optimizer, optim.Optimizer):
            raise DTypeError(
                f"optimizer must be a name or an optimizer, got {type(optimizer).__name__}",
                fix='for example optimizer="adam", or optim.Adam(model.parameters(), lr=1e-3)',
            )
        self.optimizer = optimizer
        listed = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = [metric_table.get(metric) for metric in listed]
        self.callbacks, self.clip_grad_norm = list(callbacks), clip_grad_norm
        self.accumulate, self.augment, self.ema, self.seed = accumulate, augment, ema, seed
        self.history: list[Record] = []
        self._begin()
        self.engine, self.monitor = Engine(self, compiled=compiled), self._monitor(health)
        self.divergence = Divergence(self, nonfinite)

    def _begin(self) -> None:
        """Nothing is done yet."""
        self.epoch, self.step = 0, 0
        self.stop_reason: str | None = None
        self.first_epoch: int | None = None  # where a fit that has not ended began
        self.position: Record = _start()
        self.ahead: Ahead | None = None  # the batches of the epoch, where they are made

    # -- training --------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        callbacks: Iterable[Callback] = (),
        progress: bool | Progress = True,
    ) -> list[Record]:
        """Train for some epochs; a fit that was interrupted or resumed only does the rest of them.

        Args:
            x:               inputs (examples, ...), a tuple or dict of them, or a Dataset.
            y:               targets (examples, ...).
            epochs:          how many, counted from where this fit, or the one it continues, began.
            batch_size:      examples per step; the last batch of an epoch keeps what is left.
            validation_data: (x, y) or a Dataset, evaluated after every epoch.
            sample_weight:   (examples,) how much each example counts.
            class_weight:    {class: weight} or a sequence; multiplies sample_weight.
            shuffle:         a new order each epoch, a pure function of (seed, epoch).
            callbacks:       listeners for this fit only.
            progress:        show progress, or a Progress to show it with.

        Returns:
            The history: one record per epoch.

        Raises:
            DivergedError:     the loss or gradient is not finite; the step was not applied.
            KeyboardInterrupt: after Ctrl-C, between two steps, once callbacks have saved.
        """
        data = with_targets(dataset(x, y, sample_weight, class_weight), "fit")
        held_out = None if validation_data is None else pair(validation_data)
        display = progress if isinstance(progress, Progress) else Progress(enabled=progress)
        batching = Batching(data, batch_size, self.seed, shuffle)
        loop = Loop(self, batching, held_out, [*self.callbacks, *callbacks], display)
        if self.first_epoch is None:
            self.first_epoch = self.epoch
        loop.run(self.first_epoch, epochs)
        self.first_epoch = None
        return self.history

    def _monitor(self, health: bool | int) -> Monitor | None:
        """Who looks after the health of the training."""
        if health is False:
            return None
        every = None if health is True else int(health)
        if every is not None and every < 1:
            raise ArgumentError(f"health must be a bool or a number of steps, it is {health!r}")
        return Monitor(
            self.model,
            self.optimizer,
            lambda *batch: self.engine.backward(*batch),
            every=every,
            loss=self.objective.name,
            clip_grad_norm=self.clip_grad_norm,
            epochs=self.history,
        )

    def stop(self, reason: str) -> None:
        """End the fit after this epoch; callbacks call it."""
        self.stop_reason = reason

    # -- the steps of the loop (train/loop.py) ----------------------------------------------------

    def begin_epoch(self) -> None:
        """Ready the model and the metrics for training."""
        for metric in self.metrics:
            metric.reset()
        self.model.train()

    def train_steps(self, data: Dataset, rows: Array) -> list[float]:
        """Updates of the weights, one for each line of rows; returns the loss of each applied one.

        Args:
            rows: (steps, batch) the examples that each step takes.

        Raises:
            DivergedError: the loss or the gradient is not finite; the weights are as before it.
        """
        counts = self._counts(data, rows)
        if len(rows) > 1 and not all(counts):
            return [loss for one in rows for loss in self.train_steps(data, one[None])]
        if not counts[0]:  # nothing here counts: 0 / 0 would be no number
            self._advance([0.0], counts)
            return [0.0]
        began = time.perf_counter()
        try:
            made = self._run_steps(data, rows)
        except DivergedError as error:
            done = error.completed_steps
            losses = self._account(error.made, data, rows[:done], began) if done else []
            self.divergence.meet(error, data, rows[done])
            self.position["batch"] += 1
            rest = rows[done + 1 :]
            return losses + (self.train_steps(data, rest) if len(rest) else [])
        return self._account(made, data, rows, began)

    def _account(self, made: Outcome, data: Dataset, rows: Array, began: float) -> list[float]:
        """Measure and count steps that were applied."""
        if made.predictions is not None:
            shown = made.predictions.reshape(-1, *made.predictions.shape[2:])
            every = rows.reshape(-1)
            self._measure(shown, take(data.y, every), take(data.weights, every))
        losses = [float(loss) for loss in made.losses]
        if self.monitor is not None:
            self.monitor.trained(time.perf_counter() - began, losses, made.norms.tolist())
        self._advance(losses, self._counts(data, rows))
        self.divergence.went_well(losses)
        return losses

    def batch(self, data: Dataset, row: Array, number: int | None = None) -> tuple[Any, Any, Any]:
        """Inputs, targets and weights of a step of this epoch (of the next one), augmented."""
        x, y, weights = (take(part, row) for part in (data.x, data.y, data.weights))
        if self.augment is not None:
            at = self.position["batch"] if number is None else number
            x, y = self.augment(x, y, generator(self.seed, self.epoch, at))
        return x, y, weights

    def makes_batches(self, data: Dataset) -> bool:
        """Whether batches are made, from files or at random, rather than taken as they lie."""
        return self.augment is not None or not in_memory(data)

    def _run_steps(self, data: Dataset, rows: Array) -> Outcome:
        if not self.makes_batches(data):
            return self.engine.train_rows(data, rows)
        x, y, weights = self.batch(data, rows[0]) if self.ahead is None else self.ahead.next()
        made = self.engine.train_batch(x, y, weights)
        if made.predictions is not None:
            self._measure(made.predictions[0], y, weights)
        return Outcome(made.losses, made.norms, None)

    def _counts(self, data: Dataset, rows: Array) -> list[float]:
        """How much each step counts in the mean loss of the epoch."""
        if data.weights is None:
            return [float(rows.shape[1])] * len(rows)
        return [float(data.weights[one].sum()) for one in rows]

    def _advance(self, losses: list[float], counts: list[float]) -> None:
        self.step += len(losses)
        self.position["batch"] += len(losses)
        for loss, count in zip(losses, counts, strict=True):
            self.position["loss"] += loss * count
            self.position["weight"] += count

    def epoch_scores(self) -> dict[str, float]:
        """Loss and metrics of the epoch so far."""
        measured = {metric.name: metric.compute() for metric in self.metrics}
        return {"loss": self.epoch_loss(), **measured}

    def epoch_loss(self) -> float:
        """The mean loss of the epoch so far."""
        at = self.position
        return float(at["loss"] / at["weight"]) if at["weight"] else math.nan

    def end_epoch(self, record: Record) -> None:
        """Count an epoch and keep its record."""
        self.epoch += 1
        self.position = _start()
        self.history.append(record)

    # -- using -----------------------------------------------------------------------------------

    def evaluate(self, x: Any, y: Any = None, *, batch_size: int = 256) -> dict[str, float]:
        """The loss and the metrics over a data set, the model in eval mode.

        Returns:
            {"loss": ..., metric name: ...}.
        """
        data = with_targets(dataset(x, y), "evaluate")
        for metric in self.metrics:
            metric.reset()
        total = weight = 0.0
        with no_grad(), self._evaluating():
            for batch in batches(data, batch_size):
                loss, prediction = self.engine.judge(batch.x, batch.y, batch.weights)
                share = float(length(batch.x) if batch.weights is None else batch.weights.sum())
                total += loss * share
                weight += share
                if isinstance(prediction, Tensor):
                    self._measure(prediction.numpy(), batch.y, batch.weights)
        scores = {"loss": total / weight if weight else math.nan}
        scores.update((metric.name, metric.compute()) for metric in self.metrics)
        return scores

    def predict(self, x: Any, *, batch_size: int = 256) -> Array:
        """The model's outputs (logits, for a classifier) for every example, in eval mode."""
        data = dataset(x)
        with no_grad(), self._evaluating():
            parts = [self.engine.predict(batch.x).numpy() for batch in batches(data, batch_size)]
        return np.concatenate(parts)

    def greater_is_better(self, name: str) -> bool:
        """Whether a number of the history is better when larger (losses are not)."""
        plain = name.removeprefix("val_")
        return any(m.name == plain and bool(m.greater_is_better) for m in self.metrics)

    # -- saving ----------------------------------------------------------------------------------

    def save_weights(self, path: str | Path) -> None:
        """Write the model's weights (averaged ones when there is an EMA) to a safetensors file."""
        files.save(self.usable_weights(), path)

    def usable_weights(self) -> dict[str, Array]:
        """A copy of the weights by name as `evaluate` uses them: averaged, if there is an EMA."""
        with self._averaged():
            state = self.model.state_dict()
            return {name: np.array(value.detach().numpy()) for name, value in state.items()}

    def save(self, path: str | Path) -> None:
        """Write everything a later `resume` needs, in one file, in one step."""
        checkpoint.save(self, path)

    def resume(self, path: str | Path) -> Trainer:
        """Go back to a saved state: the next `fit` continues bit for bit where it was left.

        Raises:
            CheckpointError: the file is damaged, or belongs to another model or optimizer.
        """
        checkpoint.resume(self, path)
        return self

    # -- between arrays and tensors --------------------------------------------------------------

    def tensors(self, arrays: Any) -> Any:
        """Arrays of a batch as Tensors; floating ones take the dtype of the model's parameters."""
        dtype = next((p.dtype for p in self.model.parameters()), dtypes.default_float)

        def convert(array: Any) -> Tensor:
            part = np.asarray(array)
            return Tensor(part.astype(dtype, copy=False) if part.dtype.kind == "f" else part)

        return None if arrays is None else tree.tree_map(convert, arrays)

    def apply_model(self, inputs: Any) -> Any:
        """The model's prediction for a batch of Tensors; a dict of them is given by name."""
        if isinstance(inputs, dict):
            return self.model(**inputs)
        return self.model(*inputs) if isinstance(inputs, tuple) else self.model(inputs)

    def _measure(self, prediction: Array, target: Any, weight: Array | None) -> None:
        for metric in self.metrics:
            metric.update(prediction, target, weight)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """The model in eval mode, with averaged weights when there are any."""
        was_training = self.model.training
        self.model.eval()
        try:
            with self._averaged():
                yield
        finally:
            self.model.train(was_training)

    def _averaged(self) -> Any:
        return nullcontext() if self.ema is None else self.ema.applied()


def _start() -> Record:
    return {"batch": 0, "loss": 0.0, "weight": 0.0}
