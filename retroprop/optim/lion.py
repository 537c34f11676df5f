"""Lion: steps of equal size along every coordinate, from the sign of the momentum."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, moving

__all__ = ["Lion"]


class Lion(Optimizer):
    """Evolved sign momentum: half the memory of Adam, and a lr 3 to 10 times smaller.

        p = (1 - lr weight_decay) p - lr sign(b1 m + (1 - b1) g)
        m = b2 m + (1 - b2) g

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        betas:        (b1, b2), how much of the momentum is kept in the step and in the memory.
        weight_decay: decoupled; 3 to 10 times AdamW's where lr is as much smaller.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0, -100.0], requires_grad=True)
        >>> opt = Lion([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -99.5]

    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"exp_avg": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        return {"lr": lr, "keep": 1.0 - lr * group["weight_decay"]}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        beta1, beta2 = group["betas"]
        momentum = state["exp_avg"]
        direction = ops.sign(moving(momentum, g, 1.0 - beta1))
        if group["weight_decay"]:
            param = param * rates["keep"]
        return param - direction * rates["lr"], {"exp_avg": moving(momentum, g, 1.0 - beta2)}
