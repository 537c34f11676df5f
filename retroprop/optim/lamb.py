"""LAMB: Adam whose steps are as long as the parameter is large, for very large batches."""

from __future__ import annotations

from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.adam import corrected, moments
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State

__all__ = ["LAMB"]


class LAMB(Optimizer):
    """Layerwise adaptive moments for batch training.

        m, v as in Adam
        r = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay p
        p = p - lr |p| / |r| r               the ratio is 1 where |p| or |r| is 0

    Args:
        params:       parameters, as `Optimizer` takes them.
        lr:           learning rate, or a function of the step: the relative change in one step.
        betas:        (b1, b2), how much of each moment is kept.
        eps:          added to the denominator, in units of the gradient.
        weight_decay: weight of the parameter in its own step.
        maximize:     climb instead of descending.

    Example:
        >>> w = rp.tensor([3.0, 4.0], requires_grad=True)
        >>> opt = LAMB([w], lr=0.1, weight_decay=0.0)
        >>> w.sum().backward()
        >>> opt.step()
        >>> change = w.numpy() - [3.0, 4.0]
        >>> round(float(np.linalg.norm(change)), 4)  # a tenth of |w| = 5
        0.5

    Source: You et al. 2020, arXiv:1904.00962, algorithm 2 with phi(z) = z.
    """

    by_rows = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 1e-2,
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
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        unit = corrected(step, lr * 0.0 + 1.0, group["betas"], group["eps"])
        return {"lr": lr, "correction": unit["rate"], "eps": unit["eps"]}

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        first, second = moments(g, state, group["betas"])
        change = first / (ops.sqrt(second) + rates["eps"]) * rates["correction"]
        if group["weight_decay"]:
            change = change + param * group["weight_decay"]
        rate = rates["lr"] * _trust(_norm(param), _norm(change))
        return param - change * rate, {"exp_avg": first, "exp_avg_sq": second}


def _norm(x: Tensor) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(x)))


def _trust(size: Tensor, change: Tensor) -> Tensor:
    """size / change, and 1 where one of them is 0."""
    some = change > 0.0
    ratio = size / ops.where(some, change, 1.0)
    return ops.where(some & (size > 0.0), ratio, 1.0)
