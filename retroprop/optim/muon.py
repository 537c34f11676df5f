"""Muon: momentum made orthogonal, so that every direction of a matrix is learned at one speed."""

from __future__ import annotations

import math
from typing import Any

from retroprop import ops
from retroprop.array.creation import zeros_like
from retroprop.core.tensor import Tensor
from retroprop.optim.adam import corrected, moments
from retroprop.optim.group import ParamGroup
from retroprop.optim.optimizer import Optimizer, Rates, State, moving

__all__ = ["Muon"]


class Muon(Optimizer):
    """Orthogonalised momentum for weights of two axes or more, AdamW for all others.

        b = momentum b + (1 - momentum) g
        u = momentum b + (1 - momentum) g if nesterov, else b
        p = (1 - lr weight_decay) p - lr scale orthogonal(u)

    `orthogonal` replaces the singular values of a matrix (roughly) by 1, by Newton-Schulz
    iterations x = a x + (b x xT + c (x xT)^2) x. Weights of more than two axes are matrices of
    shape (first axis, all others). Give embeddings and the last layer a group with
    `"orthogonalise": False`: they are matrices, but learn better by AdamW.

    Args:
        params:          parameters, as `Optimizer` takes them.
        lr:              learning rate, or a function of the step.
        weight_decay:    decoupled, of all parameters.
        momentum:        how much of the last direction is kept.
        nesterov:        look ahead along the momentum.
        ns_coefficients: (a, b, c).
        eps:             smallest norm that a matrix is divided by.
        ns_steps:        iterations.
        adjust_lr_fn:    scale by shape (rows, columns): "original" (also None) is
                         sqrt(max(1, rows / columns)), "match_rms_adamw" is
                         0.2 sqrt(max(rows, columns)), whose steps are as large as AdamW's, so that
                         one lr suits both.
        betas, adamw_eps: of the AdamW part.
        adamw_scale:     lr of the AdamW part over lr.
        orthogonalise:   None decides by the axes; False, in a group, asks for AdamW.
        maximize:        climb instead of descending.

    Numerics: iterates in the dtype of the parameter (PyTorch: bfloat16).

    Example:
        >>> w = rp.tensor([[3.0, 0.0], [0.0, 0.1]], requires_grad=True)
        >>> opt = Muon([w], lr=1.0, weight_decay=0.0)
        >>> (w * w).sum().backward()
        >>> opt.step()  # about as far in both directions, though one gradient is 30 times larger
        >>> (np.diag([3.0, 0.1]) - w.numpy()).round(1).tolist()
        [[0.7, 0.0], [0.0, 1.1]]

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
        kellerjordan.github.io/posts/muon; match_rms_adamw: Liu et al. 2025, arXiv:2502.16982.
    """

    by_rows = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        betas: tuple[float, float] = (0.9, 0.95),
        adamw_eps: float = 1e-8,
        adamw_scale: float = 1.0,
        orthogonalise: bool | None = None,
        maximize: bool = False,
        **unknown: Any,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
            "betas": betas,
            "adamw_eps": adamw_eps,
            "adamw_scale": adamw_scale,
            "orthogonalise": orthogonalise,
            "maximize": maximize,
        }
        super().__init__(params, defaults, unknown)

    def init(self, param: Tensor, group: ParamGroup) -> State:
        if _is_matrix(param, group):
            return {"momentum_buffer": zeros_like(param)}
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def rates(self, step: Tensor, lr: Tensor, group: ParamGroup) -> Rates:
        slow = lr * group["adamw_scale"]
        adamw = corrected(step, slow, group["betas"], group["adamw_eps"])
        return {
            "lr": lr,
            "keep": 1.0 - lr * group["weight_decay"],
            "adamw_rate": adamw["rate"],
            "adamw_eps": adamw["eps"],
            "adamw_keep": 1.0 - slow * group["weight_decay"],
        }

    def update(
        self, g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
    ) -> tuple[Tensor, State]:
        if "momentum_buffer" not in state:
            return _adamw(g, param, state, rates, group)
        momentum = group["momentum"]
        buffer = moving(state["momentum_buffer"], g, 1.0 - momentum)
        direction = moving(g, buffer, momentum) if group["nesterov"] else buffer
        rows = param.shape[0]
        matrix = ops.reshape(direction, (rows, param.size // max(rows, 1)))
        step = ops.reshape(orthogonal(matrix, group), param.shape)
        param = param * rates["keep"] if group["weight_decay"] else param
        rate = rates["lr"] * _scale(matrix.shape, group["adjust_lr_fn"])
        return param - step * rate, {"momentum_buffer": buffer}


def _is_matrix(param: Tensor, group: ParamGroup) -> bool:
    return param.ndim >= 2 and group["orthogonalise"] is not False


def _scale(shape: tuple[int, ...], kind: str | None) -> float:
    rows, columns = shape
    if kind == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1.0, rows / max(columns, 1)))


def orthogonal(x: Tensor, group: Any) -> Tensor:
    """A matrix with its singular values moved close to 1, by Newton-Schulz iterations.

    Args:
        x:     (rows, columns).
        group: holds "ns_coefficients", "ns_steps" and "eps".
    """
    a, b, c = group["ns_coefficients"]
    tall = x.shape[0] > x.shape[1]
    x = x.mT if tall else x
    x = x / ops.maximum(ops.sqrt(ops.sum(ops.square(x))), group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = x * a + (gram * b + (gram @ gram) * c) @ x
    return x.mT if tall else x


def _adamw(
    g: Tensor, param: Tensor, state: State, rates: Rates, group: ParamGroup
) -> tuple[Tensor, State]:
    param = param * rates["adamw_keep"] if group["weight_decay"] else param
    first, second = moments(g, state, group["betas"])
    step = first / (ops.sqrt(second) + rates["adamw_eps"]) * rates["adamw_rate"]
    return param - step, {"exp_avg": first, "exp_avg_sq": second}
