"""RAdam: Adam that does not trust its second moment before it has seen enough gradients."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.adam import moments
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Rectified Adam: the variance of the adaptive rate is corrected, which replaces a warm-up.

        rho_inf = 2 / (1 - b2) - 1
        rho_t = rho_inf - 2 t b2^t / (1 - b2^t)
        m, v as in Adam
        p = p - lr m / (1 - b1^t) r_t sqrt(1 - b2^t) / (sqrt(v) + eps)     where rho_t > 5
        p = p - lr m / (1 - b1^t)                                          before
        r_t^2 = (rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t)

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        betas:        (b1, b2), how much of each moment is kept.
        eps:          added to the denominator, in units of the gradient.
        weight_decay: weight of the L2 penalty.
        maximize:     climb instead of descending.
        decoupled_weight_decay: shrink the parameter itself, as `AdamW` does.

    Example:
        >>> w = rp.tensor([1.0], requires_grad=True)
        >>> opt = RAdam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5]

    Source: Liu et al. 2020, arXiv:1908.03265, algorithm 2; the threshold 5 is the authors' code's.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
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
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        beta1, beta2 = group["betas"]
        remaining = beta2**step
        limit = 2.0 / (1.0 - beta2) - 1.0
        length = limit - 2.0 * step * remaining / (1.0 - remaining)
        known = ops.maximum(length, 5.0)  # below 5 the root may be of a negative number; not used
        scale = limit / ((limit - 4.0) * (limit - 2.0)) if limit > 5.0 else 0.0
        rectifier = ops.sqrt((known - 4.0) * (known - 2.0) * scale / known)
        return {
            "rate": lr / (1.0 - beta1**step),
            "adaptive": rectifier * ops.sqrt(1.0 - remaining),
            "trusted": (length > 5.0).astype(lr.dtype),
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
        first, second = moments(g, state, group["betas"])
        adaptive = rates["adaptive"] / (ops.sqrt(second) + group["eps"])
        factor = ops.where(rates["trusted"] > 0.5, adaptive, 1.0)
        return param - first * rates["rate"] * factor, {"exp_avg": first, "exp_avg_sq": second}
