"""Adagrad: the gradient divided by the size of all gradients so far."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import full_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adaptive gradient descent for sparse features.

        s = s + g^2
        p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        lr_decay:     how fast the learning rate falls besides.
        weight_decay: weight of the L2 penalty.
        initial_accumulator_value: s before the first step.
        eps:          added to the denominator, in units of the gradient.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0, -100.0], requires_grad=True)
        >>> opt = Adagrad([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -99.5]

    Source: Duchi, Hazan, Singer 2011, JMLR 12, "Adaptive Subgradient Methods".
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"sum": full_like(param, group["initial_accumulator_value"])}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        return {"lr": lr / (1.0 + (step - 1.0) * group["lr_decay"])}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        if group["weight_decay"]:
            g = g + param * group["weight_decay"]
        total = state["sum"] + ops.square(g)
        return param - g / (ops.sqrt(total) + group["eps"]) * rates["lr"], {"sum": total}
