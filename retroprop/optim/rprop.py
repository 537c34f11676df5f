"""Rprop: only the signs of the gradient count, for full batches."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, first_step

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Resilient backpropagation: each coordinate has a step size that grows while the sign holds.

        d = d etas[1]                  where the gradient has kept its sign, at most step_sizes[1]
        d = d etas[0], and no step     where it has changed sign, at least step_sizes[0]
        p = p - sign(g) d

    Args:
        params:     parameters, as `Optimizer` takes them.
        lr:         step size that every coordinate starts with; it is read in the first step only.
        etas:       (factor that shrinks, factor that grows) the step sizes.
        step_sizes: (smallest, largest).
        maximize:   climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0, -100.0], requires_grad=True)
        >>> opt = Rprop([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -99.5]

    Source: Riedmiller, Braun 1993, "A direct adaptive method for faster backpropagation learning",
        in the variant without weight backtracking (Igel, Huesken 2000, iRprop-).
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"prev": zeros_like(param), "step_size": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        return {"start": lr * first_step(step)}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        shrink, grow = group["etas"]
        smallest, largest = group["step_sizes"]
        agreement = g * state["prev"]
        turned = agreement < 0.0
        size = state["step_size"] + rates["start"]
        size = ops.where(turned, size * shrink, ops.where(agreement > 0.0, size * grow, size))
        size = ops.minimum(ops.maximum(size, smallest), largest)
        g = ops.where(turned, 0.0, g)
        return param - ops.sign(g) * size, {"prev": g, "step_size": size}
