"""NAdam: Adam that looks ahead along its momentum."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import ones, zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.adam import moments
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

        mu_t = b1 (1 - 0.96^(t momentum_decay) / 2)
        m = b1 m + (1 - b1) g
        v = b2 v + (1 - b2) g^2
        p = p - lr ((1 - mu_t) / (1 - mu_1 ... mu_t) g + mu_(t+1) / (1 - mu_1 ... mu_(t+1)) m)
                / (sqrt(v / (1 - b2^t)) + eps)

    Args:
        params:         parameters, as `Optimizer` takes them.
        lr:             learning rate, or a function of the step.
        betas:          (b1, b2), how much of each moment is kept.
        eps:            added to the denominator, in units of the gradient.
        weight_decay:   weight of the L2 penalty.
        momentum_decay: how fast the momentum warms up.
        maximize:       climb instead of descending.
        decoupled_weight_decay: shrink the parameter itself, as `AdamW` does.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> opt = NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 3)
        0.894

    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {
            "exp_avg": zeros_like(param),
            "exp_avg_sq": zeros_like(param),
            "mu_product": ones((), dtype=param.dtype),
        }

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        beta1, beta2 = group["betas"]
        decay = group["momentum_decay"]
        return {
            "lr": lr,
            "mu": beta1 * (1.0 - 0.5 * 0.96 ** (step * decay)),
            "mu_next": beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1.0) * decay)),
            "correction": 1.0 / ops.sqrt(1.0 - beta2**step),
            "keep": 1.0 - lr * group["weight_decay"],
        }

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        if group["weight_decay"]:
            if group["decoupled_weight_decay"]:
                param = param * rates["keep"]
            else:
                g = g + param * group["weight_decay"]
        mu, mu_next = rates["mu"], rates["mu_next"]
        product = state["mu_product"] * mu
        first, second = moments(g, state, group["betas"])
        now = (1.0 - mu) / (1.0 - product) * rates["lr"]
        ahead = mu_next / (1.0 - product * mu_next) * rates["lr"]
        denominator = ops.sqrt(second) * rates["correction"] + group["eps"]
        new = {"exp_avg": first, "exp_avg_sq": second, "mu_product": product}
        return param - (g * now + first * ahead) / denominator, new
