"""Fully connected layers."""

from __future__ import annotations

import math
from typing import Any

from retroprop import dtypes
from retroprop.array.creation import asarray, check_device, zeros
from retroprop.core.tensor import Tensor
from retroprop.errors import ArgumentError, ShapeError
from retroprop.nn.functional.linear import bilinear, linear
from retroprop.nn.module import Module
from retroprop.nn.parameter import Parameter, draw_uniform
from retroprop.shapes import size

__all__ = ["Bilinear", "Linear"]


class Linear(Module):
    """Fully connected layer: y = x weightᵀ + bias over the last axis.

    Args:
        in_features:  size of the last axis of the input.
        out_features: size of the last axis of the output.
        bias:         False leaves the bias out.
        device:       "cpu"; accepted because programs for PyTorch give one.
        dtype:        of the parameters; float32 by default.

    Attributes:
        weight: (out features, in features), uniform in ±1/sqrt(in features) at first.
        bias:   (out features,), likewise, or None.

    Shape: (..., in features) -> (..., out features).

    Example:
        >>> import retroprop as rp
        >>> Linear(20, 30)(rp.zeros((128, 20))).shape
        (128, 30)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.in_features = _count("in_features", in_features)
        self.out_features = _count("out_features", out_features)
        self.weight = Parameter(zeros((out_features, in_features), dtype=dtype))
        self.bias = Parameter(zeros((out_features,), dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        draw_uniform(bound, self.weight, self.bias)

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if not x.shape or x.shape[-1] != self.in_features:
            raise _misfit("Linear", self.in_features, x.shape, self.out_features)
        return linear(x, self.weight, self.bias)

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        return output.size * self.in_features

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}{shown_dtype(self.weight)}"
        )


class Bilinear(Module):
    """A form in two inputs for each output: y[o] = x1ᵀ weight[o] x2 + bias[o].

    Args:
        in1_features: size of the last axis of the first input.
        in2_features: size of the last axis of the second input.
        out_features: size of the last axis of the output.
        bias:         False leaves the bias out.
        device:       "cpu"; accepted because programs for PyTorch give one.
        dtype:        of the parameters; float32 by default.

    Attributes:
        weight: (out features, in1 features, in2 features), uniform in ±1/sqrt(in1 features).
        bias:   (out features,), likewise, or None.

    Shape: (..., in1 features), (..., in2 features) -> (..., out features).

    Example:
        >>> import retroprop as rp
        >>> Bilinear(2, 3, 4)(rp.zeros((5, 2)), rp.zeros((5, 3))).shape
        (5, 4)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        check_device(device)
        super().__init__()
        self.in1_features = _count("in1_features", in1_features)
        self.in2_features = _count("in2_features", in2_features)
        self.out_features = _count("out_features", out_features)
        self.weight = Parameter(zeros((out_features, in1_features, in2_features), dtype=dtype))
        self.bias = Parameter(zeros((out_features,), dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features) if self.in1_features else 0.0
        draw_uniform(bound, self.weight, self.bias)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        return bilinear(asarray(input1), asarray(input2), self.weight, self.bias)

    def multiply_adds(self, args: tuple[Any, ...], output: Any) -> int:
        each: int = self.in1_features * (self.in2_features + 1)
        return int(output.size) * each

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
            f"{shown_dtype(self.weight)}"
        )


def shown_dtype(weight: Tensor) -> str:
    """How a layer's `repr` tells that its parameters are not of the default dtype."""
    return "" if weight.dtype == dtypes.default_float else f", dtype={weight.dtype.name!r}"


def _count(name: str, given: int) -> int:
    if not hasattr(given, "__index__") or given.__index__() < 0:
        raise ArgumentError(f"{name} must be a whole number, not negative; it is {given!r}")
    return given.__index__()


def _misfit(layer: str, features: int, shape: tuple[int, ...], out: int) -> ShapeError:
    """The error for an input with the wrong last axis, and what probably went wrong."""
    if len(shape) > 2 and size(shape[1:]) == features:
        fix = "add nn.Flatten() before it"
    elif shape and shape[-1] > 0:
        fix = f"make it nn.{layer}({shape[-1]}, {out}), or bring the features to the last axis"
    else:
        fix = f"give it a last axis of {features} features"
    return ShapeError(f"{layer} expects (..., {features} features), got {shape}", fix=fix)
