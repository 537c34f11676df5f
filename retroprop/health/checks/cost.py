"""What a training will cost: seconds of an epoch, bytes of weights, state and working memory."""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from retroprop import tree
from retroprop.core import rng
from retroprop.core.compile import Compiled, compile
from retroprop.core.tensor import Tensor
from retroprop.data.dataset import take
from retroprop.errors import RetropropError, TraceError
from retroprop.health.checks.case import Case
from retroprop.health.checks.look import loss_function
from retroprop.health.finding import Finding
from retroprop.optim import Optimizer

__all__ = ["Cost", "estimate", "too_much_memory"]

_SECONDS = 0.5  # spent on timing
_LEAST, _MOST = 5, 20  # steps that are timed


class Cost(NamedTuple):
    """An estimate from a few steps.

    Attributes:
        batch_size:        examples in a step.
        seconds_per_step:  the median of a few compiled steps.
        seconds_per_epoch: of all training examples at hand.
        first_step:        seconds of the first step, with what is compiled for it.
        parameter_bytes, optimizer_bytes: what the weights and the optimizer's state take.
        peak_bytes:        working memory of the compiled step, beside both; None where a step
                           could not be compiled.
    """

    batch_size: int
    seconds_per_step: float
    seconds_per_epoch: float
    first_step: float
    parameter_bytes: int
    optimizer_bytes: int
    peak_bytes: int | None

    def __str__(self) -> str:
        working = "" if self.peak_bytes is None else f", working {_bytes(self.peak_bytes)}"
        return (
            f"a step of {self.batch_size} takes {self.seconds_per_step * 1e3:.3g} ms, an epoch "
            f"{self.seconds_per_epoch:.3g} s (first step {self.first_step:.2g} s); weights "
            f"{_bytes(self.parameter_bytes)}, optimizer {_bytes(self.optimizer_bytes)}{working}"
        )


def estimate(case: Case) -> Cost | None:
    """Time a few steps of a copy of model and optimizer, with batches of the run's own size.

    Example:
        >>> from retroprop import nn, optim
        >>> from retroprop.health.checks.case import make_case
        >>> model = nn.Linear(2, 3)
        >>> x, y, sgd = np.zeros((8, 2)), [0, 1] * 4, optim.SGD(model.parameters(), lr=0.1)
        >>> estimate(make_case(model, "cross_entropy", x, y, optimizer=sgd)).parameter_bytes
        36
    """
    if case.optimizer is None or case.look.error is not None:
        return None
    x, y, size = _batch(case)
    state = rng.default_generator().get_state()
    try:
        seconds, peak = _timed(case, case.optimizer, x, y)
    except (RetropropError, MemoryError):
        return None
    finally:
        rng.default_generator().set_state(state)
    steps = -(-case.size // size)
    pace = statistics.median(seconds[2:])  # state may be laid out anew in the second
    return Cost(
        size,
        pace,
        pace * steps,
        seconds[0],
        sum(param.size * param.dtype.itemsize for param in case.model.parameters()),
        sum(cell.size * cell.dtype.itemsize for cell in case.optimizer.tensors().values()),
        peak,
    )


def _batch(case: Case) -> tuple[Any, Any, int]:
    """A batch of the size that the run takes, as far as there are examples."""
    count = case.size
    shown = int(tree.flatten(case.x)[0][0].shape[0])
    size = min(count, int(case.options.get("batch_size") or shown))
    arrays = tree.flatten(case.inputs)[0]
    if size == shown or any(not isinstance(one, np.ndarray) for one in arrays):
        return case.x, case.y, shown
    return _first(case.inputs, size, case.x), _first(case.targets, size, case.y), size


def _first(arrays: Any, size: int, like: Any) -> Any:
    """The first examples, as Tensors of the dtypes of a batch."""
    kinds = iter(tree.flatten(like)[0])
    return tree.tree_map(
        lambda one: Tensor(np.asarray(one, next(kinds).dtype)), take(arrays, slice(0, size))
    )


def _timed(case: Case, using: Optimizer, x: Any, y: Any) -> tuple[list[float], int | None]:
    """Seconds of each step, and the working memory of its program."""
    model, optimizer = copy.deepcopy((case.model, using))
    loss_of = loss_function(case.loss)

    def step(x: Any, y: Any) -> Tensor:
        made = model(**x) if isinstance(x, dict) else model(*(x if isinstance(x, tuple) else (x,)))
        optimizer.zero_grad()
        loss: Tensor = loss_of(made, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    run: Callable[..., Any] = compile(step, verbose=False)
    seconds: list[float] = []
    while len(seconds) < _LEAST or (sum(seconds[2:]) < _SECONDS and len(seconds) < _MOST):
        began = time.perf_counter()
        try:
            run(x, y)
        except TraceError:
            run = step
            continue
        seconds.append(time.perf_counter() - began)
    return seconds, _peak(run)


def _peak(run: Any) -> int | None:
    if not isinstance(run, Compiled):
        return None
    bindings = [binding for known in run.programs.values() for binding in known]
    return max((int(binding.program.facts.peak) for binding in bindings), default=None)


def too_much_memory(case: Case, cost: Cost | None = None) -> Iterator[Finding]:
    """A step needs more memory than the machine has free."""
    cost = estimate(case) if cost is None else cost
    free = _free()
    if cost is None or cost.peak_bytes is None or free is None:
        return
    need = cost.peak_bytes + 2 * cost.parameter_bytes + cost.optimizer_bytes
    if need > free:
        yield Finding(
            "too_much_memory",
            f"a step needs about {_bytes(need)}, {_bytes(free)} are free",
            "values of the forward pass are kept for the backward pass",
            "a smaller batch_size, accumulate=4, or rp.compile(step, memory=...)",
            0.8,
            fixes=({"batch_size": max(1, cost.batch_size // 4)},),
            evidence={"need": need, "free": free},
        )


def _free() -> int | None:
    """Bytes of memory that are free, where the system tells."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _bytes(count: int) -> str:
    for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << exponent:
            return f"{count / (1 << exponent):.3g} {unit}"
    return f"{count} bytes"
