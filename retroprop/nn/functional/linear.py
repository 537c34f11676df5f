"""Affine and bilinear maps."""

from __future__ import annotations

from typing import Any

from retroprop.core.tensor import Tensor
from retroprop.errors import ShapeError
from retroprop.ops.linalg import matmul
from retroprop.ops.movement import permute_dims, reshape
from retroprop.ops.reduction import sum

__all__ = ["bilinear", "linear"]


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """Affine map of the last axis: y = x weightᵀ + bias.

    Args:
        input:  (..., in features).
        weight: (out features, in features), or (in features,).
        bias:   (out features,) or None.

    Returns:
        (..., out features).

    Example:
        >>> import retroprop as rp
        >>> linear(rp.asarray([1.0, 2.0]), rp.asarray([[3.0, 4.0]]), rp.asarray([0.5])).tolist()
        [11.5]
    """
    w = weight if weight.ndim == 1 else permute_dims(weight, (1, 0))
    y: Tensor = matmul(input, w)
    return y if bias is None else y + bias


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """A form in two inputs for each output: y[o] = x1ᵀ weight[o] x2 + bias[o].

    Args:
        input1: (..., in1 features).
        input2: (..., in2 features), same leading axes.
        weight: (out features, in1 features, in2 features).
        bias:   (out features,) or None.

    Returns:
        (..., out features).

    Example:
        >>> import retroprop as rp
        >>> bilinear(rp.asarray([[2.0]]), rp.asarray([[3.0]]), rp.asarray([[[5.0]]])).tolist()
        [[30.0]]
    """
    out, in1, in2 = weight.shape
    lead = input1.shape[:-1]
    if lead != input2.shape[:-1] or input1.shape[-1] != in1 or input2.shape[-1] != in2:
        raise ShapeError(
            f"bilinear: inputs {input1.shape} and {input2.shape} do not fit a weight for "
            f"(..., {in1} features) and (..., {in2} features)",
            fix="the leading axes of both inputs must agree",
        )
    flat = permute_dims(reshape(weight, (out * in1, in2)), (1, 0))
    right = reshape(matmul(input2, flat), (*lead, out, in1))
    y: Tensor = sum(right * reshape(input1, (*lead, 1, in1)), axis=-1)
    return y if bias is None else y + bias
