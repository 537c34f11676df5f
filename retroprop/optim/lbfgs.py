"""L-BFGS: quasi-Newton steps from the last changes of the gradient, for problems without noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retroprop.core.tape import enable_grad, no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, CheckpointError, DivergedError, TapeError
from retroprop.optim.linesearch import Criteria, Point, strong_wolfe
from retroprop.optim.optimizer import Optimizer

__all__ = ["LBFGS"]

Array = np.ndarray[Any, Any]


class LBFGS(Optimizer):
    """Limited-memory BFGS.

    `step` needs a closure, evaluates it many times, and looks at values: it cannot be compiled.

        d = -H g        H from the last `history_size` pairs of changes (of p, of g)
        p = p + t d     t = lr, or by line search

    Args:
        params:           parameters, all in one group.
        lr:               step length; with a line search the first one tried.
        max_iter:         iterations in one call of `step`.
        max_eval:         evaluations of the closure in one call; 1.25 max_iter by default.
        tolerance_grad:   a step ends when no coordinate of the gradient is larger.
        tolerance_change: a step ends when neither loss nor parameters change by more.
        history_size:     how many pairs are remembered.
        line_search_fn:   "strong_wolfe", or None.

    Example:
        >>> w = rp.tensor([3.0, -4.0], requires_grad=True)
        >>> opt = LBFGS([w], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     opt.zero_grad()
        ...     loss = ((w - 1.0) ** 2 * rp.asarray([1.0, 50.0])).sum()
        ...     loss.backward()
        ...     return loss
        >>> opt.step(closure).item()  # the loss before the step
        1254.0
        >>> w.numpy().round(3).tolist()
        [1.0, 1.0]

    Source: Nocedal, Wright 2006, "Numerical Optimization", algorithms 7.4 and 7.5; stopping rules
        as in Schmidt's minFunc and PyTorch.
    """

    by_rows = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max(1, max_iter * 5 // 4) if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults, unknown)
        self._memory = _Memory()

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Refused after the first group: the steps of all parameters depend on each other."""
        if self.param_groups:
            raise ArgumentError(
                "LBFGS: there can be only one parameter group", fix="give one list of Tensors"
            )
        super().add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimise, for up to `max_iter` iterations.

        Args:
            closure: sets gradients to None, computes the loss, calls backward() and returns it.

        Returns:
            The loss before the step.

        Raises:
            ArgumentError: there is no closure.
            TapeError:     the closure left no gradient.
            DivergedError: loss or gradient are not finite where the step starts.
        """
        if closure is None:
            raise ArgumentError(
                "LBFGS.step: needs a closure that computes the loss again",
                fix="def closure(): opt.zero_grad(); loss = ...; loss.backward(); return loss",
            )
        with enable_grad():
            first = closure()
        self.require_gradients()
        group = self.param_groups[0]
        group.follow(self.count.astype(np.dtype(np.float64)))
        loss, g = _value(first), self._gradient()
        if not (math.isfinite(loss) and np.isfinite(g).all()):
            raise DivergedError(
                f"LBFGS.step: the loss is {loss}, {int((~np.isfinite(g)).sum())} of {g.size} "
                f"gradients are not finite",
                fix="start closer to a minimum, or with a smaller lr",
            )
        if np.abs(g).max(initial=0.0) > group["tolerance_grad"]:
            self._minimise(closure, loss, g)
        self.count.assign(self.count + 1)
        return first

    def _minimise(self, closure: Callable[[], Any], loss: float, g: Array) -> None:
        group, memory = self.param_groups[0], self._memory
        evaluations = 1
        for iteration in range(1, group["max_iter"] + 1):
            d = memory.direction(g, group["history_size"])
            t = group["lr"]
            if memory.iterations == 1:
                t *= min(1.0, 1.0 / float(np.abs(g).sum()))
            before, slope = loss, float(g @ d)
            memory.gradient, memory.d, memory.t = g, d, t
            if slope > -group["tolerance_change"]:
                return
            last = iteration == group["max_iter"]
            point, count = self._move(closure, Point(0.0, loss, g, slope), t, evaluations, last)
            loss, g, memory.t = point.loss, point.gradient, point.t
            evaluations += count
            if last or evaluations >= group["max_eval"]:
                return
            change = float(np.abs(d * memory.t).max())
            if np.abs(g).max() <= group["tolerance_grad"] or change <= group["tolerance_change"]:
                return
            if abs(loss - before) < group["tolerance_change"]:
                return

    def _move(
        self, closure: Callable[[], Any], start: Point, t: float, spent: int, last: bool
    ) -> tuple[Point, int]:
        """Go along the direction; the point reached, and how often the closure was called."""
        group, d = self.param_groups[0], self._memory.d
        origin = [param.detach() for param in group.params]

        def evaluate(t: float) -> Point:
            self._place(origin, t)
            with enable_grad():
                loss = _value(closure())
            g = self._gradient()
            return Point(t, loss, g, float(g @ d))

        if group["line_search_fn"] is None:
            if last:  # nobody will read the loss there
                self._place(origin, t)
                return start._replace(t=t), 0
            return evaluate(t), 1
        criteria = Criteria(change=group["tolerance_change"], trials=group["max_eval"] - spent)
        reach = float(np.abs(d).max())
        found, count = strong_wolfe(evaluate, start, t, reach, criteria)
        self._place(origin, found.t)
        return found, count

    def _gradient(self) -> Array:
        """All gradients as one vector; zeros where there is none."""
        parts = [
            np.zeros(param.size, param.dtype) if param.grad is None else param.grad.numpy().ravel()
            for param in self.param_groups[0].params
        ]
        return np.concatenate(parts)

    def _place(self, origin: list[Tensor], t: float) -> None:
        """Put the parameters at `origin` + t d."""
        offset = 0
        with no_grad():
            for param, start in zip(self.param_groups[0].params, origin, strict=True):
                part = self._memory.d[offset : offset + param.size].reshape(param.shape)
                moved = start.numpy() + np.asarray(t * part, param.dtype)
                param.assign(Tensor(moved, param.dtype))
                offset += param.size

    def tensors(self) -> dict[str, Tensor]:
        """The cells of the state and the pairs remembered, by flat names."""
        return {**super().tensors(), **self._memory.tensors()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        before = self._memory
        if state_dict.get("optimizer") == self.name:
            params = self.param_groups[0].params
            size = sum(param.size for param in params)
            dtype = np.result_type(*(param.dtype for param in params))
            self._memory = _Memory.restored(state_dict.get("state", {}), size, dtype)
        try:
            super().load_state_dict(state_dict)
        except CheckpointError:
            self._memory = before
            raise


class _Memory:
    """What L-BFGS knows of the curvature.

    Attributes:
        iterations: how many there were since the start.
        d, t:       the last direction and step length.
        gradient:   the gradient before it.
        pairs:      (change of the gradient, change of the parameters), oldest first.
        scale:      of the first guess of the inverse Hessian.
    """

    def __init__(self) -> None:
        self.iterations = 0
        self.d: Array = np.zeros(0)
        self.t = 0.0
        self.gradient: Array = np.zeros(0)
        self.pairs: list[tuple[Array, Array]] = []
        self.scale = 1.0

    def direction(self, g: Array, size: int) -> Array:
        """The next direction at a gradient, after the last step has been remembered."""
        self.iterations += 1
        if self.iterations == 1:
            return -g
        change, moved = g - self.gradient, self.d * g.dtype.type(self.t)
        curvature = float(change @ moved)
        if curvature > 1e-10:
            self.pairs = [*self.pairs, (change, moved)][-size:]
            self.scale = curvature / float(change @ change)
        return self._times_inverse_hessian(-g)

    def _times_inverse_hessian(self, q: Array) -> Array:
        weights = []
        for change, moved in reversed(self.pairs):
            weights.append(moved @ q / (change @ moved))
            q = q - weights[-1] * change
        q = q * q.dtype.type(self.scale)
        for (change, moved), weight in zip(self.pairs, reversed(weights), strict=True):
            q = q + moved * (weight - change @ q / (change @ moved))
        return q

    def tensors(self) -> dict[str, Tensor]:
        """Everything as Tensors; the pairs as two matrices."""
        changes, moves = zip(*self.pairs, strict=True) if self.pairs else ((), ())
        count, width = len(self.pairs), self.d.shape[0]
        arrays = {
            "iterations": np.int64(self.iterations),
            "d": self.d,
            "t": np.float64(self.t),
            "gradient": self.gradient,
            "changes": np.array(changes, self.d.dtype).reshape(count, width),
            "moves": np.array(moves, self.d.dtype).reshape(count, width),
            "scale": np.float64(self.scale),
        }
        return {f"memory.{name}": Tensor(array) for name, array in arrays.items()}

    @classmethod
    def restored(cls, saved: Mapping[str, Any], size: int, dtype: Any) -> _Memory:
        """The memory that `tensors` described, for `size` numbers in all parameters."""
        names = cls().tensors()
        if not set(names) <= set(saved):
            missing = ", ".join(sorted(set(names) - set(saved)))
            raise CheckpointError(f"LBFGS state: {missing} not found in it")
        arrays = {name.split(".")[1]: _array(saved[name]) for name in names}
        memory = cls()
        d = arrays["d"]
        if d.size and (d.shape != (size,) or d.dtype != dtype):
            raise CheckpointError(
                f"LBFGS state: saved for {d.size} numbers of {d.dtype} in all parameters, "
                f"here are {size} of {dtype}"
            )
        memory.iterations = int(arrays["iterations"])
        memory.d, memory.gradient = arrays["d"], arrays["gradient"]
        memory.t, memory.scale = float(arrays["t"]), float(arrays["scale"])
        rows = zip(arrays["changes"], arrays["moves"], strict=True)
        memory.pairs = [(change.copy(), moved.copy()) for change, moved in rows]
        return memory


def _array(saved: Any) -> Array:
    return saved.numpy() if isinstance(saved, Tensor) else np.array(saved)


def _value(loss: Any) -> float:
    """The loss as a number."""
    if not hasattr(loss, "item"):
        raise TapeError(
            f"LBFGS.step: the closure returned a {type(loss).__name__}, it must return the loss",
            fix="end the closure with `return loss`",
        )
    return float(loss.item())
