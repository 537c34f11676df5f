"""Adamax: Adam with the largest recent gradient in place of its second moment."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, moving

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam with the infinity norm.

        m = b1 m + (1 - b1) g
        u = max(b2 u, |g| + eps)
        p = p - lr / (1 - b1^t) m / u

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        betas:        (b1, b2), how much of the moment and of the norm is kept.
        eps:          added to |g|; must be above 0 where a gradient may be exactly 0.
        weight_decay: weight of the L2 penalty.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0, -100.0], requires_grad=True)
        >>> opt = Adamax([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -99.5]

    Source: Kingma, Ba 2015, arXiv:1412.6980, algorithm 2. Differs, as PyTorch does: it has no eps.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"exp_avg": zeros_like(param), "exp_inf": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        return {"rate": lr / (1.0 - group["betas"][0] ** step)}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        beta1, beta2 = group["betas"]
        if group["weight_decay"]:
            g = g + param * group["weight_decay"]
        first = moving(state["exp_avg"], g, 1.0 - beta1)
        largest = ops.maximum(state["exp_inf"] * beta2, ops.abs(g) + group["eps"])
        return param - first / largest * rates["rate"], {"exp_avg": first, "exp_inf": largest}
