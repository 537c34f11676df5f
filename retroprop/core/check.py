"""Gradients checked against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retroprop.core.tensor import Tensor
from retroprop.core.transforms import vjp
from retroprop.errors import DTypeError, RetropropError

__all__ = ["GradientMismatchError", "gradcheck"]


class GradientMismatchError(RetropropError, AssertionError):
    """The gradient of a function differs from its finite differences."""

    code = "RP112"


def gradcheck(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    order: int = 2,
    eps: float = 1e-5,
    atol: float = 1e-6,
    rtol: float = 1e-4,
    seed: int = 0,
) -> bool:
    """Check a function's gradients, to first or second order, against central differences.

    One random cotangent u turns the function into a scalar u.f(x); its gradient is compared
    element by element with (u.f(x + eps) - u.f(x - eps)) / (2 eps). For the second order the same
    is done to a random projection of the gradient.

    Args:
        function: from float64 Tensors to a Tensor.
        inputs:   float64 Tensors or arrays, away from kinks.
        order:    1 or 2.
        eps:      step of the differences, in units of the inputs.
        atol:     absolute tolerance.
        rtol:     relative tolerance.
        seed:     of the random directions.

    Returns:
        True.

    Raises:
        GradientMismatchError: naming the input, the element and both numbers.

    Example:
        >>> import retroprop as rp
        >>> gradcheck(lambda x: rp.sin(x) * x, [rp.asarray([0.3, 1.2], dtype=rp.float64)])
        True
    """
    points = [Tensor(x) for x in inputs]
    for point in points:
        if point.dtype != np.float64:
            raise DTypeError(
                f"gradcheck: differences need float64, an input is {point.dtype}",
                fix="convert: x.astype(rp.float64)",
            )
    rng = np.random.default_rng(seed)
    y = function(*points)
    cotangent = Tensor(rng.standard_normal(y.shape))

    def gradient(*xs: Tensor) -> tuple[Tensor, ...]:
        return vjp(function, *xs)[1](cotangent)

    def projected(*xs: Tensor) -> Tensor:
        return (function(*xs) * cotangent).sum()

    _compare(projected, gradient(*points), points, eps, atol, rtol, "gradient")
    if order > 1:
        directions = [Tensor(rng.standard_normal(point.shape)) for point in points]

        def along(*xs: Tensor) -> Tensor:
            parts = zip(gradient(*xs), directions, strict=True)
            total: Tensor = sum((g * d).sum() for g, d in parts)
            return total

        second = vjp(along, *points)[1](Tensor(np.ones(())))
        _compare(along, second, points, eps, 10 * atol, 10 * rtol, "second derivative")
    return True


def _compare(
    scalar: Callable[..., Tensor],
    gradients: Sequence[Tensor],
    points: Sequence[Tensor],
    eps: float,
    atol: float,
    rtol: float,
    what: str,
) -> None:
    for number, (point, gradient) in enumerate(zip(points, gradients, strict=True)):
        base = point.numpy()
        for position in np.ndindex(base.shape):
            ends = []
            for step in (eps, -eps):
                moved = base.copy()
                moved[position] += step
                replaced = [*points[:number], Tensor(moved), *points[number + 1 :]]
                ends.append(scalar(*replaced).item())
            expected = (ends[0] - ends[1]) / (2 * eps)
            found = gradient.numpy()[position].item()
            if not abs(found - expected) <= atol + rtol * abs(expected):
                raise GradientMismatchError(
                    f"{what} with respect to input {number} at {position} is {found:.8g}, "
                    f"finite differences give {expected:.8g}",
                    fix="check the gradient rule, or move the input away from a kink",
                )
