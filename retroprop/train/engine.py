"""The steps of a Trainer: what one step is, and how many of them run in one native call.

A step takes the numbers of its rows and gathers them from the data itself, so an epoch is a few
calls of compiled code, each with as many steps as fit into a moment; in between Python is asked:
progress, Ctrl-C, callbacks. How steps are grouped changes no bit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroprop import ops, optim, tree
from retroprop.core.compile import compile
from retroprop.core.tape import Journal, no_grad
from retroprop.core.tensor import Tensor
from retroprop.data.dataset import Dataset, take
from retroprop.errors import DivergedError, IndexRangeError, TraceError
from retroprop.health.provenance import Provenance, replay

if TYPE_CHECKING:
    from retroprop.train.trainer import Trainer

__all__ = ["Engine", "Outcome", "in_memory"]

Array = np.ndarray[Any, Any]

_SECONDS = 0.05  # of steps in one call: Ctrl-C and progress wait no longer
_MOST = 256  # steps in one call
_BYTES = 1 << 26  # of predictions that one call may return


class Outcome(NamedTuple):
    """What steps gave.

    Attributes:
        losses:      (steps,) the loss of each.
        norms:       (steps,) of the gradient, before it is clipped.
        predictions: (steps, batch, ...) or None when nobody measures them.
    """

    losses: Array
    norms: Array
    predictions: Array | None


class Engine:
    """Takes the steps of a Trainer, compiled unless the model cannot be.

    Args:
        trainer:  whose model, loss and optimizer are used.
        compiled: False runs every op eagerly.
    """

    def __init__(self, trainer: Trainer, *, compiled: bool) -> None:
        self.trainer, self.compiled = trainer, compiled
        self._batch = compile(self._train, verbose=False)
        self._judge = compile(self._judged, verbose=False)
        self._predict = compile(trainer.apply_model, verbose=False)
        self._rows: Callable[..., Any] | None = None
        self._source: tuple[Any, ...] = ()
        self._pace = 0.0  # seconds of a step, as last measured
        self._warm = False
        self._fitting = _MOST

    # -- training --------------------------------------------------------------------------------

    def steps_at_once(self) -> int:
        """How many steps the next call should take."""
        if not self.compiled or not self._pace:
            return 1
        return int(max(1, min(_MOST, self._fitting, _SECONDS / self._pace)))

    def train_rows(self, data: Dataset, rows: Array) -> Outcome:
        """Steps on rows of a data set.

        Args:
            rows: (steps, batch) which examples each step takes.

        Raises:
            DivergedError: `completed_steps` of them were applied before, with `made` their Outcome.
        """
        if not self.compiled or not in_memory(data):
            return self._one_by_one(data, rows)
        step = self._step_over(data)
        began = time.perf_counter()
        try:
            made = step.many(Tensor(rows)) if len(rows) > 1 else _stacked(step(Tensor(rows[0])))
        except TraceError as error:
            self._go_eager(error)
            return self._one_by_one(data, rows)
        except IndexRangeError:
            self._explain(data, rows)
            raise
        except DivergedError as error:
            error.made = None if error.made is None else _outcome(error.made)
            raise
        if self._warm:  # the first call also compiles: it tells no pace
            self._pace = (time.perf_counter() - began) / len(rows)
        self._warm = True
        outcome = _outcome(made)
        if outcome.predictions is not None:
            self._fitting = _BYTES // max(1, outcome.predictions[0].nbytes)
        return outcome

    def train_batch(self, x: Any, y: Any, weights: Any) -> Outcome:
        """One step on arrays, which is how augmented batches come."""
        tensors = [self.trainer.tensors(part) for part in (x, y, weights)]
        if not self.compiled:
            return _outcome(_stacked(self._train_eagerly(*tensors)))
        try:
            return _outcome(_stacked(self._batch(*tensors)))
        except TraceError as error:
            self._go_eager(error)
            return _outcome(_stacked(self._train_eagerly(*tensors)))

    def _one_by_one(self, data: Dataset, rows: Array) -> Outcome:
        parts: list[Outcome] = []
        for r in rows:
            try:
                x, y, weights = (take(part, r) for part in (data.x, data.y, data.weights))
                parts.append(self.train_batch(x, y, weights))
            except DivergedError as error:
                error.completed_steps = len(parts)
                error.made = self._together(parts) if parts else None
                raise
        return self._together(parts)

    def _together(self, parts: list[Outcome]) -> Outcome:
        losses = np.concatenate([part.losses for part in parts])
        norms = np.concatenate([part.norms for part in parts])
        shown = [part.predictions for part in parts if part.predictions is not None]
        return Outcome(losses, norms, np.concatenate(shown) if shown else None)

    def _step_over(self, data: Dataset) -> Any:
        """The compiled step over a data set, made once for each."""
        source = (data.x, data.y, data.weights)
        if self._rows is None or any(a is not b for a, b in zip(source, self._source, strict=True)):
            x, y, weights = (self.trainer.tensors(part) for part in source)

            def step(rows: Tensor) -> Any:
                def gather(tensor: Tensor) -> Any:
                    return ops.take(tensor, rows, axis=0)

                parts = [None if t is None else tree.tree_map(gather, t) for t in (x, y, weights)]
                return self._train(*parts)

            self._rows, self._source = compile(step, verbose=False), source
            self._pace, self._warm = 0.0, False
        return self._rows

    def _train(self, inputs: Any, targets: Any, counts: Tensor | None) -> tuple[Any, ...]:
        """One step: gradient, checks, update. Returns loss, norm of the gradient, prediction."""
        made = self._checked(inputs, targets, counts)
        self._update()
        return made

    def _train_eagerly(self, *batch: Any) -> tuple[Any, ...]:
        """The same op by op; one that fails has changed nothing, as in compiled code."""
        with Journal() as journal:
            try:
                made = self._checked(*batch)
            except DivergedError:
                self.trainer.optimizer.zero_grad()
                journal.rewind()
                raise
        self._update()
        return made

    def provenance(self, x: Any, y: Any, weights: Any) -> Provenance | None:
        """Where the NaN or infinity of a step on arrays comes from; nothing is changed."""
        batch = [self.trainer.tensors(part) for part in (x, y, weights)]
        names = ("the input", "the target", "the sample weight")
        return replay(self._train, batch, names=names, model=self.trainer.model)

    def _checked(self, inputs: Any, targets: Any, counts: Tensor | None) -> tuple[Any, ...]:
        """Loss, norm of the gradient and prediction, with the gradients set; none is not finite."""
        trainer = self.trainer
        trainer.optimizer.zero_grad()
        loss, shown = self._gradient(inputs, targets, counts)
        loss = ops.require_finite(loss, what="the loss")
        parameters = trainer.model.parameters()
        if trainer.clip_grad_norm is None:
            norm = optim.grad_norm(parameters)
        else:
            norm = optim.clip_grad_norm_(parameters, trainer.clip_grad_norm)
        norm = ops.require_finite(norm, what="the norm of the gradient")
        return loss, norm, shown

    def _update(self) -> None:
        trainer = self.trainer
        trainer.optimizer.step()
        if trainer.ema is not None:
            trainer.ema.update()
        trainer.optimizer.zero_grad()

    def backward(self, inputs: Any, targets: Any, counts: Tensor | None) -> Tensor:
        """Set the gradients of a batch and return its loss, as a step does before its update."""
        return self._gradient(inputs, targets, counts)[0]

    def _gradient(self, inputs: Any, targets: Any, counts: Tensor | None) -> tuple[Tensor, Any]:
        """Sets the gradients of a batch, part by part; returns its loss and the predictions."""
        trainer = self.trainer
        count = _length(inputs)
        total = None if counts is None else ops.sum(counts)
        losses, shown = [], []
        for part in np.array_split(np.arange(count), min(trainer.accumulate, count)):
            window = slice(int(part[0]), int(part[-1]) + 1)
            x, y, weights = (
                None if t is None else tree.tree_map(lambda one, w=window: one[w], t)
                for t in (inputs, targets, counts)
            )
            prediction = trainer.apply_model(x)
            if weights is None:
                loss = trainer.objective(prediction, y, None) * (len(part) / count)
            else:
                loss = trainer.objective.weighted_sum(prediction, y, weights) / total
            loss.backward()
            losses.append(loss.detach())
            shown.append(prediction)
        whole = losses[0]
        for loss in losses[1:]:
            whole = whole + loss
        return whole, self._shown(shown)

    def _shown(self, predictions: list[Any]) -> Any:
        """The predictions for the metrics; None when nobody measures them."""
        if not self.trainer.metrics or not isinstance(predictions[0], Tensor):
            return None
        detached = [prediction.detach() for prediction in predictions]
        return detached[0] if len(detached) == 1 else ops.concatenate(*detached, axis=0)

    def _go_eager(self, error: TraceError) -> None:
        """A model that looks at its numbers is run eagerly, and that is said once."""
        self.compiled = False
        first = str(error).splitlines()[0]
        print(f"retroprop: the steps run uncompiled: {first}", file=sys.stderr)  # noqa: T201

    def _explain(self, data: Dataset, rows: Array) -> None:
        """Look for the example behind an index out of range, eagerly: its error says more."""
        with no_grad():
            for r in rows:
                inputs, targets = (self.trainer.tensors(take(t, r)) for t in (data.x, data.y))
                self.trainer.objective(self.trainer.apply_model(inputs), targets, None)

    # -- using the model -------------------------------------------------------------------------

    def judge(self, x: Any, y: Any, weights: Any) -> tuple[float, Any]:
        """The loss of a batch and the predictions, without training."""
        tensors = [self.trainer.tensors(part) for part in (x, y, weights)]
        loss, prediction = self._tried(self._judge, self._judged, tensors)
        return float(loss), prediction

    def _judged(self, inputs: Any, targets: Any, counts: Tensor | None) -> tuple[Tensor, Any]:
        prediction = self.trainer.apply_model(inputs)
        return self.trainer.objective(prediction, targets, counts), prediction

    def predict(self, x: Any) -> Any:
        """The predictions for a batch."""
        return self._tried(self._predict, self.trainer.apply_model, [self.trainer.tensors(x)])

    def _tried(self, compiled: Any, eager: Any, tensors: list[Any]) -> Any:
        if self.compiled:
            try:
                return compiled(*tensors)
            except TraceError as error:
                self._go_eager(error)
            except IndexRangeError:
                eager(*tensors)
                raise
        return eager(*tensors)


def in_memory(data: Dataset) -> bool:
    """Whether the data is plain arrays, which a compiled step can gather from."""
    leaves, _ = tree.flatten((data.x, data.y, data.weights))
    return all(leaf is None or isinstance(leaf, np.ndarray) for leaf in leaves)


def _length(inputs: Any) -> int:
    leaves, _ = tree.flatten(inputs)
    return int(leaves[0].shape[0])


def _stacked(made: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results of one step as those of several."""
    return tuple(None if one is None else one[None] for one in made)


def _outcome(made: tuple[Any, ...]) -> Outcome:
    loss, norm, shown = made
    return Outcome(loss.numpy(), norm.numpy(), None if shown is None else shown.numpy())
