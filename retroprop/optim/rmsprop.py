"""RMSprop: the gradient divided by its recent size."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, moving

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Gradient descent with a rate of its own for every coordinate.

        v = alpha v + (1 - alpha) g^2
        a = alpha a + (1 - alpha) g               when centered; 0 otherwise
        b = momentum b + g / (sqrt(v - a^2) + eps)
        p = p - lr b

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        alpha:        how much of the moments is kept.
        eps:          added to the denominator, in units of the gradient.
        weight_decay: weight of the L2 penalty.
        momentum:     how much of the last direction is kept.
        centered:     divide by the standard deviation instead of the root mean square.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> opt = RMSprop([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.numpy().round(4).tolist()  # sqrt(0.01 * 4) = 0.2
        [0.0]

    Source: Tieleman, Hinton 2012, lecture 6e of "Neural Networks for Machine Learning"; centered:
        Graves 2013, arXiv:1308.0850, equations 38 to 41 (whose eps is inside the root).
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        state = {"square_avg": zeros_like(param)}
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
        if group["momentum"]:
            state["momentum_buffer"] = zeros_like(param)
        return state

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        alpha = group["alpha"]
        if group["weight_decay"]:
            g = g + param * group["weight_decay"]
        second = state["square_avg"] * alpha + ops.square(g) * (1.0 - alpha)
        new = {"square_avg": second}
        if group["centered"]:
            new["grad_avg"] = moving(state["grad_avg"], g, 1.0 - alpha)
            # Rounding can leave the variance of a constant gradient just below 0.
            second = ops.maximum(second - ops.square(new["grad_avg"]), 0.0)
        direction = g / (ops.sqrt(second) + group["eps"])
        if group["momentum"]:
            direction = state["momentum_buffer"] * group["momentum"] + direction
            new["momentum_buffer"] = direction
        return param - direction * rates["lr"], new
