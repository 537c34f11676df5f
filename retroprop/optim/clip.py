"""Gradients made smaller before a step; the parameters' `.grad` are replaced.

All of them compute with ops only and can be part of a compiled step. Parameters without a gradient
are left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retroprop import dtypes, ops
from retroprop.core.tape import no_grad
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, DivergedError
from retroprop.optim.group import listed
from retroprop.optim.ranges import number

__all__ = [
    "clip_grad_adaptive_",
    "clip_grad_norm_",
    "clip_grad_norms_",
    "clip_grad_value_",
    "grad_norm",
]

_ROUNDING = 1e-6  # keeps a zero norm out of the denominator, as in PyTorch


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients together, so that their norm as one vector is at most `max_norm`.

        g = g min(1, max_norm / (norm + 1e-6))

    Args:
        parameters:         parameters, or one of them.
        max_norm:           largest norm, above 0.
        norm_type:          p of the p-norm; `float("inf")` is the largest magnitude.
        error_if_nonfinite: raise where the norm is infinite or NaN, instead of making the gradients
                            0 or NaN. This looks at the value: it cannot be compiled.

    Returns:
        (), the norm before.

    Raises:
        DivergedError: the norm is not finite, and error_if_nonfinite.

    Example:
        >>> w = rp.tensor([3.0, 4.0], requires_grad=True)
        >>> ((w * w).sum() / 2).backward()
        >>> clip_grad_norm_([w], max_norm=1.0).item()
        5.0
        >>> w.grad.numpy().astype(float).round(3).tolist()
        [0.6, 0.8]

    Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    number("clip_grad_norm_", "max_norm", max_norm, above=True)
    given = _given(parameters, "clip_grad_norm_")
    with no_grad():
        total = _norm_of([param.grad for param in given], norm_type, "clip_grad_norm_")
        if error_if_nonfinite and not math.isfinite(total.item()):
            raise DivergedError(
                f"clip_grad_norm_: the norm of the gradients is {total.item()}",
                fix="find the first parameter with a gradient that is not finite; a smaller lr "
                "earlier on may avoid it",
            )
        factor = ops.minimum(max_norm / (total + _ROUNDING), 1.0)
        for param in given:
            param.grad = _scaled(param.grad, factor)
    return total


def grad_norm(params: Any, norm_type: float = 2.0) -> Tensor:
    """The norm of all gradients as one vector; nothing is changed.

    Example:
        >>> w = rp.tensor([3.0, 4.0], requires_grad=True)
        >>> ((w * w).sum() / 2).backward()
        >>> grad_norm([w]).item()
        5.0
    """
    with no_grad():
        grads = [param.grad for param in _given(params, "grad_norm")]
        return _norm_of(grads, norm_type, "grad_norm")


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Move every element of the gradients into [-clip_value, clip_value].

    Example:
        >>> w = rp.tensor([3.0, -0.5], requires_grad=True)
        >>> ((w * w).sum() / 2).backward()
        >>> clip_grad_value_([w], 1.0)
        >>> w.grad.tolist()
        [1.0, -0.5]
    """
    bound = number("clip_grad_value_", "clip_value", clip_value)
    with no_grad():
        for param in _given(parameters, "clip_grad_value_"):
            param.grad = ops.minimum(ops.maximum(param.grad, -bound), bound)


def clip_grad_norms_(params: Any, max_norm: float, norm_type: float = 2.0) -> None:
    """Scale the gradient of each parameter by itself, so that its own norm is at most `max_norm`.

    Example:
        >>> w, b = rp.tensor([3.0, 4.0], requires_grad=True), rp.tensor([0.5], requires_grad=True)
        >>> (((w * w).sum() + (b * b).sum()) / 2).backward()
        >>> clip_grad_norms_([w, b], max_norm=2.5)
        >>> w.grad.numpy().round(4).tolist(), b.grad.tolist()
        ([1.5, 2.0], [0.5])
    """
    number("clip_grad_norms_", "max_norm", max_norm, above=True)
    with no_grad():
        for param in _given(params, "clip_grad_norms_"):
            own = _norm_of([param.grad], norm_type, "clip_grad_norms_")
            param.grad = _scaled(param.grad, ops.minimum(max_norm / (own + _ROUNDING), 1.0))


def clip_grad_adaptive_(params: Any, clipping: float = 0.01, eps: float = 1e-3) -> None:
    """Scale the gradient of each unit to at most `clipping` times the norm of its weights.

        g_i = g_i min(1, clipping max(|w_i|, eps) / |g_i|)

    A unit i is one slice along the first axis of a weight, all other parameters are one unit.
    The paper leaves out the last linear layer: do so by not giving its parameters.

    Args:
        params:   parameters, or one of them.
        clipping: largest ratio of the norms, above 0.
        eps:      weights count as if their norm were at least this, so that zeros can leave 0.

    Example:
        >>> w = rp.tensor([[3.0, 4.0], [0.3, 0.4]], requires_grad=True)
        >>> (w.sum(axis=1) * rp.asarray([10.0, 0.001])).sum().backward()
        >>> clip_grad_adaptive_([w], clipping=0.1)
        >>> w.grad.numpy().astype(float).round(3).tolist()
        [[0.354, 0.354], [0.001, 0.001]]

    Source: Brock et al. 2021, arXiv:2102.06171, section 4.1.
    """
    number("clip_grad_adaptive_", "clipping", clipping, above=True)
    number("clip_grad_adaptive_", "eps", eps)
    with no_grad():
        for param in _given(params, "clip_grad_adaptive_"):
            axis = tuple(range(1, param.ndim)) if param.ndim > 1 else None
            size = ops.sqrt(ops.sum(ops.square(_wide(param)), axis=axis, keepdims=True))
            slope = ops.sqrt(ops.sum(ops.square(_wide(param.grad)), axis=axis, keepdims=True))
            bound = ops.maximum(size, eps) * clipping
            ratio = bound / ops.maximum(slope, _ROUNDING)
            param.grad = _scaled(param.grad, ops.where(slope > bound, ratio, 1.0))


def _given(params: Any, owner: str) -> list[Tensor]:
    """The parameters that have a gradient."""
    items = [params] if isinstance(params, Tensor) else listed(params, owner)
    for position, item in enumerate(items):
        if not isinstance(item, Tensor):
            raise ArgumentError(
                f"{owner}: parameter {position} is a {type(item).__name__}, it must be a Tensor"
            )
    return [item for item in items if item.grad is not None]


def _wide(x: Any) -> Any:
    """x in a type that the square of its elements fits in."""
    return x.astype(dtypes.float32) if x.dtype.itemsize < 4 else x


def _scaled(g: Any, factor: Tensor) -> Tensor:
    return g * factor.astype(g.dtype)


def _norm_of(tensors: list[Any], norm_type: float, owner: str) -> Tensor:
    """The p-norm of tensors as one vector; 0 for none."""
    if norm_type != math.inf:
        number(owner, "norm_type", norm_type, above=True)
    tensors = [_wide(tensor) for tensor in tensors if tensor.size]
    if not tensors:
        return Tensor(np.float32(0.0))
    if norm_type == math.inf:
        parts = [ops.max(ops.abs(tensor)) for tensor in tensors]
    elif norm_type == 2.0:
        parts = [ops.sum(ops.square(tensor)) for tensor in tensors]
    else:
        parts = [ops.sum(ops.abs(tensor) ** norm_type) for tensor in tensors]
    total: Tensor = parts[0]
    for part in parts[1:]:
        total = ops.maximum(total, part) if norm_type == math.inf else total + part
    if norm_type == 2.0:
        total = ops.sqrt(total)
    elif norm_type not in {math.inf, 1.0}:
        total = total ** (1.0 / norm_type)
    return total
