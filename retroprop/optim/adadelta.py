"""Adadelta: steps in the units of the parameter, without a learning rate to choose."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adaptive rates from the ratio of recent changes to recent gradients.

        v = rho v + (1 - rho) g^2
        d = sqrt(u + eps) / sqrt(v + eps) g
        u = rho u + (1 - rho) d^2
        p = p - lr d

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           factor on the change, or a function of the step.
        rho:          how much of the moments is kept.
        eps:          added inside both roots; sets the size of the first steps.
        weight_decay: weight of the L2 penalty.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> opt = Adadelta([w])
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.9968

    Source: Zeiler 2012, arXiv:1212.5701, algorithm 1 (which has no lr).
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"square_avg": zeros_like(param), "acc_delta": zeros_like(param)}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        rho, eps = group["rho"], group["eps"]
        if group["weight_decay"]:
            g = g + param * group["weight_decay"]
        second = state["square_avg"] * rho + ops.square(g) * (1.0 - rho)
        change = ops.sqrt(state["acc_delta"] + eps) / ops.sqrt(second + eps) * g
        changes = state["acc_delta"] * rho + ops.square(change) * (1.0 - rho)
        return param - change * rates["lr"], {"square_avg": second, "acc_delta": changes}
