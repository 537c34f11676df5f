"""Adam: steps of equal size along every coordinate, from moving moments of the gradient."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, moving

__all__ = ["Adam", "corrected", "moments"]


class Adam(Optimizer):
    """Adaptive moment estimation.

        m = b1 m + (1 - b1) g
        v = b2 v + (1 - b2) g^2
        p = p - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step.
        betas:        (b1, b2), how much of each moment is kept.
        eps:          added to the denominator, in units of the gradient.
        weight_decay: weight of the L2 penalty, which is part of g; see `AdamW` for the other kind.
        amsgrad:      divide by the largest v so far (Reddi et al. 2018).
        maximize:     climb instead of descending.
        decoupled_weight_decay: shrink the parameter itself, as `AdamW` does.

    Example:
        >>> w = rp.tensor([1.0, -100.0], requires_grad=True)
        >>> opt = Adam([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.tolist()
        [0.5, -99.5]

    Source: Kingma, Ba 2015, arXiv:1412.6980, algorithm 1 in the order of section 2.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        state = {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return state

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        made = corrected(step, lr, group["betas"], group["eps"])
        if group["decoupled_weight_decay"]:
            made["keep"] = 1.0 - lr * group["weight_decay"]
        return made

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        if group["weight_decay"]:
            if group["decoupled_weight_decay"]:
                param = param * rates["keep"]
            else:
                g = g + param * group["weight_decay"]
        first, second = moments(g, state, group["betas"])
        new = {"exp_avg": first, "exp_avg_sq": second}
        if group["amsgrad"]:
            second = new["max_exp_avg_sq"] = ops.maximum(state["max_exp_avg_sq"], second)
        return param - first / (ops.sqrt(second) + rates["eps"]) * rates["rate"], new


def moments(g: Tensor, state: State, betas: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """The moving averages of g and of its square after one more g."""
    second = state["exp_avg_sq"] * betas[1] + ops.square(g) * (1.0 - betas[1])
    return moving(state["exp_avg"], g, 1.0 - betas[0]), second


def corrected(step: Tensor, lr: Tensor, betas: tuple[float, float], eps: float) -> Rates:
    """The rate and the eps of m / (sqrt(v) + eps) that correct the bias of m and v.

    The correction of v is taken out of the root, into both: one pass over the parameter less.
    """
    deviation = ops.sqrt(1.0 - betas[1] ** step)
    return {"rate": lr * deviation / (1.0 - betas[0] ** step), "eps": deviation * eps}
