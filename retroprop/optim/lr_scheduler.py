"""Schedules under PyTorch's names, moved on by hand: thin objects over `optim.schedule`.

    scheduler = optim.lr_scheduler.StepLR(opt, step_size=30)
    for epoch in range(90):
        train_one_epoch()
        scheduler.step()

New programs give the optimizer a schedule instead: `optim.SGD(params, lr=schedule.step(0.1, 30))`.
Momentum is not cycled (PyTorch's OneCycleLR and CyclicLR do by default).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retroprop.errors import ArgumentError, CheckpointError
from retroprop.optim import schedule
from retroprop.optim.optimizer import Optimizer
from retroprop.optim.schedule.decay import falling_cosine

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

Function = Callable[[Any], Any]


class LRScheduler:
    """Assigns an optimizer's learning rates from functions of how often `step()` was called.

    Args:
        optimizer: one without schedules of its own.
        make:      from the learning rate that a group started with to its schedule.

    Attributes:
        schedules:  one for each parameter group.
        last_epoch: calls of `step()`.
    """

    def __init__(self, optimizer: Optimizer, make: Callable[[float], Function]) -> None:
        for group in optimizer.param_groups:
            if group.schedule is not None:
                raise ArgumentError(f"the optimizer follows {group.schedule!r} already")
        self.optimizer = optimizer
        self.schedules = [make(group.initial) for group in optimizer.param_groups]
        self.last_epoch = 0
        self._assign()

    def step(self) -> None:
        """Go to the next learning rate."""
        self.last_epoch += 1
        self._assign()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The calls of `step()` so far."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        if "last_epoch" not in state_dict:
            raise CheckpointError("scheduler state: last_epoch not found in it")
        self.last_epoch = int(state_dict["last_epoch"])
        self._assign()

    def _assign(self) -> None:
        for group, function in zip(self.optimizer.param_groups, self.schedules, strict=True):
            group["lr"] = float(function(self.last_epoch))


class LambdaLR(LRScheduler):
    """The first learning rate times a function of the epoch."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Function) -> None:
        super().__init__(optimizer, lambda lr: lambda t: lr * lr_lambda(t))


class StepLR(LRScheduler):
    """See `schedule.step`."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda lr: schedule.step(lr, step_size, gamma))


class MultiStepLR(LRScheduler):
    """See `schedule.multistep`."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda lr: schedule.multistep(lr, sorted(milestones), gamma))


class ConstantLR(LRScheduler):
    """The first learning rate times `factor` for `total_iters` epochs, then itself."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3.0, total_iters: int = 5
    ) -> None:
        super().__init__(optimizer, lambda lr: schedule.join([lr * factor, lr], [total_iters]))


class LinearLR(LRScheduler):
    """From `start_factor` to `end_factor` times the first learning rate; see `schedule.linear`."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3.0,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(
            optimizer, lambda lr: schedule.linear(lr * start_factor, lr * end_factor, total_iters)
        )


class ExponentialLR(LRScheduler):
    """See `schedule.exponential`."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, lambda lr: schedule.exponential(lr, gamma))


class PolynomialLR(LRScheduler):
    """See `schedule.polynomial`."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        super().__init__(optimizer, lambda lr: schedule.polynomial(lr, total_iters, power))


class CosineAnnealingLR(LRScheduler):
    """A cosine wave from the first learning rate to `eta_min`, and up again after T_max."""

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  as in PyTorch
        eta_min: float = 0.0,
    ) -> None:
        schedule.cosine(1.0, T_max, eta_min)  # refuses what it would refuse
        super().__init__(
            optimizer,
            lambda lr: schedule.Schedule(
                lambda t: falling_cosine(lr, eta_min, t / T_max), f"cosine wave of {T_max} steps"
            ),
        )


class CosineAnnealingWarmRestarts(LRScheduler):
    """See `schedule.cosine_restarts`."""

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803  as in PyTorch
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
    ) -> None:
        super().__init__(
            optimizer, lambda lr: schedule.cosine_restarts(lr, T_0, float(T_mult), eta_min)
        )


class OneCycleLR(LRScheduler):
    """See `schedule.one_cycle`. The optimizer's own learning rate is not used.

    The length is `total_steps`, or `epochs` times `steps_per_epoch`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ArgumentError(
                    "OneCycleLR: the length is missing",
                    fix="give total_steps, or both epochs and steps_per_epoch",
                )
            total_steps = epochs * steps_per_epoch
        options = (pct_start, anneal_strategy, div_factor, final_div_factor, three_phase)
        super().__init__(optimizer, lambda lr: schedule.one_cycle(max_lr, total_steps, *options))


class CyclicLR(LRScheduler):
    """See `schedule.cyclic`. The optimizer's own learning rate is not used."""

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float,
        max_lr: float,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        *,
        cycle_momentum: bool = False,
    ) -> None:
        if cycle_momentum:
            raise ArgumentError("CyclicLR does not cycle the momentum", fix="leave it out")
        options = (step_size_up, step_size_down, mode, gamma)
        super().__init__(optimizer, lambda lr: schedule.cyclic(base_lr, max_lr, *options))


class SequentialLR(LRScheduler):
    """Schedulers of one optimizer, one after the other; all but the first begin at a milestone."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        for scheduler in schedulers:
            if scheduler.optimizer is not optimizer:
                raise ArgumentError("SequentialLR: a scheduler belongs to another optimizer")
        rows = zip(*(scheduler.schedules for scheduler in schedulers), strict=True)
        joined = [schedule.join(row, milestones) for row in rows]
        super().__init__(optimizer, lambda lr: joined.pop(0))


class ReduceLROnPlateau(schedule.ReduceOnPlateau):
    """`schedule.ReduceOnPlateau`, moved on by `step(metric)`."""

    def step(self, metric: Any) -> None:
        """Take in the next value of the metric."""
        self.update(metric)
