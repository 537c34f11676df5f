"""A learning rate that falls when a metric has stopped getting better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from retroprop.errors import ArgumentError, CheckpointError, unknown
from retroprop.optim.optimizer import Optimizer
from retroprop.optim.ranges import number
from retroprop.optim.schedule.function import whole

__all__ = ["ReduceOnPlateau"]

_STATE = ("bad", "best", "resting", "updates")


class ReduceOnPlateau:
    """Multiply the learning rate by `factor` when a metric has not become better for a while.

    Args:
        optimizer:      whose learning rate falls; it must not have a schedule.
        mode:           "min" when lower is better, "max" when higher is.
        factor:         from 0 to below 1.
        patience:       updates without improvement that are let pass.
        threshold:      how much better counts as better.
        threshold_mode: "rel" (to the best so far) or "abs".
        cooldown:       updates after a reduction that do not count.
        min_lr:         lowest learning rate.
        eps:            smaller reductions are not made.

    Attributes:
        best:    the best metric so far.
        bad:     updates since without a better one.
        resting: updates of the cooldown that are left.

    Example:
        >>> opt = rp.optim.SGD([rp.ones(1, requires_grad=True)], lr=1.0)
        >>> plateau = ReduceOnPlateau(opt, patience=1, factor=0.5)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     changed = plateau.update(loss)
        >>> opt.lr, changed
        (0.5, True)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                f"ReduceOnPlateau: wants an optimizer, got a {type(optimizer).__name__}"
            )
        for name, value, options in (
            ("mode", mode, ["min", "max"]),
            ("threshold_mode", threshold_mode, ["rel", "abs"]),
        ):
            if value not in options:
                raise unknown(f"{name} of ReduceOnPlateau", value, options)
        if number("ReduceOnPlateau", "factor", factor) >= 1.0:
            raise ArgumentError(f"ReduceOnPlateau: factor is {factor}, it must be below 1")
        whole("ReduceOnPlateau", patience=patience, cooldown=cooldown, low=0)
        for name, number_ in (("threshold", threshold), ("min_lr", min_lr), ("eps", eps)):
            number("ReduceOnPlateau", name, number_)
        self.optimizer = optimizer
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor, self.threshold, self.min_lr, self.eps = factor, threshold, min_lr, eps
        self.patience, self.cooldown = patience, cooldown
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = self.resting = self.updates = 0
        self._refuse_schedules()

    def update(self, metric: Any) -> bool:
        """Take in the next value of the metric, usually after each epoch.

        Args:
            metric: a number or a Tensor of one element; NaN counts as not better.

        Returns:
            Whether the learning rate was reduced.
        """
        value = float(metric)
        self.updates += 1
        if self.is_better(value):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.resting:
            self.resting -= 1
            self.bad = 0
        if self.bad <= self.patience:
            return False
        self.resting, self.bad = self.cooldown, 0
        return self._reduce()

    def is_better(self, value: float) -> bool:
        """Whether a metric is better than the best so far by more than the threshold."""
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "abs":
            return sign * (value - self.best) > self.threshold
        bound = self.best * (1.0 + sign * self.threshold)
        return sign * (value - bound) > 0 if math.isfinite(bound) else sign * value > sign * bound

    def _reduce(self) -> bool:
        self._refuse_schedules()
        changed = False
        for group in self.optimizer.param_groups:
            before = group["lr"]
            after = max(before * self.factor, self.min_lr)
            if before - after > self.eps:
                group["lr"] = after
                changed = True
        return changed

    def _refuse_schedules(self) -> None:
        for group in self.optimizer.param_groups:
            if group.schedule is not None:
                raise ArgumentError(
                    f"ReduceOnPlateau: the optimizer follows {group.schedule!r}",
                    fix="make the optimizer with a number as lr, or leave ReduceOnPlateau out",
                )

    def state_dict(self) -> dict[str, Any]:
        """What it has seen, plain numbers; infinities as strings, so that JSON can hold them."""
        state = {name: getattr(self, name) for name in _STATE}
        return {**state, "best": self.best if math.isfinite(self.best) else str(self.best)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        missing = [name for name in _STATE if name not in state_dict]
        if missing:
            raise CheckpointError(f"ReduceOnPlateau state: {', '.join(missing)} not found in it")
        self.best = float(state_dict["best"])
        self.bad, self.resting = int(state_dict["bad"]), int(state_dict["resting"])
        self.updates = int(state_dict["updates"])
