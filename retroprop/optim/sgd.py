"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, first_step

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent.

        g = gradient + weight_decay p
        b = momentum b + (1 - dampening) g        in the first step b = g
        p = p - lr b                              without momentum p - lr g
                                                  with nesterov p - lr (g + momentum b)

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        momentum:     how much of the last direction is kept, from 0 to 1.
        dampening:    how much less of the gradient enters the momentum.
        weight_decay: weight of the L2 penalty.
        nesterov:     look ahead along the momentum; needs momentum and no dampening.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0, -1.0], requires_grad=True)
        >>> opt = SGD([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.0, 0.0]

    Source: Robbins, Monro 1951; Polyak 1964; Sutskever et al. 2013, "On the importance of
        initialization and momentum in deep learning". As in PyTorch, lr is outside the
        buffer.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def validate(self, hyper: Mapping[str, Any]) -> None:
        if hyper["nesterov"] and (hyper["momentum"] == 0 or hyper["dampening"] != 0):
            raise ArgumentError(
                f"{self.name}: nesterov=True with momentum={hyper['momentum']} and "
                f"dampening={hyper['dampening']}",
                fix="Nesterov momentum needs momentum above 0, for example 0.9, and dampening=0",
            )

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"momentum_buffer": zeros_like(param)} if group["momentum"] else {}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        if group["dampening"] == 0:
            return {"lr": lr}
        return {"lr": lr, "fresh": 1.0 - group["dampening"] * (1.0 - first_step(step))}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + param * group["weight_decay"]
        if momentum:
            entering = g * rates["fresh"] if group["dampening"] else g
            buffer = state["momentum_buffer"] * momentum + entering
            g = g + buffer * momentum if group["nesterov"] else buffer
            return param - g * rates["lr"], {"momentum_buffer": buffer}
        return param - g * rates["lr"], {}
