"""Checks inside a program: a step whose numbers are no longer finite must not be applied."""

from __future__ import annotations

from typing import Any

import numpy as np

from retroprop.errors import DivergedError
from retroprop.ops.define import FLOATING, NoGradient, primitive
from retroprop.ops.samples import bad, call, draw

__all__ = ["require_finite"]

Array = np.ndarray[Any, Any]


@primitive(
    form="opaque",
    shape=lambda x, *, what: x,
    accepts=FLOATING,
    vjp={"x": NoGradient("it is a check of numbers, not a function of them")},
    samples=[
        call((), what="the loss", differentiable=False),
        call((3, 2), what="the loss", differentiable=False),
    ],
    errors=[
        bad(
            draw((2,), values=[1.0, np.nan]),
            what="the loss",
            match="the loss is nan",
            error=RuntimeError,
        )
    ],
)
def require_finite(x: Array, /, *, what: str) -> Array:
    """x as it is, or a DivergedError when an element is infinite or NaN.

    In a compiled function the check comes before any state is written, so the step that fails has
    changed nothing. There it lasts only if its result is used: return it, or compute with it.

    Args:
        x:    floating.
        what: what the message calls it.

    Raises:
        DivergedError: "the loss is nan".

    Example:
        >>> import retroprop as rp
        >>> rp.ops.require_finite(np.float32(1.5), what="the loss").item()
        1.5
    """
    x = np.asarray(x)
    wrong = ~np.isfinite(x)
    if wrong.any():
        raise DivergedError(f"{what} is {x[wrong].flat[0]}")
    return x
