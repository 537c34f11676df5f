"""The training loop: batches in, steps of the optimizer, numbers of every epoch out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from retroprop import dtypes, optim, tree
from retroprop import metrics as metric_table
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.data.dataset import Batch, batches, length
from retroprop.data.order import generator
from retroprop.errors import ArgumentError, DivergedError, DTypeError
from retroprop.interop import weights as files
from retroprop.nn.module import Module
from retroprop.train import checkpoint
from retroprop.train.callbacks import Callback
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
        augment:        a function (x, y, random generator) -> (x, y) on a training batch.
        ema:            an optim.EMA whose averaged weights are the ones evaluated, or None.
        seed:           of the order of the batches and of augmentation.

    Attributes:
        history: one record (dict) per epoch: epoch, loss, metrics, val_..., lr, seconds.
        epoch, step: how many are done.
        position:    how far into the present epoch: batches, and the sums behind its loss.
        stop_reason: why the last fit ended before its time, or None.

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
    ) -> None:
        if accumulate < 1:
            raise ArgumentError(f"accumulate must be at least 1, it is {accumulate}")
        if not isinstance(model, Module):
            raise DTypeError(f"model must be an nn.Module, got {type(model).__name__}")
        self.model = model
        self.objective = Objective(loss)
        if isinstance(optimizer, str):
            make: Any = optim.get(optimizer)
            optimizer = make(model.parameters())
        if not isinstance(optimizer, optim.Optimizer):
            raise DTypeError(
                f"optimizer must be a name or an optimizer, got {type(optimizer).__name__}",
                fix='for example optimizer="adam", or optim.Adam(model.parameters(), lr=1e-3)',
            )
        self.optimizer = optimizer
        metrics = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = [metric_table.get(metric) for metric in metrics]
        self.callbacks = list(callbacks)
        self.clip_grad_norm, self.accumulate = clip_grad_norm, accumulate
        self.augment, self.ema, self.seed = augment, ema, seed
        self.history: list[Record] = []
        self.epoch = self.step = 0
        self.stop_reason: str | None = None
        self.first_epoch: int | None = None  # where a fit that has not ended began
        self.position: Record = _start()

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
            DivergedError:     the loss is not finite; the step was not applied.
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

    def stop(self, reason: str) -> None:
        """End the fit after this epoch; callbacks call it."""
        self.stop_reason = reason

    # -- the steps of the loop (train/loop.py) ----------------------------------------------------

    def begin_epoch(self) -> None:
        """Ready the model and the metrics for training."""
        for metric in self.metrics:
            metric.reset()
        self.model.train()

    def train_step(self, batch: Batch) -> float:
        """One update of the weights; returns the loss of the batch.

        Raises:
            DivergedError: the loss or the gradient is not finite; the weights are as before.
        """
        x, y, weights = batch
        if self.augment is not None:
            x, y = self.augment(x, y, generator(self.seed, self.epoch, self.position["batch"]))
        self.optimizer.zero_grad()
        loss, weight = self._gradient(x, y, weights)
        if weight:
            self._check_gradient()
            self.optimizer.step()
            if self.ema is not None:
                self.ema.update()
        self.step += 1
        self.position["batch"] += 1
        self.position["loss"] += loss * weight
        self.position["weight"] += weight
        return loss

    def _gradient(self, x: Any, y: Any, weights: Any) -> tuple[float, float]:
        """Sets the gradients of a batch, part by part; returns its loss and how much it counts."""
        count = length(x)
        total = float(count if weights is None else weights.sum())
        value = 0.0
        for part in np.array_split(np.arange(count), min(self.accumulate, count)):
            window = slice(part[0], part[-1] + 1)
            inputs, targets = self._tensors(x, window), self._tensors(y, window)
            counts = None if weights is None else self._tensors(weights, window)
            weight = len(part) if weights is None else float(weights[window].sum())
            if weight == 0.0:  # nothing here counts: 0 / 0 would be no number
                continue
            prediction = self._predict(inputs)
            loss = self.objective(prediction, targets, counts)
            loss_value = float(loss)
            if not math.isfinite(loss_value):
                raise self._diverged(f"the loss is {loss_value}")
            share = weight / total
            (loss if share == 1.0 else loss * share).backward()
            value += loss_value * share
            self._measure(prediction, targets, counts)
        return value, total

    def _check_gradient(self) -> None:
        """Clip the gradient; one that is not finite must not reach the weights."""
        parameters = self.model.parameters()
        if self.clip_grad_norm is None:
            norm = float(optim.grad_norm(parameters))
        else:
            norm = float(optim.clip_grad_norm_(parameters, self.clip_grad_norm))
        if not math.isfinite(norm):
            raise self._diverged(f"the norm of the gradient is {norm}")

    def _diverged(self, what: str) -> DivergedError:
        return DivergedError(
            f"{what} at step {self.step + 1} (epoch {self.epoch + 1}); this step was not applied",
            fix=f"lower the learning rate (now {self.optimizer.lr:g}), "
            "set clip_grad_norm=1.0, and check the data for huge values",
        )

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
                inputs, targets = self._tensors(batch.x), self._tensors(batch.y)
                counts = None if batch.weights is None else self._tensors(batch.weights)
                prediction = self._predict(inputs)
                share = float(length(batch.x) if counts is None else counts.sum())
                total += float(self.objective(prediction, targets, counts)) * share
                weight += share
                self._measure(prediction, targets, counts)
        scores = {"loss": total / weight if weight else math.nan}
        scores.update((metric.name, metric.compute()) for metric in self.metrics)
        return scores

    def predict(self, x: Any, *, batch_size: int = 256) -> Array:
        """The model's outputs (logits, for a classifier) for every example, in eval mode."""
        data = dataset(x)
        with no_grad(), self._evaluating():
            parts = [
                self._predict(self._tensors(batch.x)).numpy() for batch in batches(data, batch_size)
            ]
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

    def _tensors(self, arrays: Any, window: slice | None = None) -> Any:
        """A batch as Tensors; floating arrays take the dtype of the model's parameters."""
        dtype = next((p.dtype for p in self.model.parameters()), dtypes.default_float)

        def convert(array: Any) -> Tensor:
            part = np.asarray(array if window is None else array[window])
            return Tensor(part.astype(dtype, copy=False) if part.dtype.kind == "f" else part)

        return tree.tree_map(convert, arrays)

    def _predict(self, inputs: Any) -> Any:
        if isinstance(inputs, dict):
            return self.model(**inputs)
        return self.model(*inputs) if isinstance(inputs, tuple) else self.model(inputs)

    def _measure(self, prediction: Any, target: Any, counts: Tensor | None) -> None:
        if self.metrics and isinstance(prediction, Tensor):
            shown = prediction.detach().numpy()
            weight = None if counts is None else counts.numpy()
            for metric in self.metrics:
                metric.update(shown, target.numpy(), weight)

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
