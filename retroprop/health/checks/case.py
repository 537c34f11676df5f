"""What checks look at: a model, its loss, its optimizer and its data, before any training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from retroprop import dtypes, tree
from retroprop.core.tensor import Tensor
from retroprop.data.dataset import length
from retroprop.health.checks.look import Look, look
from retroprop.nn.module import Module
from retroprop.optim import Optimizer

__all__ = ["Case", "classes_of", "flat", "kind_of_loss", "make_case"]

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """A training that is about to begin.

    Attributes:
        model:     in the mode in which it would be trained.
        loss:      a name or a function (prediction, target).
        x, y:      a batch, as Tensors.
        optimizer: or None.
        inputs, targets: all training data at hand, as arrays, tuples or dicts of them; the batch
                   where there is no more.
        columns:   raw columns of a table by name, before any preprocessing.
        task:      "classification", "regression" or "" where it is neither.
        options:   of the run, by name: batch_size, lr, class_weight, ...; "dropped" are columns
                   that were left out, by name, and why.
        look:      what one pass over the batch showed.
    """

    model: Module
    loss: Any
    x: Any
    y: Any
    optimizer: Optimizer | None
    inputs: Any
    targets: Any
    columns: Mapping[str, Array]
    task: str
    options: Mapping[str, Any]
    look: Look

    @property
    def size(self) -> int:
        """How many training examples are at hand."""
        return length(self.targets)

    @property
    def target(self) -> Array | None:
        """The targets where they are one array, None where they are several."""
        return self.targets if isinstance(self.targets, np.ndarray) else None


def make_case(
    model: Module,
    loss: Any,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    inputs: Any = None,
    targets: Any = None,
    columns: Mapping[str, Any] | None = None,
    task: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Case:
    """A case from whatever is at hand; runs one pass over the batch, which leaves no trace.

    Args:
        x, y:    a batch: arrays or Tensors, tuples or dicts of them.
        inputs, targets: the whole training data, as arrays, if it is at hand.
        columns: the raw columns of a table, by name.
        task:    "classification" or "regression"; told from loss and targets when None.
        options: what else is known of the run, by name.

    Example:
        >>> from retroprop import nn
        >>> case = make_case(nn.Linear(2, 3), "cross_entropy", np.zeros((4, 2)), [0, 1, 2, 0])
        >>> case.task, case.look.outputs
        ('classification', (4, 3))
    """
    x, y = _tensors(model, x), _tensors(model, y)
    inputs = tree.tree_map(lambda t: t.numpy(), x) if inputs is None else inputs
    targets = tree.tree_map(lambda t: t.numpy(), y) if targets is None else targets
    targets = targets if isinstance(targets, dict | tuple) else np.asarray(targets)
    chosen = _task(loss, targets) if task is None else task
    return Case(
        model,
        loss,
        x,
        y,
        optimizer,
        inputs,
        targets,
        columns or {},
        chosen,
        options or {},
        look(model, loss, x, y),
    )


def _tensors(model: Module, arrays: Any) -> Any:
    """Arrays as Tensors, floating ones in the dtype of the model."""
    dtype = next((p.dtype for p in model.parameters()), dtypes.default_float)

    def convert(item: Any) -> Tensor:
        if isinstance(item, Tensor):
            return item
        part = np.asarray(item)
        return Tensor(part.astype(dtype, copy=False) if part.dtype.kind == "f" else part)

    if isinstance(arrays, list):
        return convert(np.asarray(arrays))
    return tree.tree_map(convert, arrays)


_KINDS = {
    "cross_entropy": "cross_entropy",
    "CrossEntropyLoss": "cross_entropy",
    "nll_loss": "cross_entropy",
    "nll": "cross_entropy",
    "NLLLoss": "cross_entropy",
    "binary_cross_entropy_with_logits": "binary",
    "BCEWithLogitsLoss": "binary",
    "binary_cross_entropy": "binary",
    "BCELoss": "binary",
    "mse": "mse",
    "mse_loss": "mse",
    "MSELoss": "mse",
}


def kind_of_loss(loss: Any) -> str:
    """The kind of a loss, "cross_entropy", "binary" or "mse", or "" for another one.

    Example:
        >>> from retroprop import nn
        >>> kind_of_loss(nn.CrossEntropyLoss()), kind_of_loss("mse"), kind_of_loss(print)
        ('cross_entropy', 'mse', '')
    """
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return _KINDS.get(name, "")


def _task(loss: Any, targets: Any) -> str:
    kind = kind_of_loss(loss)
    if kind in ("cross_entropy", "binary"):
        return "classification"
    if kind == "mse":
        return "regression"
    indices = isinstance(targets, np.ndarray) and targets.dtype.kind in "iu" and targets.ndim == 1
    return "classification" if indices else ""


def classes_of(case: Case) -> Array | None:
    """The class of each training example, or None where targets are no classes.

    Example:
        >>> from retroprop import nn
        >>> case = make_case(nn.Linear(2, 2), "cross_entropy", np.zeros((3, 2)), [0, 1, 1])
        >>> classes_of(case).tolist()
        [0, 1, 1]
    """
    targets = case.target
    if case.task != "classification" or targets is None:
        return None
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1 or not np.isfinite(targets).all():
        return None
    return targets.astype(np.int64) if (targets == np.round(targets)).all() else None


def flat(inputs: Any) -> Array | None:
    """Inputs as numbers (examples, features), or None where they are no single numeric array.

    Example:
        >>> flat(np.zeros((3, 2, 2))).shape
        (3, 4)
    """
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "fiub" or not inputs.ndim:
        return None
    return inputs.reshape(len(inputs), -1)
