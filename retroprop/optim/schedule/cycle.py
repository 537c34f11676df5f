"""Schedules that rise again: restarts, one cycle, many cycles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from retroprop import ops
from retroprop.errors import ArgumentError, unknown
from retroprop.optim.ranges import number
from retroprop.optim.schedule.decay import falling_cosine
from retroprop.optim.schedule.function import progress, rate, schedule, whole

__all__ = ["cosine_restarts", "cyclic", "one_cycle"]

Function = Callable[[Any], Any]


@schedule
def cosine_restarts(
    lr: float, steps: int, factor: float = 1.0, min_lr: float = 0.0, decay: float = 1.0
) -> Function:
    """Half cosine waves, one after the other.

    Args:
        lr:     where the first one starts.
        steps:  length of the first one.
        factor: each is this many times as long as the one before; at least 1.
        min_lr: where each ends.
        decay:  each starts from this many times the lr of the one before.

    Example:
        >>> [round(cosine_restarts(1.0, steps=2, factor=2)(t), 3) for t in range(7)]
        [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]

    Source: Loshchilov, Hutter 2017, arXiv:1608.03983, equation 5.
    """
    rate("cosine_restarts", lr=lr, min_lr=min_lr, decay=decay)
    whole("cosine_restarts", steps=steps)
    number("cosine_restarts", "factor", factor, low=1.0)

    def begins(cycle: Any) -> Any:
        """The step at which a cycle begins."""
        if factor == 1.0:
            return steps * cycle
        return steps * (factor**cycle - 1.0) / (factor - 1.0)

    def function(t: Any) -> Any:
        if factor == 1.0:
            cycle = ops.floor(t / steps)
        else:
            grown = ops.maximum(t, 0.0) * ((factor - 1.0) / steps) + 1.0
            cycle = ops.floor(ops.log(grown) / math.log(factor))
        # The logarithm may miss a beginning by its last bit.
        cycle = ops.where(t >= begins(cycle + 1.0), cycle + 1.0, cycle)
        share = (t - begins(cycle)) / (begins(cycle + 1.0) - begins(cycle))
        return falling_cosine(min_lr + (lr - min_lr) * decay**cycle, min_lr, share)

    return function


@schedule
def one_cycle(
    max_lr: float,
    steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Function:
    """Up to max_lr and down far below the start, once in the whole training; then flat.

    Args:
        max_lr:           the highest.
        steps:            of the whole training.
        pct_start:        share of the steps that go up.
        anneal_strategy:  "cos" or "linear".
        div_factor:       max_lr over the first lr.
        final_div_factor: the first lr over the last.
        three_phase:      come down to the first lr in as many steps, then to the last.

    Example:
        >>> [round(one_cycle(1.0, steps=11, anneal_strategy="linear")(t), 3) for t in (0, 10, 99)]
        [0.04, 0.0, 0.0]

    Source: Smith, Topin 2018, arXiv:1708.07120; as in PyTorch two phases by default.
    """
    rate("one_cycle", max_lr=max_lr)
    whole("one_cycle", steps=steps, low=2)
    for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
        number("one_cycle", name, value, above=True)
    if not 0.0 <= number("one_cycle", "pct_start", pct_start) <= (0.5 if three_phase else 1.0):
        raise ArgumentError(f"one_cycle: pct_start is {pct_start}, more than there are steps")
    if anneal_strategy not in {"cos", "linear"}:
        raise unknown("anneal_strategy of one_cycle", anneal_strategy, ["cos", "linear"])
    first = max_lr / div_factor
    ends, levels = [pct_start * steps - 1.0, steps - 1.0], [first, max_lr]
    if three_phase:
        ends.insert(1, 2.0 * pct_start * steps - 2.0)
        levels.append(first)
    levels.append(first / final_div_factor)

    def function(t: Any) -> Any:
        value, starts = None, [0.0, *ends[:-1]]
        for i in reversed(range(len(ends))):
            share = progress(t - starts[i], max(ends[i] - starts[i], 1e-9))
            if anneal_strategy == "cos":
                phase = falling_cosine(levels[i], levels[i + 1], share)
            else:
                phase = levels[i] + (levels[i + 1] - levels[i]) * share
            value = phase if value is None else ops.where(t <= ends[i], phase, value)
        return value

    return function


@schedule
def cyclic(
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Function:
    """Triangles between base_lr and max_lr, without end.

    Args:
        base_lr:        the lowest.
        max_lr:         the highest of the first triangle.
        step_size_up:   steps that go up.
        step_size_down: steps that go down; as many by default.
        mode:           "triangular"; "triangular2" halves the height each time; "exp_range"
                        multiplies it by gamma in every step.
        gamma:          for "exp_range".

    Example:
        >>> [cyclic(0.0, 1.0, step_size_up=2)(t) for t in range(6)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]

    Source: Smith 2017, arXiv:1506.01186.
    """
    rate("cyclic", base_lr=base_lr, max_lr=max_lr, gamma=gamma)
    down = step_size_up if step_size_down is None else step_size_down
    whole("cyclic", step_size_up=step_size_up, step_size_down=down)
    modes = ["triangular", "triangular2", "exp_range"]
    if mode not in modes:
        raise unknown("mode of cyclic", mode, modes)
    length = step_size_up + down

    def function(t: Any) -> Any:
        cycle = ops.floor(t / length)
        into = t - cycle * length
        up = ops.minimum(into / step_size_up, (length - into) / down)
        height = (max_lr - base_lr) * up
        if mode == "triangular2":
            height = height * 0.5**cycle
        elif mode == "exp_range":
            height = height * gamma**t
        return base_lr + height

    return function
